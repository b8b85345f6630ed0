/** The registers and slots whose precision is being traced backwards (struct backtrack_state). */

/** Masks per frame: eleven registers, and 64 stack slots in two words. */
export class BacktrackState {
  frame = 0;
  readonly regs = new Int32Array(8);
  readonly slotsLo = new Int32Array(8);
  readonly slotsHi = new Int32Array(8);

  reset(): void {
    this.regs.fill(0);
    this.slotsLo.fill(0);
    this.slotsHi.fill(0);
  }

  isEmpty(): boolean {
    for (let i = 0; i <= this.frame; i++) if ((this.regs[i] | this.slotsLo[i] | this.slotsHi[i]) !== 0) return false;
    return true;
  }

  isRegSet(reg: number): boolean {
    return (this.regs[this.frame] & (1 << reg)) !== 0;
  }
  setReg(reg: number): void {
    this.regs[this.frame] |= 1 << reg;
  }
  clearReg(reg: number): void {
    this.regs[this.frame] &= ~(1 << reg);
  }
  setFrameReg(frame: number, reg: number): void {
    this.regs[frame] |= 1 << reg;
  }

  isFrameSlotSet(frame: number, slot: number): boolean {
    return ((slot < 32 ? this.slotsLo[frame] : this.slotsHi[frame]) & (1 << (slot & 31))) !== 0;
  }
  setFrameSlot(frame: number, slot: number): void {
    if (slot < 32) this.slotsLo[frame] |= 1 << slot;
    else this.slotsHi[frame] |= 1 << (slot - 32);
  }
  clearFrameSlot(frame: number, slot: number): void {
    if (slot < 32) this.slotsLo[frame] &= ~(1 << slot);
    else this.slotsHi[frame] &= ~(1 << (slot - 32));
  }

  /** Any stack slot of the current frame. */
  hasSlots(): boolean {
    return (this.slotsLo[this.frame] | this.slotsHi[this.frame]) !== 0;
  }

  /** fmt_reg_mask(): `r1,r2`. */
  formatRegs(frame = this.frame): string {
    let out = '';
    for (let i = 0; i < 32; i++) if (this.regs[frame] & (1 << i)) out += `${out ? ',' : ''}r${i}`;
    return out;
  }

  /** fmt_stack_mask(): `-8,-16`. */
  formatSlots(frame = this.frame): string {
    let out = '';
    for (let i = 0; i < 64; i++) if (this.isFrameSlotSet(frame, i)) out += `${out ? ',' : ''}-${(i + 1) * 8}`;
    return out;
  }

  /** The mask of the current frame's registers in hexadecimal. */
  hexRegs(): string {
    return this.regs[this.frame].toString(16);
  }
  /** The mask of the current frame's slots in hexadecimal. */
  hexSlots(): string {
    const hi = this.slotsHi[this.frame] >>> 0;
    const lo = (this.slotsLo[this.frame] >>> 0).toString(16);
    return hi === 0 ? lo : hi.toString(16) + lo.padStart(8, '0');
  }
}
