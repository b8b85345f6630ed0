/** bpf_for_each_map_elem over a map and with a callback that are known: the walk itself, with direct calls. */
import { ERRNO } from '../../../uapi/errno.ts';
import { H } from '../../maps/header.ts';
import type { MapDesc } from '../../rules/map-desc.ts';
import type { FnState } from './fn-state.ts';
import { emitPoll, loadPolls, storePolls } from '../poll.ts';
import * as w from '../wasm/wasm-ops.ts';

/** Where the key lies in an element of a hash table; its first word is the next element. */
const HASH_KEY = 8;

/** Locals of every walk. */
interface Walk {
  readonly map: MapDesc;
  readonly target: number;
  readonly ctx: number;
  /** Elements visited. */
  readonly count: number;
  /** Calls until the deadline is looked at. */
  readonly due: number;
}

/** Lowers the call at `i`; false when the helper has to do it. */
export function lowerForEach(f: FnState, i: number): boolean {
  const { out, plan } = f;
  const walk = plan.walkOf(i);
  const target = f.isConst(2) ? plan.subprogOfSlot.get(f.lo[2]) : undefined;
  if (walk === undefined || target === undefined || plan.guard !== undefined) return false;
  const state: Walk = { map: walk.map, target, ctx: f.temp64(), count: f.temp32(), due: f.temp32() };
  f.push64(3);
  out.set(state.ctx);
  f.push64(4);
  out.byte2(w.I64_EQZ, w.IF);
  out.byte(w.T_I64);
  out.i32(0);
  out.set(state.count);
  loadPolls(f, state.due);
  out.byte2(w.BLOCK, w.T_EMPTY);
  if (walk.array) walkArray(f, state);
  else walkHash(f, state);
  out.byte(w.END);
  storePolls(f, state.due);
  out.get(state.count);
  out.byte2(w.I64_EXTEND_I32_U, w.ELSE);
  out.i64(-ERRNO.EINVAL, -1);
  out.byte(w.END);
  f.clobber();
  f.set64(0);
  f.free64(state.ctx);
  f.free32(state.count);
  f.free32(state.due);
  return true;
}

/** Calls back with the key and value whose addresses `push` leaves on the stack, one each time it is called; leaves r0. */
function visit(f: FnState, { map, target, ctx, count, due }: Walk, pushKey: () => void, pushValue: () => void): void {
  const { out, plan } = f;
  out.get(count);
  out.i32(1);
  out.byte(w.I32_ADD);
  out.set(count);
  emitPoll(f, due);
  out.i64(map.addr | 0, 0);
  pushKey();
  out.byte(w.I64_EXTEND_I32_U);
  pushValue();
  out.byte(w.I64_EXTEND_I32_U);
  out.get(ctx);
  out.i64(0, 0);
  out.op(w.CALL, plan.functionIndex(target));
}

/** Keys are indexes; the one that a callback sees lies in the frame, below which it has its own. */
function walkArray(f: FnState, walk: Walk): void {
  const { out } = f;
  const { map, count } = walk;
  const value = f.temp32();
  out.i32(map.valuesAddr);
  out.set(value);
  out.byte2(w.LOOP, w.T_EMPTY);
  out.get(f.base);
  out.get(count);
  out.mem(w.I32_STORE, 2, 0);
  visit(
    f,
    walk,
    () => out.get(f.base),
    () => out.get(value),
  );
  out.byte2(w.I64_EQZ, w.I32_EQZ);
  out.op(w.BR_IF, 1);
  out.get(value);
  out.i32(map.elemSize);
  out.byte(w.I32_ADD);
  out.set(value);
  out.get(count);
  out.i32(map.maxEntries);
  out.byte(w.I32_LT_U);
  out.op(w.BR_IF, 0);
  out.byte(w.END);
  f.free32(value);
}

/** Bucket after bucket. The next element is read after the callback: one that it deleted still points on. */
function walkHash(f: FnState, walk: Walk): void {
  const { out } = f;
  const header = (name: 'base' | 'mask' | 'valueOff'): void => {
    out.i32((walk.map.addr + H[name]) | 0);
    out.mem(w.I32_LOAD, 2, 0);
  };
  const bucket = f.temp32();
  const elem = f.temp32();
  out.i32(0);
  out.set(bucket);
  out.byte2(w.LOOP, w.T_EMPTY);
  header('base');
  out.get(bucket);
  out.i32(2);
  out.byte2(w.I32_SHL, w.I32_ADD);
  out.mem(w.I32_LOAD, 2, 0);
  out.set(elem);
  out.byte2(w.BLOCK, w.T_EMPTY);
  out.byte2(w.LOOP, w.T_EMPTY);
  out.get(elem);
  out.byte(w.I32_EQZ);
  out.op(w.BR_IF, 1);
  visit(
    f,
    walk,
    () => {
      out.get(elem);
      out.i32(HASH_KEY);
      out.byte(w.I32_ADD);
    },
    () => {
      out.get(elem);
      header('valueOff');
      out.byte(w.I32_ADD);
    },
  );
  out.byte2(w.I64_EQZ, w.I32_EQZ);
  out.op(w.BR_IF, 3);
  out.get(elem);
  out.mem(w.I32_LOAD, 2, 0);
  out.set(elem);
  out.op(w.BR, 0);
  out.byte2(w.END, w.END);
  out.get(bucket);
  out.i32(1);
  out.byte(w.I32_ADD);
  out.tee(bucket);
  header('mask');
  out.byte(w.I32_LE_U);
  out.op(w.BR_IF, 0);
  out.byte(w.END);
  f.free32(bucket);
  f.free32(elem);
}
