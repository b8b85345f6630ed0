/** A loaded program: what PROG_LOAD makes and descriptors, prog arrays and links keep alive (struct bpf_prog with its aux). */
import type { BtfObject } from './btf.ts';
import type { Executable } from './executable.ts';
import type { KernelObject, ObjectBase } from './kernel-object.ts';
import type { VerifiedProgram } from '../verifier/result.ts';
import type { VerifierStats } from '../../uapi/embedded.ts';

export interface LoadedProg extends ObjectBase<'prog'> {
  readonly name: string;
  readonly verified: VerifiedProgram;
  readonly exe: Executable;
  /** Objects that it keeps alive: its maps, those that were bound to it, and its BTF. */
  holds: readonly KernelObject[];
  readonly btf: BtfObject | undefined;
  /** Records of struct bpf_func_info and bpf_line_info as they were loaded: two and four words each. */
  readonly funcInfo: Uint32Array;
  readonly lineInfo: Uint32Array;
  readonly progFlags: number;
  readonly attachBtfId: number;
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
