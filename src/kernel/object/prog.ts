/** A loaded program: what PROG_LOAD makes and descriptors, prog arrays and links keep alive (struct bpf_prog with its aux). */
import type { Restore } from '../mem/saved.ts';
import type { BtfObject } from './btf.ts';
import type { Executable } from './executable.ts';
import type { KernelObject, ObjectBase } from './kernel-object.ts';
import type { VerifiedProgram } from '../verifier/result.ts';
import type { VerifierStats } from '../../uapi/embedded.ts';

export interface LoadedProg extends ObjectBase<'prog'> {
  readonly name: string;
  readonly verified: VerifiedProgram;
  /** Another one while programs stand on its functions. */
  exe: Executable;
  /** Objects that it keeps alive: its maps, those that were bound to it, and its BTF. */
  holds: readonly KernelObject[];
  readonly btf: BtfObject | undefined;
  /** Records of struct bpf_func_info and bpf_line_info as they were loaded: two and four words each. */
  readonly funcInfo: Uint32Array;
  readonly lineInfo: Uint32Array;
  readonly progFlags: number;
  readonly attachBtfId: number;
  /** The program whose function attachBtfId names; until it is attached, when the link has it. */
  target: LoadedProg | undefined;
  /** attachBtfId names a function of a program. */
  readonly onProgram: boolean;
  /** It traces a program that traces. */
  readonly tracesTracing: boolean;
  /** Elements of prog arrays that hold it. */
  jumpTargets: number;
  /** Nanoseconds since boot, as two 32-bit halves. */
  readonly loadTime: readonly [lo: number, hi: number];
  readonly stats: VerifierStats;
  /** Runs in progress, and runs that were not begun because of them (prog->active, recursion_misses). */
  active: number;
  misses: number;
  /** Runs so far and their time, when the host asked for statistics. */
  runCnt: number;
  runTimeNs: number;
}

/** For snapshots: its code, what it holds, and its counts. */
export function saveProg(prog: LoadedProg): Restore {
  const { exe, holds, target, jumpTargets, misses, runCnt, runTimeNs } = prog;
  const restore = exe.save?.();
  return () => {
    Object.assign(prog, { exe, holds, target, jumpTargets, misses, runCnt, runTimeNs });
    restore?.();
  };
}
