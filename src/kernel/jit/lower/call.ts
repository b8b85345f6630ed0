/** Lowering of calls: helpers and kfuncs, subprograms, callx, bpf_tail_call, bpf_loop and array lookups emitted in place. */
import { ERRNO } from '../../../uapi/errno.ts';
import { BPF_MAP_TYPE } from '../../../uapi/map-types.ts';
import { BPF_PSEUDO_CALL, BPF_PSEUDO_KFUNC_CALL, BPF_X } from '../../../isa/opcodes.ts';
import { FRAME_R0, FRAME_R1 } from '../../run/env.ts';
import { MAX_TAIL_CALL_CNT } from '../../rules/limits.ts';
import { BPF_MAX_LOOPS } from '../../run/loop-rules.ts';
import { LOOP_INLINED } from '../../rules/internal-helpers.ts';
import type { MapDesc } from '../../rules/map-desc.ts';
import { FRAME, type FnState } from './fn-state.ts';
import { ABORT_HELPER, emitAbort, emitDepth } from './guard.ts';
import { lowerForEach } from './for-each.ts';
import { emitPoll, loadPolls, storePolls } from '../poll.ts';
import {
  FUNC_FOR_EACH_MAP_ELEM,
  FUNC_LOOP,
  FUNC_TAIL_CALL,
  type ImportedFn,
  JitRefusal,
  kfuncName,
  TYPE_FUNCTION,
  TYPE_PROGRAM,
} from '../plan.ts';
import * as w from '../wasm/wasm-ops.ts';

/** Lowers the call at `i`. */
export function lowerCall(f: FnState, i: number): void {
  const { insns, plan } = f;
  const id = insns.imm[i];
  if (!plan.sparesStack(i)) f.slots.clear();
  if (insns.code[i] & BPF_X) return lowerCallx(f, i);
  if (insns.src[i] === BPF_PSEUDO_CALL) return lowerSubprogCall(f, i);
  if (insns.src[i] === BPF_PSEUDO_KFUNC_CALL) {
    return lowerImported(f, plan.imported(kfuncName(id, insns.off[i])), 5);
  }
  if (insns.src[i] !== 0) throw new JitRefusal('malformed', i, `call with src_reg ${insns.src[i]}`);
  if (id === FUNC_TAIL_CALL) return lowerTailCall(f, i);
  if (id === FUNC_LOOP) return lowerLoopHelper(f, f.insns.off[i] === LOOP_INLINED);
  if (id === FUNC_FOR_EACH_MAP_ELEM && lowerForEach(f, i)) return;
  const array = plan.inlineArray(i);
  if (array !== undefined) return lowerArrayLookup(f, array);
  const name = plan.helperName(i);
  if (plan.has(name)) lowerImported(f, plan.imported(name), plan.argsOf(i));
  else {
    emitAbort(f, ABORT_HELPER, i);
    f.clobber();
    f.setConst(0, 0, 0);
  }
}

/** A helper or kfunc: core ones take registers, JavaScript ones a frame in guest memory. */
function lowerImported(f: FnState, fn: ImportedFn, args: number): void {
  const { out } = f;
  if (fn.sig === undefined) {
    for (let r = 1; r <= args; r++) {
      out.get(f.base);
      f.push64(r);
      out.mem(w.I64_STORE, 3, FRAME_R1 + (r - 1) * 8);
    }
    out.get(f.base);
    out.op(w.CALL, fn.index);
    f.clobber();
    out.get(f.base);
    out.mem(w.I64_LOAD, 3, FRAME_R0);
    f.set64(0);
    return;
  }
  const colon = fn.sig.indexOf(':');
  for (let k = 0; k < colon; k++) {
    if (fn.sig[k] === 'I') f.push64(k + 1);
    else f.push32(k + 1);
    if (fn.sig[k] === 'W') pushUpper(f, k + 1);
    else if (fn.sig[k] === 'F') saturate(f, k + 1);
  }
  out.op(w.CALL, fn.index);
  f.clobber();
  const result = fn.sig[colon + 1];
  if (result === 'i') f.set32(0);
  else if (result === 's') {
    out.byte(w.I64_EXTEND_I32_S);
    f.set64(0);
  } else if (result === 'I') f.set64(0);
  else f.setConst(0, 0, 0);
}

/** Pushes the upper 32 bits of a register. */
function pushUpper(f: FnState, reg: number): void {
  if (f.isZext(reg)) return f.out.i32(0);
  f.push64(reg);
  f.out.i64(32, 0);
  f.out.byte2(w.I64_SHR_U, w.I32_WRAP_I64);
}

/** Makes the low half on the stack all ones when the upper half of the register is not zero. */
function saturate(f: FnState, reg: number): void {
  if (f.isZext(reg)) return;
  f.out.i32(0);
  pushUpper(f, reg);
  f.out.i32(0);
  f.out.byte2(w.I32_NE, w.I32_SUB);
  f.out.byte(w.I32_OR);
}

/** call pc+imm: a wasm call with as many registers as the function reads. */
function lowerSubprogCall(f: FnState, i: number): void {
  const { insns, out, plan } = f;
  const subprog = plan.subprogAt.get(i + 1 + insns.imm[i]);
  if (subprog === undefined) throw new JitRefusal('malformed', i, 'call of no function');
  if (plan.guard !== undefined) emitDepth(f, 1, i);
  pushSubprogArgs(f, subprog);
  out.op(w.CALL, plan.functionIndex(subprog));
  f.clobber();
  f.set64(0);
  if (plan.guard !== undefined) emitDepth(f, -1, i);
}

function pushSubprogArgs(f: FnState, subprog: number): void {
  if (subprog === 0) f.push32(1);
  else for (let r = 1; r <= f.plan.argCount[subprog]; r++) f.push64(r);
  if (f.plan.takesSp(subprog)) f.out.get(f.base);
}

/** callx: the helper's id is in a register. */
function lowerCallx(f: FnState, i: number): void {
  const { insns, out, plan } = f;
  if (plan.guard === undefined) throw new JitRefusal('unsupported', i, 'callx outside guard mode');
  const reg = insns.dst[i];
  const id = f.temp64();
  f.push64(reg);
  out.set(id);
  f.flush(0xfff);
  for (const helper of plan.guard.callx) {
    if (!plan.has(`h${helper}`)) continue;
    out.get(id);
    out.i64(helper, 0);
    out.byte2(w.I64_EQ, w.IF);
    out.byte(w.T_EMPTY);
    f.forget();
    lowerImported(f, plan.imported(`h${helper}`), 5);
    f.flush(1);
    out.byte(w.ELSE);
  }
  emitAbort(f, ABORT_HELPER, i);
  for (const helper of plan.guard.callx) if (plan.has(`h${helper}`)) out.byte(w.END);
  f.forget();
  f.free64(id);
}

/** bpf_tail_call: jumps through the code table, or falls through when there is no target or 33 were made. */
function lowerTailCall(f: FnState, i: number): void {
  const { out, plan } = f;
  const slot = f.temp32();
  const count = f.temp32();
  out.byte2(w.BLOCK, w.T_EMPTY);
  out.op(w.GLOBAL_GET, plan.tailCallsGlobal);
  out.tee(count);
  out.i32(MAX_TAIL_CALL_CNT);
  out.byte(w.I32_GE_U);
  out.op(w.BR_IF, 0);
  const array = plan.knownProgArray(i);
  if (array === undefined) {
    f.push32(2);
    f.push32(3);
    out.op(w.CALL, plan.imported('tailCallTarget').index);
  } else {
    f.push32(3);
    out.i32(array.maxEntries);
    out.byte(w.I32_GE_U);
    out.op(w.BR_IF, 0);
    f.push32(3);
    out.i32(array.elemSize);
    out.byte(w.I32_MUL);
    out.mem(w.I32_LOAD, 2, array.valuesAddr);
  }
  out.tee(slot);
  out.byte(w.I32_EQZ);
  out.op(w.BR_IF, 0);
  out.get(count);
  out.i32(1);
  out.byte(w.I32_ADD);
  out.op(w.GLOBAL_SET, plan.tailCallsGlobal);
  f.leaveFrame(plan.spGlobal);
  if (plan.guard === undefined) {
    // A program that calls itself needs no checks of what the table holds.
    out.get(slot);
    out.op(w.GLOBAL_GET, plan.slotGlobal);
    out.byte2(w.I32_EQ, w.IF);
    out.byte(w.T_EMPTY);
    f.push32(1);
    out.op(w.RETURN_CALL, plan.functionIndex(0));
    out.byte(w.END);
  }
  f.push32(1);
  out.get(slot);
  out.op(w.RETURN_CALL_INDIRECT, TYPE_PROGRAM);
  out.byte(0);
  out.byte(w.END);
  f.free32(slot);
  f.free32(count);
  f.clobber();
  // r0 stays what it was; its new value may live in another local.
  f.push64(0);
  f.set64(0);
}

/** Pushes whether r1, of which `n` is the low half, is not too large: the helper takes 32 bits of it, inlined code all. */
function pushWithinLimit(f: FnState, inlined: boolean, n: number): void {
  const { out } = f;
  if (inlined) {
    f.push64(1);
    out.i64(BPF_MAX_LOOPS, 0);
    out.byte(w.I64_LE_U);
  } else {
    out.get(n);
    out.i32(BPF_MAX_LOOPS);
    out.byte(w.I32_LE_U);
  }
}

/** Calls the callback, known or through its slot, with the two arguments that were pushed; it may take fewer, or up to five. */
function callLoopBody(f: FnState, target: number | undefined, slot: number): void {
  const { out, plan } = f;
  const params = target === undefined ? 5 : plan.argCount[target];
  if (params < 2) out.byte(w.DROP);
  if (params < 1) out.byte(w.DROP);
  for (let k = 2; k < params; k++) out.i64(0, 0);
  if (target === undefined) {
    out.get(slot);
    out.op(w.CALL_INDIRECT, TYPE_FUNCTION);
    out.byte(0);
  } else out.op(w.CALL, plan.functionIndex(target));
}

/** bpf_loop(nr, callback, ctx, flags): the loop itself, with a direct call when the callback is known. */
function lowerLoopHelper(f: FnState, inlined: boolean): void {
  const { out, plan } = f;
  const target = f.isConst(2) ? plan.subprogOfSlot.get(f.lo[2]) : undefined;
  const n = f.temp32();
  const at = f.temp32();
  const ctx = f.temp64();
  const due = f.temp32();
  const slot = target === undefined ? f.temp32() : -1;
  f.push32(1);
  out.set(n);
  if (slot >= 0) {
    f.push32(2);
    out.set(slot);
  }
  f.push64(3);
  out.set(ctx);
  f.push64(4);
  out.byte2(w.I64_EQZ, w.IF);
  out.byte(w.T_I64);
  pushWithinLimit(f, inlined, n);
  out.byte(w.IF);
  out.byte(w.T_I64);
  out.i32(0);
  out.set(at);
  loadPolls(f, due);
  out.byte2(w.BLOCK, w.T_EMPTY);
  out.byte2(w.LOOP, w.T_EMPTY);
  out.get(at);
  out.get(n);
  out.byte(w.I32_GE_U);
  out.op(w.BR_IF, 1);
  emitPoll(f, due);
  out.get(at);
  out.byte(w.I64_EXTEND_I32_U);
  out.get(ctx);
  callLoopBody(f, target, slot);
  out.get(at);
  out.i32(1);
  out.byte(w.I32_ADD);
  out.set(at);
  out.byte(w.I64_EQZ);
  out.op(w.BR_IF, 0);
  out.byte2(w.END, w.END);
  storePolls(f, due);
  out.get(at);
  out.byte2(w.I64_EXTEND_I32_U, w.ELSE);
  // Linux moves 32 bits where it inlines.
  out.i64(-ERRNO.E2BIG, inlined ? 0 : -1);
  out.byte2(w.END, w.ELSE);
  out.i64(-ERRNO.EINVAL, -1);
  out.byte(w.END);
  f.clobber();
  f.set64(0);
  f.free32(n);
  f.free32(at);
  f.free32(due);
  f.free64(ctx);
  if (slot >= 0) f.free32(slot);
}

/**
 * bpf_map_lookup_elem on an array map: key < max_entries ? values + key * elem_size : 0. Of an array of maps the value is the
 * address of the inner map; an empty slot and the null region both hold 0.
 */
function lowerArrayLookup(f: FnState, map: MapDesc): void {
  const { out } = f;
  const known = f.kind[2] === FRAME ? f.slots.load(f.lo[2], 4) : undefined;
  const inner = map.type === BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY_OF_MAPS;
  if (known !== undefined) {
    const key = known[0] >>> 0;
    const addr = key < map.maxEntries ? map.valuesAddr + key * map.elemSize : 0;
    f.clobber();
    if (!inner) return f.setConst(0, addr | 0, 0);
    out.i32(addr);
  } else {
    const key = f.temp32();
    f.push32(2);
    out.mem(w.I32_LOAD, 0, 0);
    out.tee(key);
    out.i32(map.elemSize);
    out.byte(w.I32_MUL);
    out.i32(map.valuesAddr);
    out.byte(w.I32_ADD);
    out.i32(0);
    out.get(key);
    out.i32(map.maxEntries);
    out.byte2(w.I32_LT_U, w.SELECT);
    f.free32(key);
    f.clobber();
  }
  if (inner) out.mem(w.I32_LOAD, 2, 0);
  f.set32(0);
}
