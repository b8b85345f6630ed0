/** Whether an explored state covers the current one, so that this path need not be walked again (states_equal, regsafe, stacksafe, refsafe). */
import {
  NOT_INIT,
  PTR_TO_ARENA,
  PTR_TO_BUF,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_STACK,
  PTR_TO_TP_BUFFER,
  SCALAR_VALUE,
  baseType,
} from '../../rules/reg-types.ts';
import type { VerifierEnv } from '../env.ts';
import {
  A,
  B,
  BPF_ADD_CONST,
  C,
  FRAMENO,
  ID,
  MASK_HI,
  MASK_LO,
  OFF,
  PRECISE,
  REF_OBJ_ID,
  ROW,
  S32_MAX,
  S32_MIN,
  SLOT_TYPES,
  SMAX_HI,
  SMIN_HI,
  STACK_DYNPTR,
  STACK_INVALID,
  STACK_IRQ_FLAG,
  STACK_ITER,
  STACK_MISC,
  STACK_SPILL,
  STACK_ZERO,
  TYPE,
  U32_MAX,
  U32_MIN,
  UMAX_HI,
  UMIN_HI,
  VALUE_HI,
  VALUE_LO,
  allSlots,
  slotType,
  storeScalar,
} from '../state/row.ts';
import { Scalar } from '../domain/scalar.ts';
import {
  type FuncState,
  REF_TYPE_IRQ,
  REF_TYPE_PTR,
  type VerifierState,
  regRow,
  slotAt,
  slotRow,
} from '../state/state.ts';

/** How strictly states are compared (enum exact_level). */
export const NOT_EXACT = 0;
export const EXACT = 1;
export const RANGE_WITHIN = 2;

/** A slot whose bytes are all miscellaneous reads as this. */
const UNBOUND_ROW = new Int32Array(ROW);
{
  const s = new Scalar();
  s.setUnknown();
  UNBOUND_ROW[TYPE] = SCALAR_VALUE;
  storeScalar(s, UNBOUND_ROW, 0);
}

/** frame_insn_idx(): where execution stands in a frame. */
export const frameInsnIdx = (st: VerifierState, frame: number): number =>
  frame === st.curframe ? st.insnIdx : st.frames[frame + 1].callsite;

export function statesEqual(env: VerifierEnv, old: VerifierState, cur: VerifierState, exact: number): boolean {
  if (old.curframe !== cur.curframe) return false;
  env.idmap.reset(env.idGen);
  env.exact = exact;
  if (old.speculative && !cur.speculative) return false;
  if (old.inSleepable !== cur.inSleepable) return false;
  if (!refsSafe(env, old, cur)) return false;
  for (let i = 0; i <= old.curframe; i++) {
    const idx = frameInsnIdx(old, i);
    if (old.frames[i].callsite !== cur.frames[i].callsite) return false;
    if (!framesEqual(env, old.frames[i], cur.frames[i], idx)) return false;
  }
  return true;
}

function framesEqual(env: VerifierEnv, old: FuncState, cur: FuncState, idx: number): boolean {
  if (old.callbackDepth > cur.callbackDepth) return false;
  const live = env.aux.liveRegsBefore[idx];
  for (let i = 0; i < 11; i++) {
    if ((live & (1 << i)) !== 0 && !regSafe(env, old.rows, regRow(i), cur.rows, regRow(i))) return false;
  }
  return stackSafe(env, old, cur);
}

/** Words TYPE, OFF and the three by type, then the abstract value: all that memcmp(.., offsetof(id)) covers. */
function sameUpToId(o: Int32Array, a: number, c: Int32Array, b: number): boolean {
  if (o[a + TYPE] !== c[b + TYPE] || o[a + VALUE_LO] !== c[b + VALUE_LO] || o[a + OFF] !== c[b + OFF]) return false;
  if (o[a + A] !== c[b + A] || o[a + B] !== c[b + B] || o[a + C] !== c[b + C]) return false;
  for (let i = VALUE_LO + 1; i <= S32_MAX; i++) if (o[a + i] !== c[b + i]) return false;
  return true;
}

/** regs_exact(). */
export function regsExact(env: VerifierEnv, o: Int32Array, a: number, c: Int32Array, b: number): boolean {
  return (
    sameUpToId(o, a, c, b) &&
    env.idmap.check(o[a + ID], c[b + ID]) &&
    env.idmap.check(o[a + REF_OBJ_ID], c[b + REF_OBJ_ID])
  );
}

/** a <= b, without and with sign. */
const ule = (aLo: number, aHi: number, bLo: number, bHi: number): boolean =>
  aHi === bHi ? aLo >>> 0 <= bLo >>> 0 : aHi >>> 0 < bHi >>> 0;
const sle = (aLo: number, aHi: number, bLo: number, bHi: number): boolean =>
  aHi === bHi ? aLo >>> 0 <= bLo >>> 0 : aHi < bHi;

/** range_within(): each of the four ranges of the old register contains the current one's. */
function rangeWithin(o: Int32Array, a: number, c: Int32Array, b: number): boolean {
  return (
    ule(o[a + UMIN_HI - 1], o[a + UMIN_HI], c[b + UMIN_HI - 1], c[b + UMIN_HI]) &&
    ule(c[b + UMAX_HI - 1], c[b + UMAX_HI], o[a + UMAX_HI - 1], o[a + UMAX_HI]) &&
    sle(o[a + SMIN_HI - 1], o[a + SMIN_HI], c[b + SMIN_HI - 1], c[b + SMIN_HI]) &&
    sle(c[b + SMAX_HI - 1], c[b + SMAX_HI], o[a + SMAX_HI - 1], o[a + SMAX_HI]) &&
    o[a + U32_MIN] >>> 0 <= c[b + U32_MIN] >>> 0 &&
    o[a + U32_MAX] >>> 0 >= c[b + U32_MAX] >>> 0 &&
    o[a + S32_MIN] <= c[b + S32_MIN] &&
    o[a + S32_MAX] >= c[b + S32_MAX]
  );
}

/** tnum_in(): every value of the current tnum is one of the old. */
function tnumIn(o: Int32Array, a: number, c: Int32Array, b: number): boolean {
  const oml = o[a + MASK_LO];
  const omh = o[a + MASK_HI];
  if (c[b + MASK_LO] & ~oml || c[b + MASK_HI] & ~omh) return false;
  return o[a + VALUE_LO] === (c[b + VALUE_LO] & ~oml) && o[a + VALUE_HI] === (c[b + VALUE_HI] & ~omh);
}

/** regsafe(): whether what was safe with the old register is safe with the current one. */
function regSafe(env: VerifierEnv, o: Int32Array, a: number, c: Int32Array, b: number): boolean {
  const { exact } = env;
  if (exact === EXACT) return regsExact(env, o, a, c, b);
  const type = o[a + TYPE];
  // What the old path had not set it did not use; a loop that goes on may still come to use it.
  if (type === NOT_INIT && (exact === NOT_EXACT || c[b + TYPE] === NOT_INIT)) return true;
  if (type !== c[b + TYPE]) return false;
  const { idmap } = env;
  switch (baseType(type)) {
    case SCALAR_VALUE:
      if (env.exploreAluLimits) return sameUpToId(o, a, c, b) && idmap.checkScalar(o[a + ID], c[b + ID]);
      if (o[a + PRECISE] === 0 && exact === NOT_EXACT && !env.allPrecise) return true;
      if (!rangeWithin(o, a, c, b) || !tnumIn(o, a, c, b)) return false;
      if (o[a + ID] === 0) return true;
      if ((o[a + ID] & BPF_ADD_CONST) !== (c[b + ID] & BPF_ADD_CONST)) return false;
      if (o[a + ID] & BPF_ADD_CONST && o[a + OFF] !== c[b + OFF]) return false;
      return idmap.checkScalar(o[a + ID] & ~BPF_ADD_CONST, c[b + ID] & ~BPF_ADD_CONST);
    case PTR_TO_MAP_KEY:
    case PTR_TO_MAP_VALUE:
    case PTR_TO_MEM:
    case PTR_TO_BUF:
    case PTR_TO_TP_BUFFER:
      return (
        o[a + OFF] === c[b + OFF] &&
        o[a + A] === c[b + A] &&
        o[a + B] === c[b + B] &&
        o[a + C] === c[b + C] &&
        rangeWithin(o, a, c, b) &&
        tnumIn(o, a, c, b) &&
        idmap.check(o[a + ID], c[b + ID]) &&
        idmap.check(o[a + REF_OBJ_ID], c[b + REF_OBJ_ID])
      );
    case PTR_TO_PACKET_META:
    case PTR_TO_PACKET: {
      const or = o[a + A];
      const cr = c[b + A];
      if (or < 0 || cr < 0 ? or !== cr : or > cr) return false;
      if (o[a + OFF] !== c[b + OFF]) return false;
      return idmap.check(o[a + ID], c[b + ID]) && rangeWithin(o, a, c, b) && tnumIn(o, a, c, b);
    }
    case PTR_TO_STACK:
      return regsExact(env, o, a, c, b) && o[a + FRAMENO] === c[b + FRAMENO];
    case PTR_TO_ARENA:
      return true;
    default:
      return regsExact(env, o, a, c, b);
  }
}

/** All bytes of a slot hold nothing in particular (is_stack_all_misc). */
function allMisc(env: VerifierEnv, rows: Int32Array, r: number): boolean {
  for (let i = 0; i < 8; i++) {
    const t = slotType(rows, r, i);
    if (t !== STACK_MISC && !(t === STACK_INVALID && env.allowUninitStack)) return false;
  }
  return true;
}

/** Compares two slots as scalar registers when both read as one (scalar_reg_for_stack); undefined when they do not. */
function slotsAsScalars(env: VerifierEnv, o: Int32Array, a: number, c: Int32Array, b: number): boolean | undefined {
  const oldSpill = slotType(o, a, 0) === STACK_SPILL && o[a + TYPE] === SCALAR_VALUE;
  if (!oldSpill && !allMisc(env, o, a)) return undefined;
  const curSpill = slotType(c, b, 0) === STACK_SPILL && c[b + TYPE] === SCALAR_VALUE;
  if (!curSpill && !allMisc(env, c, b)) return undefined;
  return regSafe(env, oldSpill ? o : UNBOUND_ROW, oldSpill ? a : 0, curSpill ? c : UNBOUND_ROW, curSpill ? b : 0);
}

const WHOLE_SPILL = allSlots(STACK_SPILL);
/** Whole slots of plain bytes; two of a kind never differ. */
const isPlain = (types: number): boolean => types === allSlots(STACK_MISC) || types === allSlots(STACK_ZERO);

function stackSafe(env: VerifierEnv, old: FuncState, cur: FuncState): boolean {
  const o = old.rows;
  const c = cur.rows;
  for (let spi = 0; spi < old.allocatedStack >> 3; spi++) {
    const a = slotAt(o, spi);
    const b = slotRow(spi);
    const beyond = spi * 8 >= cur.allocatedStack;
    if (env.exact !== NOT_EXACT && (beyond || o[a + SLOT_TYPES] !== c[b + SLOT_TYPES])) return false;
    const types = o[a + SLOT_TYPES];
    if (types === 0) continue;
    if (beyond) {
      if (!unused(env, o, a)) return false;
    } else if (types === c[b + SLOT_TYPES] && isPlain(types)) {
      continue;
    } else if (types === WHOLE_SPILL && c[b + SLOT_TYPES] === WHOLE_SPILL) {
      if (!regSafe(env, o, a, c, b)) return false;
    } else if (!slotSafe(env, o, a, c, b)) return false;
  }
  return true;
}

/** The old path had nothing in the slot that it could read. */
function unused(env: VerifierEnv, rows: Int32Array, r: number): boolean {
  for (let i = 0; i < 8; i++) {
    const t = slotType(rows, r, i);
    if (t !== STACK_INVALID && !(t === STACK_MISC && env.allowUninitStack)) return false;
  }
  return true;
}

function slotSafe(env: VerifierEnv, o: Int32Array, a: number, c: Int32Array, b: number): boolean {
  let asScalars: boolean | undefined;
  let tried = false;
  // Bytes are visited as the kernel visits them: from the top of the slot, which is byte 0 here.
  for (let i = 0; i < 8; i++) {
    const t = slotType(o, a, i);
    if (t === STACK_INVALID || (t === STACK_MISC && env.allowUninitStack)) continue;
    if (!tried) {
      tried = true;
      asScalars = slotsAsScalars(env, o, a, c, b);
    }
    if (asScalars !== undefined) return asScalars;
    const ct = slotType(c, b, i);
    if (t === STACK_MISC && ct === STACK_ZERO) continue;
    if (t !== ct) return false;
  }
  return slotContentsSafe(env, o, a, c, b);
}

/** Compares what a slot holds as a whole, by the type of its last byte. */
function slotContentsSafe(env: VerifierEnv, o: Int32Array, a: number, c: Int32Array, b: number): boolean {
  const { idmap } = env;
  switch (slotType(o, a, 7)) {
    case STACK_SPILL:
      return slotType(c, b, 7) === STACK_SPILL && regSafe(env, o, a, c, b);
    case STACK_DYNPTR:
      return (
        o[a + A] === c[b + A] &&
        o[a + B] === c[b + B] &&
        idmap.check(o[a + REF_OBJ_ID], c[b + REF_OBJ_ID]) &&
        ((o[a + C] | c[b + C]) === 0 || samePacket(env, o[a + C], c[b + C]))
      );
    case STACK_ITER:
      // The depth is left out: it only serves the detection of endless loops.
      return (
        o[a + TYPE] === c[b + TYPE] &&
        o[a + A] === c[b + A] &&
        o[a + B] === c[b + B] &&
        (o[a + C] & 3) === (c[b + C] & 3) &&
        idmap.check(o[a + REF_OBJ_ID], c[b + REF_OBJ_ID])
      );
    case STACK_IRQ_FLAG:
      return o[a + A] === c[b + A] && idmap.check(o[a + REF_OBJ_ID], c[b + REF_OBJ_ID]);
    default:
      return true;
  }
}

/** Whether two dynptrs are of one packet, as seen in either path; the kernel does not ask. */
const samePacket = (env: VerifierEnv, old: number, cur: number): boolean =>
  !env.fixed('DYNPTR_OF_RELEASED_PACKET') || env.idmap.check(old, cur);

function refsSafe(env: VerifierEnv, old: VerifierState, cur: VerifierState): boolean {
  const { idmap } = env;
  if (old.refs.length !== cur.refs.length || old.activeLocks !== cur.activeLocks) return false;
  if (old.activePreemptLocks !== cur.activePreemptLocks || old.activeRcuLocks !== cur.activeRcuLocks) return false;
  if (!idmap.check(old.activeIrqId, cur.activeIrqId)) return false;
  if (!idmap.check(old.activeLockId, cur.activeLockId) || old.activeLockPtr !== cur.activeLockPtr) return false;
  for (let i = 0; i < old.refs.length; i++) {
    const a = old.refs[i];
    const b = cur.refs[i];
    if (!idmap.check(a.id, b.id) || a.type !== b.type) return false;
    if (a.type !== REF_TYPE_PTR && a.type !== REF_TYPE_IRQ && a.ptr !== b.ptr) return false;
  }
  return true;
}

/** states_maybe_looping(): the registers of the current frame look the same, so it may be an endless loop. */
export function statesMaybeLooping(old: VerifierState, cur: VerifierState): boolean {
  if (old.curframe !== cur.curframe) return false;
  const o = old.frame.rows;
  const c = cur.frame.rows;
  // What a loop counts is kept in the upper registers.
  for (let i = 9; i >= 0; i--) {
    const r = regRow(i);
    if (!sameUpToId(o, r, c, r) || o[r + ID] !== c[r + ID] || o[r + REF_OBJ_ID] !== c[r + REF_OBJ_ID]) return false;
  }
  return true;
}

/** iter_active_depths_differ(). */
export function iterActiveDepthsDiffer(old: VerifierState, cur: VerifierState): boolean {
  for (let fr = cur.curframe; fr >= 0; fr--) {
    const frame = cur.frames[fr];
    const o = old.frames[fr];
    for (let i = 0; i < frame.allocatedStack >> 3; i++) {
      const r = slotRow(i);
      if (slotType(frame.rows, r, 0) !== STACK_ITER || (frame.rows[r + C] & 3) !== 1) continue;
      if (i >= o.allocatedStack >> 3 || o.rows[slotAt(o.rows, i) + C] >> 2 !== frame.rows[r + C] >> 2) return true;
    }
  }
  return false;
}
