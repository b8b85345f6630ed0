/** Lowers one subprogram to a wasm function body: frame, blocks in layout order, branches as scopes. */
import type { Insns } from '../../../isa/insn.ts';
import {
  BPF_ALU,
  BPF_ALU64,
  BPF_CALL,
  BPF_JCOND,
  BPF_JMP,
  BPF_LD,
  BPF_LDX,
  BPF_MOV,
  BPF_PSEUDO_FUNC,
  BPF_ST,
  BPF_STX,
} from '../../../isa/opcodes.ts';
import { FRAME_SIZE } from '../../run/env.ts';
import { lowerAlu } from './alu.ts';
import { lowerAtomic } from './atomic.ts';
import { type MayGoto, pushCondition, pushTruth } from './branch.ts';
import { lowerCall } from './call.ts';
import { type Cfg, END_COND, END_EXIT, END_SWITCH } from '../shape/cfg.ts';
import { dispatchOrder } from '../shape/dispatch.ts';
import { FnState } from './fn-state.ts';
import { ABORT_OPCODE, ABORT_R10, emitAbort, emitFuel, emitStackCheck, pushEntryR2 } from './guard.ts';
import { type Layout, structureCfg } from '../shape/layout.ts';
import { isPure, type Liveness, readsAndWrites } from '../facts/liveness.ts';
import type { Widths } from '../facts/widths.ts';
import { lowerLoad, lowerStore, lowerSwappedLoad, swapOfLoad } from './memory.ts';
import { type CallNeeds, JitRefusal, type ModulePlan, NEEDS_FRAME, NEEDS_MAILBOX, NEEDS_NOTHING } from '../plan.ts';
import type { Promotion } from '../rewrite/promote.ts';
import type { ByteSink } from '../wasm/sink.ts';
import * as w from '../wasm/wasm-ops.ts';

/** A subprogram analysed and ready to be lowered. */
export interface Subject {
  readonly index: number;
  readonly start: number;
  readonly cfg: Cfg;
  readonly live: Liveness;
  /** Undefined in guard mode: everything is kept in 64 bits. */
  readonly widths: Widths | undefined;
  /** Undefined where all of the stack is in memory. */
  readonly promotion: Promotion | undefined;
  readonly stackDepth: number;
}

/** Largest function body that V8 takes, less its local declarations. */
export const MAX_FUNCTION_BYTES = 7_654_321 - 1024;
/** Most entries of one br_table that V8 takes. */
const MAX_BR_TABLE = 65_520;
const FP_BIT = 1 << 10;

/** Local declarations and code of the function, without its size. */
export interface FunctionBody {
  readonly localTypes: readonly number[];
  readonly code: ByteSink;
}

interface Emission {
  readonly f: FnState;
  readonly s: Subject;
  readonly insns: Insns;
  readonly order: Int32Array;
  readonly position: Int32Array;
  /** Blocks whose work was done before they were reached. */
  readonly passed: Uint8Array;
  /** Emits a branch (BR or BR_IF) to a block. */
  branch(opcode: number, from: number, to: number): void;
  /** The label of a branch from one block to another. */
  label(from: number, to: number): number;
  readonly mayGoto: MayGoto | undefined;
}

/** @param limit largest body in bytes; throws JitRefusal beyond */
export function lowerFunction(plan: ModulePlan, s: Subject, limit: number): FunctionBody {
  const { insns } = plan.program;
  const main = s.index === 0;
  const traits = scanTraits(plan, s.cfg);
  const depth = plan.guard === undefined ? s.stackDepth : 512;
  const frameSize = (depth + (traits.needs === NEEDS_MAILBOX ? FRAME_SIZE : 0) + 15) & ~15;
  const args = main ? 1 : plan.argCount[s.index];
  const params = args + (plan.takesSp(s.index) ? 1 : 0);
  const f = new FnState(plan, insns, params, frameSize, 256 + (s.cfg.count + traits.slots) * 12);
  const { promotion } = s;
  for (const [off, size] of promotion?.slots ?? []) f.promoted.set(off, f.newLocal(size === 8 ? w.T_I64 : w.T_I32));
  const mayGoto = traits.mayGoto ? { count: f.newLocal(w.T_I32), clock: f.newLocal(w.T_I32) } : undefined;
  const onStack = (s.live.mentioned & FP_BIT) !== 0 && promotion?.all !== true;
  if (traits.needs !== NEEDS_NOTHING || onStack) {
    f.enterFrame(plan.spGlobal, traits.needs >= NEEDS_FRAME, params > args ? args : -1);
    if (plan.guard !== undefined) emitStackCheck(f, s.start);
  }
  enterRegisters(f, s, main);
  if (plan.guard !== undefined) emitFuel(f, s.start);
  const layout = structureCfg(s.cfg);
  if (layout !== undefined) emitStructured(f, s, layout, mayGoto, limit);
  else emitDispatched(f, s, mayGoto, limit);
  f.out.byte(w.END);
  if (f.out.pos > limit) tooLarge(s, limit);
  return { localTypes: f.localTypes, code: f.out };
}

function tooLarge(s: Subject, limit: number): never {
  throw new JitRefusal('too-large', s.start, `function of more than ${limit} bytes of WebAssembly`);
}

/** Demands of the calls in a function on its frame. */
export const frameNeeds = (plan: ModulePlan, cfg: Cfg): CallNeeds => scanTraits(plan, cfg).needs;

/** Facts about a function's reached instructions that decide its frame. */
function scanTraits(plan: ModulePlan, cfg: Cfg): { needs: CallNeeds; mayGoto: boolean; slots: number } {
  const { insns } = plan.program;
  let needs: CallNeeds = NEEDS_NOTHING;
  let mayGoto = false;
  let slots = 0;
  for (let b = 0; b < cfg.count; b++) {
    slots += cfg.end[b] - cfg.start[b];
    for (let i = cfg.start[b]; i < cfg.end[b]; i++) {
      const code = insns.code[i];
      if (code === 0x18) i++;
      else if ((code & 0xf7) === (BPF_JMP | BPF_CALL)) {
        const more = plan.callNeeds(i);
        if (more > needs) needs = more;
      } else if (code === (BPF_JMP | BPF_JCOND)) mayGoto = true;
    }
  }
  return { needs, mayGoto, slots };
}

/** Puts the parameters into registers. */
function enterRegisters(f: FnState, s: Subject, main: boolean): void {
  const liveIn = s.live.blockIn[0];
  if (!main) {
    for (let r = 1; r <= f.plan.argCount[s.index]; r++) f.regLocal[r] = r - 1;
    return;
  }
  if ((liveIn & 2) !== 0) {
    f.narrowDef = s.widths !== undefined && (s.widths.narrowIn[0] & 2) !== 0;
    f.out.get(0);
    f.set32(1);
  }
  if (f.plan.guard !== undefined && (liveIn & 4) !== 0) {
    pushEntryR2(f);
    f.set64(2, true);
  }
}

function emitStructured(f: FnState, s: Subject, layout: Layout, mayGoto: MayGoto | undefined, limit: number): void {
  const { out } = f;
  const { cfg } = s;
  const { order, position, scopeAt, scopeNext, scopeEnd, scopeIsLoop } = layout;
  const open = new Int32Array(layout.scopes);
  const levelOf = new Int32Array(layout.scopes);
  let depth = 0;
  const e: Emission = {
    f,
    s,
    insns: f.insns,
    order,
    position,
    passed: new Uint8Array(cfg.count),
    mayGoto,
    branch(opcode, from, to) {
      if (position[to] <= position[from] && f.plan.guard !== undefined) {
        // The condition, if any, is on the stack; fuel is taken for every look at the back edge.
        emitFuel(f, cfg.end[from] - 1);
      }
      out.op(opcode, e.label(from, to));
    },
    label(from, to) {
      const back = position[to] <= position[from];
      return depth - 1 - levelOf[back ? layout.loopScope[to] : layout.blockScope[to]];
    },
  };
  for (let at = 0; at < cfg.count; at++) {
    const b = order[at];
    while (depth > 0 && scopeEnd[open[depth - 1]] === at) {
      out.byte(w.END);
      depth--;
    }
    if (!continuesFrom(cfg, at > 0 ? order[at - 1] : -1, b)) forgetAt(f, s, b);
    for (let k = scopeAt[at]; k >= 0; k = scopeNext[k]) {
      out.byte2(scopeIsLoop[k] ? w.LOOP : w.BLOCK, w.T_EMPTY);
      open[depth] = k;
      levelOf[k] = depth++;
    }
    emitBlock(e, b, at + 1 < cfg.count ? order[at + 1] : -1, depth === 0 && at + 1 === cfg.count);
    if (out.pos > limit) tooLarge(s, limit);
  }
  if (depth > 0) {
    while (depth-- > 0) out.byte(w.END);
    out.byte(w.UNREACHABLE);
  } else if (cfg.kind[order[cfg.count - 1]] !== END_EXIT) out.byte(w.UNREACHABLE);
}

/** Facts at the start of a block that control reaches from several places. */
function forgetAt(f: FnState, s: Subject, b: number): void {
  f.forget(s.widths?.narrowIn[b], s.widths?.zextIn[b]);
}

/** Whether `b` is entered from `before`, the block just emitted, and from nowhere else: what is known stays known. */
function continuesFrom(cfg: Cfg, before: number, b: number): boolean {
  if (before < 0) return b === 0 && cfg.predRow[1] === 0;
  return cfg.predRow[b + 1] - cfg.predRow[b] === 1 && cfg.preds[cfg.predRow[b]] === before;
}

function emitDispatched(f: FnState, s: Subject, mayGoto: MayGoto | undefined, limit: number): void {
  const { out } = f;
  const { cfg } = s;
  const n = cfg.count;
  if (n > MAX_BR_TABLE) {
    throw new JitRefusal('too-large', s.start, `irreducible function of more than ${MAX_BR_TABLE} blocks`);
  }
  const { order, position } = dispatchOrder(cfg);
  const target = f.newLocal(w.T_I32);
  let at = 0;
  const e: Emission = {
    f,
    s,
    insns: f.insns,
    order,
    position,
    passed: new Uint8Array(cfg.count),
    mayGoto,
    branch(opcode, _from, to) {
      const p = position[to];
      if (p > at) {
        out.op(opcode, p - at - 1);
        return;
      }
      if (f.plan.guard !== undefined) emitFuel(f, cfg.end[order[at]] - 1);
      if (opcode === w.BR_IF) out.byte2(w.IF, w.T_EMPTY);
      out.i32(p);
      out.set(target);
      out.op(w.BR, n - 1 - at + (opcode === w.BR_IF ? 1 : 0));
      if (opcode === w.BR_IF) out.byte(w.END);
    },
    label(from) {
      throw new JitRefusal('unsupported', cfg.end[from] - 1, 'switch in an irreducible graph');
    },
  };
  f.flush(0xfff);
  out.byte2(w.LOOP, w.T_EMPTY);
  for (let k = 0; k < n; k++) out.byte2(w.BLOCK, w.T_EMPTY);
  out.get(target);
  out.op(w.BR_TABLE, n - 1);
  for (let k = 0; k < n; k++) out.u32(k);
  for (; at < n; at++) {
    out.byte(w.END);
    forgetAt(f, s, order[at]);
    emitBlock(e, order[at], at + 1 < n ? order[at + 1] : -1, false);
    if (out.pos > limit) tooLarge(s, limit);
  }
  out.byte2(w.UNREACHABLE, w.END);
  out.byte(w.UNREACHABLE);
}

/** Emits the instructions of a block and its way out; `following` is what comes right after it in the code. */
function emitBlock(e: Emission, b: number, following: number, lastOfAll: boolean): void {
  const { f, insns } = e;
  const { cfg, live, start, widths } = e.s;
  if (e.passed[b] !== 0) return;
  const kind = cfg.kind[b];
  const last = cfg.end[b] - 1;
  const hasTerminator = isJumpSlot(insns, last, cfg.start[b]);
  const stop = hasTerminator ? last : cfg.end[b];
  for (let i = cfg.start[b]; i < stop; i++) {
    // A halfword that is swapped at once is two bytes loaded the other way round.
    const load = i;
    const swap = swapOfLoad(f, i, stop);
    if (swap >= 0) i = swap;
    f.narrowDef = widths !== undefined && widths.narrowDef[i - start] !== 0;
    if (swap >= 0) lowerSwappedLoad(f, load, live.after[i - start]);
    else lowerInsn(f, i, live.after[i - start]);
    if (insns.code[i] === 0x18) i++;
  }
  if (kind === END_EXIT) {
    f.leaveFrame(f.plan.spGlobal);
    f.push64(0);
    if (!lastOfAll) f.out.byte(w.RETURN);
    return;
  }
  if (kind === END_COND && emitChoice(e, b, following)) return;
  f.flush(live.blockOut[b]);
  if (kind === END_SWITCH) {
    emitSwitch(e, b);
    return;
  }
  const next = cfg.next[b];
  if (kind !== END_COND) {
    if (next !== following) e.branch(w.BR, b, next);
    return;
  }
  const taken = cfg.taken[b];
  const negate = taken === following;
  f.comparesPointers = widths !== undefined && widths.comparesPointers[last - start] !== 0;
  if (!pushCondition(f, last, negate, e.mayGoto)) {
    unknown(f, last);
    return;
  }
  if (negate) e.branch(w.BR_IF, b, next);
  else {
    e.branch(w.BR_IF, b, taken);
    if (next !== following) e.branch(w.BR, b, next);
  }
}

/**
 * A register that is one of two constants by a condition, which BPF has to spell as `r = 1; if .. goto L; r = 0; L:`, is a
 * select, or the condition itself. The block of the other constant is then passed over.
 */
function emitChoice(e: Emission, b: number, following: number): boolean {
  const { f, insns } = e;
  const { cfg, live, widths } = e.s;
  const other = cfg.next[b];
  const after = cfg.taken[b];
  const i = cfg.start[other];
  if (widths === undefined || other !== following || cfg.kind[other] === END_COND || cfg.next[other] !== after)
    return false;
  const op = insns.code[i] & 0xf8;
  const cls = insns.code[i] & 7;
  const jump = cfg.end[other] - i === 2 && isJumpSlot(insns, i + 1, i);
  if ((cfg.end[other] - i !== 1 && !jump) || op !== BPF_MOV || (cls !== BPF_ALU && cls !== BPF_ALU64)) return false;
  const r = insns.dst[i];
  const last = cfg.end[b] - 1;
  if (!f.isConst(r) || (insns.code[last] & 0xf0) === BPF_JCOND || cfg.predRow[other + 1] - cfg.predRow[other] !== 1)
    return false;
  if (((live.blockIn[after] >>> r) & 1) === 0) return false;
  f.flush(live.blockOut[b] & ~(1 << r));
  f.comparesPointers = widths.comparesPointers[last - e.s.start] !== 0;
  const [lo, hi] = [f.lo[r], f.hi[r]];
  const imm = insns.imm[i];
  const high = cls === BPF_ALU64 ? imm >> 31 : 0;
  f.narrowDef = ((widths.narrowIn[after] >>> r) & 1) !== 0;
  const truth = (lo === 1 && imm === 0) || (lo === 0 && imm === 1);
  if (truth && hi === 0) {
    pushTruth(f, last, lo === 0);
    f.set32(r);
  } else {
    if (f.narrowDef) {
      f.out.i32(lo);
      f.out.i32(imm);
    } else {
      f.out.i64(lo, hi);
      f.out.i64(imm, high);
    }
    pushTruth(f, last, false);
    f.out.byte(w.SELECT);
    if (f.narrowDef) f.setLow(r);
    else f.set64(r);
  }
  e.passed[other] = 1;
  const at = e.position[b] + 2;
  if (e.position[after] !== at) e.branch(w.BR, b, after);
  return true;
}

/** A jump through a table: br_table leaves what is beyond its targets to the last one. */
function emitSwitch(e: Emission, b: number): void {
  const { f } = e;
  const { out } = f;
  const { cfg } = e.s;
  const { reg, wide, low, targets } = cfg.switches.get(b)!;
  if (wide && !f.isZext(reg)) {
    f.push64(reg);
    out.i64(32, 0);
    out.byte2(w.I64_SHR_U, w.I32_WRAP_I64);
    e.branch(w.BR_IF, b, cfg.next[b]);
  }
  f.push32(reg);
  if (low !== 0) {
    out.i32(low);
    out.byte(w.I32_SUB);
  }
  out.op(w.BR_TABLE, targets.length);
  for (const to of targets) out.u32(e.label(b, to));
  out.u32(e.label(b, cfg.next[b]));
}

/** Whether the block's last slot is a jump: it may also be the second slot of ld_imm64, or a call. */
function isJumpSlot(insns: Insns, last: number, first: number): boolean {
  const cls = insns.code[last] & 7;
  if (cls !== 5 && cls !== 6) return false;
  return (insns.code[last] & 0xf0) !== BPF_CALL && !(last > first && insns.code[last - 1] === 0x18);
}

/** An instruction that this JIT does not know: guard mode stops there when it is reached, a verified program is refused. */
function unknown(f: FnState, i: number): void {
  if (f.plan.guard === undefined) {
    throw new JitRefusal('unsupported', i, `instruction 0x${f.insns.code[i].toString(16).padStart(2, '0')}`);
  }
  emitAbort(f, ABORT_OPCODE, i);
}

function lowerInsn(f: FnState, i: number, liveAfter: number): void {
  const { insns } = f;
  const code = insns.code[i];
  const cls = code & 7;
  if (isPure(insns, i) && ((liveAfter >>> insns.dst[i]) & 1) === 0 && insns.dst[i] !== 10) {
    if (f.plan.guard === undefined || cls === BPF_LD) return;
  }
  if (f.plan.guard !== undefined && ((readsAndWrites(insns, i, () => 5) >>> 16) & FP_BIT) !== 0) {
    emitAbort(f, ABORT_R10, i);
    return;
  }
  let ok: boolean;
  switch (cls) {
    case BPF_ALU:
    case BPF_ALU64:
      ok = lowerAlu(f, i);
      break;
    case BPF_LD:
      ok = code === 0x18 && lowerLdImm64(f, i);
      break;
    case BPF_LDX:
      ok = lowerLoad(f, i);
      break;
    case BPF_ST:
      ok = lowerStore(f, i);
      break;
    case BPF_STX:
      ok = (code & 0x40) !== 0 && (code & 0x80) !== 0 ? lowerAtomic(f, i) : lowerStore(f, i);
      break;
    default:
      ok = cls === BPF_JMP;
      if (ok) lowerCall(f, i);
  }
  if (!ok) unknown(f, i);
}

/** ld_imm64: maps and values are constants by now; the address of a function is its slot. */
function lowerLdImm64(f: FnState, i: number): boolean {
  const { insns, plan } = f;
  const dst = insns.dst[i];
  const src = insns.src[i];
  if (src === BPF_PSEUDO_FUNC) {
    const slot = plan.slotOfSubprog.get(plan.subprogAt.get(i + 1 + insns.imm[i]) ?? -1);
    if (slot === undefined) return false;
    f.setConst(dst, slot, 0);
    return true;
  }
  if (src !== 0) return false;
  f.setConst(dst, insns.imm[i], insns.imm[i + 1]);
  return true;
}
