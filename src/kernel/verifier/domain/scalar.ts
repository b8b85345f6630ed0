/** The abstract value of a scalar: tnum and eight bounds, as hi/lo int32 fields (struct tnum and the bounds of struct bpf_reg_state). */

/**
 * All fields are int32; unsigned meanings are read with `>>> 0`.
 * A tnum bit is known when its mask bit is 0. Instances are scratch: loaded from a row, computed on, stored back.
 */
export class Scalar {
  valLo = 0;
  valHi = 0;
  maskLo = -1;
  maskHi = -1;
  uminLo = 0;
  uminHi = 0;
  umaxLo = -1;
  umaxHi = -1;
  sminLo = 0;
  sminHi = -0x80000000;
  smaxLo = -1;
  smaxHi = 0x7fffffff;
  u32min = 0;
  u32max = -1;
  s32min = -0x80000000;
  s32max = 0x7fffffff;

  copyFrom(o: Scalar): void {
    this.valLo = o.valLo;
    this.valHi = o.valHi;
    this.maskLo = o.maskLo;
    this.maskHi = o.maskHi;
    this.uminLo = o.uminLo;
    this.uminHi = o.uminHi;
    this.umaxLo = o.umaxLo;
    this.umaxHi = o.umaxHi;
    this.sminLo = o.sminLo;
    this.sminHi = o.sminHi;
    this.smaxLo = o.smaxLo;
    this.smaxHi = o.smaxHi;
    this.u32min = o.u32min;
    this.u32max = o.u32max;
    this.s32min = o.s32min;
    this.s32max = o.s32max;
  }

  /** The tnum knows every bit (tnum_is_const(reg->var_off)). */
  isConst(): boolean {
    return this.maskLo === 0 && this.maskHi === 0;
  }

  /** The low 32 bits are known (tnum_subreg_is_const). */
  isConst32(): boolean {
    return this.maskLo === 0;
  }

  /** __mark_reg_known. */
  setConst(lo: number, hi: number): void {
    this.valLo = this.uminLo = this.umaxLo = this.sminLo = this.smaxLo = lo | 0;
    this.valHi = this.uminHi = this.umaxHi = this.sminHi = this.smaxHi = hi | 0;
    this.maskLo = this.maskHi = 0;
    this.u32min = this.u32max = this.s32min = this.s32max = lo | 0;
  }

  /** __mark_reg_unbounded with an unknown tnum. */
  setUnknown(): void {
    this.valLo = this.valHi = 0;
    this.maskLo = this.maskHi = -1;
    this.setUnbounded();
  }

  /** __mark_reg_unbounded: all ranges full, the tnum untouched. */
  setUnbounded(): void {
    this.setUnbounded64();
    this.setUnbounded32();
  }

  setUnbounded64(): void {
    this.uminLo = this.uminHi = 0;
    this.umaxLo = this.umaxHi = -1;
    this.sminLo = 0;
    this.sminHi = -0x80000000;
    this.smaxLo = -1;
    this.smaxHi = 0x7fffffff;
  }

  setUnbounded32(): void {
    this.u32min = 0;
    this.u32max = -1;
    this.s32min = -0x80000000;
    this.s32max = 0x7fffffff;
  }
}
