/** The time that may_goto grants one call of a function (bpf_check_timed_may_goto): the same for both engines, by the stopwatch. */
import type { HelperEnv } from './env.ts';

/** Jumps between two looks at the stopwatch, less one: a mask of their count. */
export const MAY_GOTO_TICK = 0xffff;
/** The answer of {@link mayGotoTick} when the time is up, and for ever after. */
export const MAY_GOTO_EXPIRED = -1;
const GRANTED_MS = 250;
const MASK = 0x7fff_ffff;

/**
 * Asked every {@link MAY_GOTO_TICK} + 1 jumps.
 * @param state 0 at the function's first tick, then what the last one gave
 */
export function mayGotoTick(env: Pick<HelperEnv, 'checkDeadline' | 'host'>, state: number): number {
  if (state === MAY_GOTO_EXPIRED) return MAY_GOTO_EXPIRED;
  env.checkDeadline();
  // Whole milliseconds modulo 2^31 in an i32, from 1 on: the state of compiled functions is a local.
  const now = Math.floor(env.host.stopwatch()) % (MASK + 1);
  if (state === 0) return (now + 1) | 0;
  return ((now + 1 - state) & MASK) < GRANTED_MS ? state : MAY_GOTO_EXPIRED;
}
