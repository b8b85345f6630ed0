/** Where on the stack an object lies that takes whole slots: dynptrs, iterators, interrupt flags (stack_slot_obj_get_spi). */
import { ERRNO } from '../../../uapi/errno.ts';
import type { VerifierEnv } from '../env.ts';
import { FRAMENO, OFF, VALUE_LO, varOffConst } from './row.ts';

/** The slot is fine but was not touched yet: the stack will grow when it is written. */
export const SPI_BEYOND = -ERRNO.ERANGE;

/** Slot of the lowest-addressed 8 bytes of an object of `slots` slots, SPI_BEYOND, or -EINVAL with a line in the log. */
export function stackObjSpi(env: VerifierEnv, rows: Int32Array, r: number, kind: string, slots: number): number {
  if (!varOffConst(rows, r)) {
    env.log.line(`${kind} has to be at a constant offset`);
    return -ERRNO.EINVAL;
  }
  const off = (rows[r + OFF] + rows[r + VALUE_LO]) | 0;
  const spi = Math.trunc((-off - 1) / 8);
  if (off % 8 !== 0 || spi + 1 < slots) {
    env.log.line(`cannot pass in ${kind} at an offset=${off}`);
    return -ERRNO.EINVAL;
  }
  const allocated = env.state.frames[rows[r + FRAMENO]].allocatedStack >> 3;
  return spi - slots + 1 >= 0 && spi < allocated ? spi : SPI_BEYOND;
}

/** mark_stack_slot_scratched: the log shows the slot after the instruction. */
export function scratchSlot(env: VerifierEnv, spi: number): void {
  if (spi < 32) env.scratchedSlotsLo |= 1 << spi;
  else env.scratchedSlotsHi |= 1 << (spi - 32);
}
