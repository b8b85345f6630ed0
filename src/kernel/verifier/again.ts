/** What it takes to verify a refused program once more. */
import {
  BPF_DW,
  BPF_IMM,
  BPF_LD,
  BPF_PSEUDO_MAP_FD,
  BPF_PSEUDO_MAP_IDX,
  BPF_PSEUDO_MAP_IDX_VALUE,
  BPF_PSEUDO_MAP_VALUE,
} from '../../isa/opcodes.ts';
import { ERRNO } from '../../uapi/errno.ts';
import type { MapDesc } from '../rules/map-desc.ts';
import type { VerifierInput } from './result.ts';

const LD_IMM64 = BPF_LD | BPF_IMM | BPF_DW;

/** The input with the maps of its descriptors kept: the caller may close these. */
export function withMaps(input: VerifierInput): VerifierInput {
  const { insns, mapByFd, fdArray } = input;
  const fds = new Map<number, number | undefined>();
  const maps = new Map<number, MapDesc | number>();
  for (let i = 0; i < insns.length; i++) {
    if (insns.code[i] !== LD_IMM64) continue;
    const src = insns.src[i];
    let fd: number | undefined = insns.imm[i];
    if (src === BPF_PSEUDO_MAP_IDX || src === BPF_PSEUDO_MAP_IDX_VALUE) fds.set(fd, (fd = fdArray?.(fd)));
    else if (src !== BPF_PSEUDO_MAP_FD && src !== BPF_PSEUDO_MAP_VALUE) continue;
    if (fd !== undefined) maps.set(fd, mapByFd(fd));
  }
  return {
    ...input,
    mapByFd: (fd) => maps.get(fd) ?? -ERRNO.EBADF,
    ...(fdArray === undefined ? {} : { fdArray: (index: number) => fds.get(index) }),
  };
}
