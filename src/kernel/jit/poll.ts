/** Counting calls of callbacks down to the next look at the deadline (helpers/loop-rules.ts), in a local while a loop lasts. */
import { LOOP_POLL } from '../run/loop-rules.ts';
import type { FnState } from './lower/fn-state.ts';
import * as w from './wasm/wasm-ops.ts';

/** Before a loop: what the loops before it left. */
export function loadPolls(f: FnState, due: number): void {
  f.out.i32(f.plan.linkage.stack.polls);
  f.out.mem(w.I32_LOAD, 2, 0);
  f.out.set(due);
}

/** Before each call. */
export function emitPoll(f: FnState, due: number): void {
  const { out } = f;
  out.get(due);
  out.i32(1);
  out.byte(w.I32_SUB);
  out.tee(due);
  out.byte2(w.I32_EQZ, w.IF);
  out.byte(w.T_EMPTY);
  out.op(w.CALL, f.plan.imported('poll').index);
  out.i32(LOOP_POLL);
  out.set(due);
  out.byte(w.END);
}

/** After a loop. */
export function storePolls(f: FnState, due: number): void {
  f.out.i32(f.plan.linkage.stack.polls);
  f.out.get(due);
  f.out.mem(w.I32_STORE, 2, 0);
}
