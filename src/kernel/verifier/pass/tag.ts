/** The program tag: a digest of the instructions as they were loaded, without map descriptors (bpf_prog_calc_tag). */
import { encodeInsns } from '../../../isa/encode.ts';
import type { Insns } from '../../../isa/insn.ts';
import { BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE } from '../../../isa/opcodes.ts';
import { sha256 } from '../../../util/sha256.ts';
import type { ProgTag } from '../result.ts';
import { isLdImm64 } from './subprogs.ts';

/** The tag of a loaded program, made when it is first asked for: until then it keeps what was loaded. */
export class LoadedTag implements ProgTag {
  #insns: Insns | undefined;
  #hex = '';

  constructor(loaded: Insns) {
    this.#insns = loaded;
  }

  get hex(): string {
    if (this.#insns !== undefined) this.#hex = progTag(this.#insns);
    this.#insns = undefined;
    return this.#hex;
  }
}

/** Eight bytes as hex. */
export function progTag(insns: Insns): string {
  return Array.from(progDigest(insns).subarray(0, 8), (b) => b.toString(16).padStart(2, '0')).join('');
}

/** SHA-256 of the instructions. Constants of map loads differ from load to load and count as 0. */
export function progDigest(insns: Insns): Uint8Array {
  const copy = insns.slice();
  for (let i = 0; i + 1 < copy.length; i++) {
    if (!isLdImm64(copy, i)) continue;
    if (copy.src[i] === BPF_PSEUDO_MAP_FD || copy.src[i] === BPF_PSEUDO_MAP_VALUE) copy.imm[i] = copy.imm[i + 1] = 0;
    i++;
  }
  return sha256(encodeInsns(copy));
}
