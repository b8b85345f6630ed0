/** Every register of a state: the eleven of each frame, and those spilled to stack (bpf_for_each_reg_in_vstate). */
import { MAX_REGS, regRow, slotAt, type FuncState, type VerifierState } from './state.ts';
import { STACK_SPILL, slotType } from './row.ts';

/** Calls `fn` with the rows of a frame and the base word of each register or spilled slot in it. */
export function forEachReg(state: VerifierState, fn: (rows: Int32Array, r: number, frame: FuncState) => void): void {
  forEachRegMask(state, 1 << STACK_SPILL, fn);
}

/** bpf_for_each_reg_in_vstate_mask: also slots whose type is in `mask` (1 << STACK_ITER, ...). */
export function forEachRegMask(
  state: VerifierState,
  mask: number,
  fn: (rows: Int32Array, r: number, frame: FuncState) => void,
): void {
  for (let i = 0; i <= state.curframe; i++) {
    const frame = state.frames[i];
    const { rows } = frame;
    for (let regno = 0; regno < MAX_REGS; regno++) fn(rows, regRow(regno), frame);
    for (let spi = 0; spi < frame.allocatedStack >> 3; spi++) {
      const r = slotAt(rows, spi);
      if ((1 << slotType(rows, r, 7)) & mask) fn(rows, r, frame);
    }
  }
}
