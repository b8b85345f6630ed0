/** Saved interrupt flags on the stack (process_irq_flag, mark_stack_slot_irq_flag, release_irq_state). */
import { invariant } from '../../../util/errors.ts';
import { PTR_TO_STACK } from '../../rules/reg-types.ts';
import { checkCalleeWrite } from '../access/mem.ts';
import { RESOURCE } from '../diag/catalogue/resource.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { A, FRAMENO, REF_OBJ_ID, SLOT_TYPES, STACK_IRQ_FLAG, allSlots, slotType } from '../state/row.ts';
import { markRegNotInit, markRegPointer } from '../state/regs.ts';
import { REF_TYPE_IRQ, regRow, slotRow } from '../state/state.ts';
import { removeRef } from './refs.ts';
import { SPI_BEYOND, scratchSlot, stackObjSpi } from '../state/stack-obj.ts';

/** Which functions saved a flag: bpf_local_irq_save, or bpf_res_spin_lock_irqsave (IRQ_NATIVE_KFUNC, IRQ_LOCK_KFUNC). */
export const IRQ_NATIVE = 0;
export const IRQ_LOCK = 1;
const CLASS_NAMES = ['native', 'lock'];

/** process_irq_flag: argument `regno` is a flag that is saved here, or restored. */
export function processIrqFlag(env: VerifierEnv, regno: number, save: boolean, irqClass: number): void {
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const spi = stackObjSpi(env, rows, r, 'irq_flag', 1);
  const stack = env.state.frames[rows[r + FRAMENO]].rows;
  if (save) {
    if (spi < 0 ? spi !== SPI_BEYOND : holdsFlag(stack, slotRow(spi))) reject(env, RESOURCE.IRQ_NOT_UNINIT, regno - 1);
    checkCalleeWrite(env, env.insnIdx, regno, 0, 8);
    markFlag(env, regno, irqClass);
    return;
  }
  const held =
    spi >= 0 && stack[slotRow(spi) + REF_OBJ_ID] !== 0 && stack[slotRow(spi) + SLOT_TYPES] === allSlots(STACK_IRQ_FLAG);
  if (!held) reject(env, RESOURCE.IRQ_NOT_INIT, regno - 1);
  env.stackLiveness?.markRead(rows[r + FRAMENO], env.insnIdx, spi);
  unmarkFlag(env, regno, spi, irqClass);
}

function holdsFlag(stack: Int32Array, s: number): boolean {
  for (let j = 0; j < 8; j++) if (slotType(stack, s, j) === STACK_IRQ_FLAG) return true;
  return false;
}

/** mark_stack_slot_irq_flag, acquire_irq_state. */
function markFlag(env: VerifierEnv, regno: number, irqClass: number): void {
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const spi = stackObjSpi(env, rows, r, 'irq_flag', 1);
  invariant(spi >= 0, 'an interrupt flag outside the stack');
  const id = env.newId();
  const { state } = env;
  state.refs = [...state.refs, { type: REF_TYPE_IRQ, id, insnIdx: env.insnIdx, ptr: 0 }];
  state.activeIrqId = id;
  const frame = state.frames[rows[r + FRAMENO]];
  const s = slotRow(spi);
  markRegPointer(frame.rows, s, PTR_TO_STACK);
  frame.rows[s + REF_OBJ_ID] = id;
  frame.rows[s + A] = irqClass;
  frame.rows[s + SLOT_TYPES] = allSlots(STACK_IRQ_FLAG);
  env.stackLiveness?.markWrite(frame.frameno, spi);
  scratchSlot(env, spi);
}

/** unmark_stack_slot_irq_flag, release_irq_state. */
function unmarkFlag(env: VerifierEnv, regno: number, spi: number, irqClass: number): void {
  const { state } = env;
  const regs = state.frame.rows;
  const frame = state.frames[regs[regRow(regno) + FRAMENO]];
  const s = slotRow(spi);
  const savedBy = frame.rows[s + A];
  if (savedBy !== irqClass) reject(env, RESOURCE.IRQ_CLASS, CLASS_NAMES[savedBy], CLASS_NAMES[irqClass]);
  const id = frame.rows[s + REF_OBJ_ID];
  if (id !== state.activeIrqId) {
    const expected = state.refs.find((ref) => ref.type === REF_TYPE_IRQ && ref.id === state.activeIrqId);
    reject(env, RESOURCE.IRQ_ORDER, state.activeIrqId, expected?.insnIdx ?? 0);
  }
  const index = state.refs.findIndex((ref) => ref.type === REF_TYPE_IRQ && ref.id === id);
  invariant(index >= 0, 'an interrupt flag that nobody saved');
  const outer = state.refs.slice(0, index).findLast((ref) => ref.type === REF_TYPE_IRQ);
  removeRef(state, index);
  state.activeIrqId = outer?.id ?? 0;
  markRegNotInit(env, frame.rows, s);
  frame.rows[s + SLOT_TYPES] = 0;
  env.stackLiveness?.markWrite(frame.frameno, spi);
  scratchSlot(env, spi);
}
