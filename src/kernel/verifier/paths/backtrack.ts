/** Precision: a scalar whose exact range mattered is traced back through the history, so that pruning compares it (mark_chain_precision). */
import { SCALAR_VALUE } from '../../rules/reg-types.ts';
import type { VerifierEnv } from '../env.ts';
import { PRECISE, SLOT_TYPES, STACK_SPILL, TYPE, slotType } from '../state/row.ts';
import { type FuncState, type VerifierState, regRow, slotAt, slotRow } from '../state/state.ts';
import { printVerifierState } from '../state/print.ts';
import { backtrackInsn, lostTrace, tracesInsn } from './backtrack-insn.ts';
import { HIST_BEFORE, HIST_FLAGS, HIST_IDX, HIST_PREV_IDX } from './history.ts';

/** Set when a walk marked something that was not marked before. */
export interface Changed {
  changed: boolean;
}

/** mark_chain_precision: register `regno` of the current frame must be tracked precisely from here back. */
export function markChainPrecision(env: VerifierEnv, regno: number): void {
  if (!env.bpfCapable) return;
  const { bt, state } = env;
  bt.frame = state.curframe;
  const type = state.frame.rows[regRow(regno) + TYPE];
  if (type !== SCALAR_VALUE) lostTrace(env, 'backtracking misuse');
  bt.setReg(regno);
  walkBack(env, state, undefined);
}

/** mark_chain_precision_batch: what env.bt holds already must be precise. */
export function markChainPrecisionBatch(env: VerifierEnv, state: VerifierState, out?: Changed): void {
  if (!env.bpfCapable) return;
  env.bt.frame = state.curframe;
  walkBack(env, state, out);
}

function walkBack(env: VerifierEnv, start: VerifierState, out: Changed | undefined): void {
  const { bt, traced } = env;
  const { words } = env.history;
  const { verbose } = env.log;
  let st = start;
  let firstIdx = st.firstInsnIdx;
  let lastIdx = st.insnIdx;
  let subseqIdx = -1;
  let skipFirst = true;
  if (bt.isEmpty()) return;
  for (;;) {
    if (verbose) {
      env.log.line(
        `mark_precise: frame${bt.frame}: last_idx ${lastIdx} first_idx ${firstIdx} subseq_idx ${subseqIdx} `,
      );
    }
    if (lastIdx < 0) {
      markEntryArgs(env, st, out);
      return;
    }
    // The records of the state that were not passed yet: the last of them, 0 when there are none.
    let record = st.history;
    for (let i = lastIdx; ; ) {
      const here = record !== 0 && words[record + HIST_IDX] === i;
      if (skipFirst) skipFirst = false;
      else if (verbose || tracesInsn(traced[i], bt.regs[bt.frame], here ? words[record + HIST_FLAGS] : 0)) {
        if (backtrackInsn(env, i, subseqIdx, here ? record : 0, bt) === 'unsupported') {
          markAllScalarsPrecise(env, start);
          bt.reset();
          return;
        }
        if (bt.isEmpty()) return;
      }
      subseqIdx = i;
      // get_prev_insn_idx(): the one before in program order, unless a jump came here.
      if (i === st.firstInsnIdx && (record === 0 || (here && words[record + HIST_BEFORE] === 0))) break;
      if (here) {
        i = words[record + HIST_PREV_IDX];
        record = words[record + HIST_BEFORE];
      } else i--;
      if (i < 0 || i >= traced.length) lostTrace(env, `backtracking idx ${i}`);
    }
    const parent = st.parent;
    if (parent === undefined) break;
    st = parent;
    markInState(env, st, out);
    if (bt.isEmpty()) return;
    subseqIdx = firstIdx;
    lastIdx = st.lastInsnIdx;
    firstIdx = st.firstInsnIdx;
  }
  if (!bt.isEmpty()) {
    // Something was missed, for example a stack access through another register than R10.
    markAllScalarsPrecise(env, start);
    bt.reset();
  }
}

/** At the entry of a global function only its arguments may still be asked for. */
function markEntryArgs(env: VerifierEnv, st: VerifierState, out: Changed | undefined): void {
  const { bt } = env;
  const frame = st.frames[0];
  const atEntry = st.curframe === 0 && frame.subprogno > 0 && frame.callsite === -1;
  if (!atEntry || bt.hasSlots() || bt.regs[bt.frame] & ~0x3e) {
    const masks = `reg_mask ${bt.hexRegs()} stack_mask ${bt.hexSlots()}`;
    lostTrace(env, `backtracking func entry subprog ${frame.subprogno} ${masks}`);
  }
  for (let i = 1; i <= 5; i++) {
    if (!bt.isRegSet(i)) continue;
    bt.clearReg(i);
    const r = regRow(i);
    if (frame.rows[r + TYPE] === SCALAR_VALUE) {
      frame.rows[r + PRECISE] = 1;
      if (out) out.changed = true;
    }
  }
}

/** Marks what is tracked in a parent state; what is marked there already needs no further tracking. */
function markInState(env: VerifierEnv, st: VerifierState, out: Changed | undefined): void {
  const { bt } = env;
  for (let fr = bt.frame; fr >= 0; fr--) {
    const frame = st.frames[fr];
    const { rows } = frame;
    for (let left = bt.regs[fr] & 0x3ff; left !== 0; left &= left - 1) {
      const i = lowestBit(left);
      const r = regRow(i);
      if (rows[r + TYPE] !== SCALAR_VALUE || rows[r + PRECISE]) bt.regs[fr] &= ~(1 << i);
      else {
        rows[r + PRECISE] = 1;
        if (out) out.changed = true;
      }
    }
    bt.slotsLo[fr] = markSlots(frame, bt.slotsLo[fr], 0, out);
    bt.slotsHi[fr] = markSlots(frame, bt.slotsHi[fr], 32, out);
    if (env.log.verbose) {
      env.log.write(`mark_precise: frame${fr}: parent state regs=${bt.formatRegs(fr)} stack=${bt.formatSlots(fr)}: `);
      printVerifierState(env, st, fr, true);
    }
  }
}

/** Number of the lowest bit that is set. */
const lowestBit = (word: number): number => 31 - Math.clz32(word & -word);

/** Marks half of the slots of a frame; what is left of those asked for. */
function markSlots(frame: FuncState, asked: number, first: number, out: Changed | undefined): number {
  const { rows } = frame;
  for (let left = asked; left !== 0; left &= left - 1) {
    const bit = lowestBit(left);
    const spi = first + bit;
    const r = spi < frame.allocatedStack >> 3 ? slotAt(rows, spi) : -1;
    if (r < 0 || !isSpilledScalar(rows, r) || rows[r + PRECISE]) asked &= ~(1 << bit);
    else {
      rows[r + PRECISE] = 1;
      if (out) out.changed = true;
    }
  }
  return asked;
}

/** is_spilled_scalar_reg(). */
export const isSpilledScalar = (rows: Int32Array, r: number): boolean =>
  slotType(rows, r, 7) === STACK_SPILL && rows[r + TYPE] === SCALAR_VALUE;

/** mark_all_scalars_precise: the big hammer, on every state that led here. */
export function markAllScalarsPrecise(env: VerifierEnv, start: VerifierState): void {
  if (env.log.verbose)
    env.log.line(`mark_precise: frame${start.curframe}: falling back to forcing all scalars precise`);
  for (let st = start.parent; st !== undefined; st = st.parent) {
    for (let fr = 0; fr <= st.curframe; fr++) {
      const { rows, allocatedStack } = st.frames[fr];
      for (let i = 0; i < 10; i++) {
        const r = regRow(i);
        if (rows[r + TYPE] !== SCALAR_VALUE || rows[r + PRECISE]) continue;
        rows[r + PRECISE] = 1;
        if (env.log.verbose) env.log.line(`force_precise: frame${fr}: forcing r${i} to be precise`);
      }
      for (let i = 0; i < allocatedStack >> 3; i++) {
        const r = slotAt(rows, i);
        if (!isSpilledScalar(rows, r) || rows[r + PRECISE]) continue;
        rows[r + PRECISE] = 1;
        if (env.log.verbose) env.log.line(`force_precise: frame${fr}: forcing fp${-(i + 1) * 8} to be precise`);
      }
    }
  }
}

/** mark_all_scalars_imprecise: a new checkpoint starts without the marks that it inherited. */
export function markAllScalarsImprecise(state: VerifierState): void {
  for (let fr = 0; fr <= state.curframe; fr++) {
    const { rows, allocatedStack } = state.frames[fr];
    for (let i = 0; i < 10; i++) if (rows[regRow(i) + TYPE] === SCALAR_VALUE) rows[regRow(i) + PRECISE] = 0;
    for (let i = 0; i < allocatedStack >> 3; i++) {
      const r = slotRow(i);
      if (rows[r + SLOT_TYPES] !== 0 && isSpilledScalar(rows, r)) rows[r + PRECISE] = 0;
    }
  }
}

/** propagate_precision: what is precise in an explored state must be precise in the state that was found equal to it. */
export function propagatePrecision(env: VerifierEnv, old: VerifierState, cur: VerifierState, out?: Changed): void {
  const { bt } = env;
  for (let fr = old.curframe; fr >= 0; fr--) {
    const { rows, allocatedStack } = old.frames[fr];
    let said = '';
    for (let i = 0; i < 10; i++) {
      const r = regRow(i);
      if (rows[r + TYPE] !== SCALAR_VALUE || !rows[r + PRECISE]) continue;
      if (env.log.verbose) said += said === '' ? `frame ${fr}: propagating r${i}` : `,r${i}`;
      bt.setFrameReg(fr, i);
    }
    for (let i = 0; i < allocatedStack >> 3; i++) {
      const r = slotAt(rows, i);
      if (!isSpilledScalar(rows, r) || !rows[r + PRECISE]) continue;
      if (env.log.verbose) said += said === '' ? `frame ${fr}: propagating fp${-(i + 1) * 8}` : `,fp${-(i + 1) * 8}`;
      bt.setFrameSlot(fr, i);
    }
    if (said !== '') env.log.line(said);
  }
  markChainPrecisionBatch(env, cur, out);
}
