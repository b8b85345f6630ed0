/** Rules of bpf_loop and bpf_for_each_map_elem, for all that run them: interpreter, compiled code, helper. */
import { ERRNO } from '../../uapi/errno.ts';
import type { HelperEnv } from './env.ts';
import type { GuestStack } from './linkage.ts';

/** BPF_MAX_LOOPS */
export const BPF_MAX_LOOPS = 8 * 1024 * 1024;
/**
 * Calls of callbacks between two looks at the deadline. They are counted down in a word beside the stack, which loops inside of
 * loops and loops one after the other share: many short ones are as one long one.
 */
export const LOOP_POLL = 1024;

/** Why a call of bpf_loop makes no loop: -EINVAL, -E2BIG, or 0. */
export function loopRefusal(nr: number, flagsLo: number, flagsHi: number): number {
  if ((flagsLo | flagsHi) !== 0) return -ERRNO.EINVAL;
  return nr > BPF_MAX_LOOPS ? -ERRNO.E2BIG : 0;
}

/** Counts one call of a callback, before it is made. */
export function countCallback(env: Pick<HelperEnv, 'mem' | 'checkDeadline'>, stack: Pick<GuestStack, 'polls'>): void {
  const at = stack.polls >>> 2;
  const { i32 } = env.mem;
  if (--i32[at] > 0) return;
  i32[at] = LOOP_POLL;
  env.checkDeadline();
}
