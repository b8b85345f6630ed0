/** Lowering of conditional jumps to an i32 condition (BPF_JMP, BPF_JMP32; RFC 9669 section 4.3) and of may_goto. */
import {
  BPF_JCOND,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JLE,
  BPF_JLT,
  BPF_JMP,
  BPF_JNE,
  BPF_JSET,
  BPF_JSGE,
  BPF_JSGT,
  BPF_JSLE,
  BPF_JSLT,
  BPF_X,
} from '../../../isa/opcodes.ts';
import { MAY_GOTO_EXPIRED, MAY_GOTO_TICK } from '../../run/may-goto.ts';
import type { FnState } from './fn-state.ts';
import { JitRefusal } from '../plan.ts';
import { T_I32 } from '../wasm/wasm-ops.ts';
import * as w from '../wasm/wasm-ops.ts';

/** BPF operation to wasm compares: 64-bit, 32-bit, and the same negated. */
const COMPARE: readonly (readonly [number, number, number, number] | undefined)[] = (() => {
  const rows: [number, number, number, number, number][] = [
    [BPF_JEQ, w.I64_EQ, w.I32_EQ, w.I64_NE, w.I32_NE],
    [BPF_JNE, w.I64_NE, w.I32_NE, w.I64_EQ, w.I32_EQ],
    [BPF_JGT, w.I64_GT_U, w.I32_GT_U, w.I64_LE_U, w.I32_LE_U],
    [BPF_JGE, w.I64_GE_U, w.I32_GE_U, w.I64_LT_U, w.I32_LT_U],
    [BPF_JLT, w.I64_LT_U, w.I32_LT_U, w.I64_GE_U, w.I32_GE_U],
    [BPF_JLE, w.I64_LE_U, w.I32_LE_U, w.I64_GT_U, w.I32_GT_U],
    [BPF_JSGT, w.I64_GT_S, w.I32_GT_S, w.I64_LE_S, w.I32_LE_S],
    [BPF_JSGE, w.I64_GE_S, w.I32_GE_S, w.I64_LT_S, w.I32_LT_S],
    [BPF_JSLT, w.I64_LT_S, w.I32_LT_S, w.I64_GE_S, w.I32_GE_S],
    [BPF_JSLE, w.I64_LE_S, w.I32_LE_S, w.I64_GT_S, w.I32_GT_S],
  ];
  const table: (readonly [number, number, number, number] | undefined)[] = Array.from({ length: 16 }, () => undefined);
  for (const [op, ...ops] of rows) table[op >> 4] = ops;
  return table;
})();

/** The unsigned twin of each operation. */
const UNSIGNED: readonly number[] = Array.from({ length: 16 }, (_, k) => {
  const twins: Record<number, number> = {
    [BPF_JSGT]: BPF_JGT,
    [BPF_JSGE]: BPF_JGE,
    [BPF_JSLT]: BPF_JLT,
    [BPF_JSLE]: BPF_JLE,
  };
  return twins[k << 4] ?? k << 4;
});

/** Locals of a function's may_goto: jumps so far, and the state of its time. */
export interface MayGoto {
  readonly count: number;
  readonly clock: number;
}

/** Pushes whether the jump at `i` is taken (or, negated, not taken); false when its encoding is unknown. */
export function pushCondition(f: FnState, i: number, negate: boolean, mayGoto: MayGoto | undefined): boolean {
  const { insns, out } = f;
  const code = insns.code[i];
  const op = code & 0xf0;
  const wide = (code & 7) === BPF_JMP;
  if (op === BPF_JCOND) {
    if (!wide || insns.src[i] !== 0 || mayGoto === undefined) return false;
    pushMayGoto(f, mayGoto);
    if (negate) out.byte(w.I32_EQZ);
    return true;
  }
  const dst = insns.dst[i];
  const src = insns.src[i];
  const useReg = (code & BPF_X) !== 0;
  const known = !useReg || f.isConst(src);
  const lo = useReg ? f.lo[src] : insns.imm[i];
  const hi = useReg ? f.hi[src] : insns.imm[i] >> 31;
  // Zero-extended operands compare as unsigned 32-bit numbers, whatever the comparison's sign.
  const narrow = !wide || f.comparesPointers || (f.isZext(dst) && (known ? hi === 0 : f.isZext(src)));
  const pushSrc = (): void => {
    if (narrow) {
      if (known) out.i32(lo);
      else f.push32(src);
    } else if (known) out.i64(lo, hi);
    else f.push64(src);
  };
  if (narrow) f.push32(dst);
  else f.push64(dst);
  if (op === BPF_JSET) {
    pushSrc();
    out.byte(narrow ? w.I32_AND : w.I64_AND);
    if (negate) out.byte(narrow ? w.I32_EQZ : w.I64_EQZ);
    else if (!narrow) {
      out.i64(0, 0);
      out.byte(w.I64_NE);
    }
    return true;
  }
  const ops = COMPARE[(wide && narrow ? UNSIGNED[op >> 4] : op) >> 4];
  if (ops === undefined) return false;
  const compare = ops[(negate ? 2 : 0) + (narrow ? 1 : 0)];
  const zero = known && lo === 0 && (narrow || hi === 0);
  if (zero && (compare === w.I64_EQ || compare === w.I32_EQ)) {
    out.byte(narrow ? w.I32_EQZ : w.I64_EQZ);
    return true;
  }
  // An i32 is its own "differs from zero".
  if (zero && compare === w.I32_NE) return true;
  pushSrc();
  out.byte(compare);
  return true;
}

/** Pushes 1 or 0: whether the jump at `i`, which is no may_goto, is taken (or, negated, not taken). */
export function pushTruth(f: FnState, i: number, negate: boolean): void {
  const { insns, out } = f;
  const op = insns.code[i] & 0xf0;
  const plain = op !== BPF_JSET && !(op === BPF_JNE && !negate) && !(op === BPF_JEQ && negate);
  // Those may leave any number that is not zero: asked the other way round, the answer is a bit.
  if (!pushCondition(f, i, plain ? negate : !negate, undefined))
    throw new JitRefusal('unsupported', i, `jump 0x${insns.code[i].toString(16)}`);
  if (!plain) out.byte(w.I32_EQZ);
}

/** Pushes 1 once the function has used up its time. From then on every jump asks again. */
function pushMayGoto(f: FnState, m: MayGoto): void {
  const { out, plan } = f;
  out.get(m.count);
  out.i32(1);
  out.byte(w.I32_ADD);
  out.tee(m.count);
  out.i32(MAY_GOTO_TICK);
  out.byte2(w.I32_AND, w.I32_EQZ);
  out.byte2(w.IF, T_I32);
  out.get(m.clock);
  out.op(w.CALL, plan.imported('mayGotoTick').index);
  out.tee(m.clock);
  out.i32(MAY_GOTO_EXPIRED);
  out.byte2(w.I32_EQ, w.IF);
  out.byte(T_I32);
  out.i32(MAY_GOTO_TICK);
  out.set(m.count);
  out.i32(1);
  out.byte(w.ELSE);
  out.i32(0);
  out.byte2(w.END, w.ELSE);
  out.i32(0);
  out.byte(w.END);
}
