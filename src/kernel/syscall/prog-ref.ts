/** A loaded program as prog arrays hold it, and what must agree between an array and its users (bpf_prog_map_compatible). */
import { BPF_F_XDP_HAS_FRAGS } from '../../uapi/flags.ts';
import { BPF_PROG_TYPE as T } from '../../uapi/prog-types.ts';
import type { LoadedProg } from '../object/prog.ts';
import type { ProgRef } from '../maps/env.ts';
import type { SyscallEnv } from './env.ts';

/** Types whose attach type decides the context, so that it must agree too. */
const ATTACH_MATTERS: ReadonlySet<number> = new Set([T.BPF_PROG_TYPE_CGROUP_SOCK_ADDR]);

export function ownerTag(progType: number, expectedAttachType: number, engine: string, progFlags: number): string {
  const attach = ATTACH_MATTERS.has(progType) ? expectedAttachType : 0;
  return `${progType}:${attach}:${engine}:${progFlags & BPF_F_XDP_HAS_FRAGS ? 1 : 0}`;
}

export function progRef(env: SyscallEnv, prog: LoadedProg): ProgRef {
  const { verified, exe } = prog;
  return {
    id: prog.id,
    slot: exe.slot,
    ownerTag: ownerTag(verified.progType, verified.expectedAttachType, exe.engine, prog.progFlags),
    hold: () => void env.objects.get(prog),
    drop: () => env.objects.put(prog),
  };
}
