/** Access to a helper's frame: arguments as 32-bit halves, the result as 64 bits. */
import type { HelperEnv, JsHelper } from '../run/env.ts';

/** Reads r1..r5 and writes r0 of frames in one memory. */
export class Frames {
  readonly i32: Int32Array;
  readonly u8: Uint8Array;

  constructor(env: HelperEnv) {
    this.i32 = env.mem.i32;
    this.u8 = env.mem.u8;
  }

  /** Low half of r`n`, signed. */
  lo(frame: number, n: number): number {
    return this.i32[(frame >>> 2) + n * 2];
  }
  /** High half of r`n`, signed. */
  hi(frame: number, n: number): number {
    return this.i32[(frame >>> 2) + n * 2 + 1];
  }
  /** Low half of r`n`, unsigned: pointers and sizes. */
  u32(frame: number, n: number): number {
    return this.i32[(frame >>> 2) + n * 2] >>> 0;
  }
  /** Sets r`n` from an unsigned 32-bit number. */
  setArg(frame: number, n: number, value: number): void {
    this.set64(frame, n, value | 0, 0);
  }
  set64(frame: number, n: number, lo: number, hi: number): void {
    const at = (frame >>> 2) + n * 2;
    this.i32[at] = lo;
    this.i32[at + 1] = hi;
  }
  /** Returns a signed number below 2^31 in size: r0, sign-extended. */
  ret(frame: number, value: number): void {
    this.set64(frame, 0, value | 0, value < 0 ? -1 : 0);
  }
  /** Returns an unsigned 32-bit number. */
  retU32(frame: number, value: number): void {
    this.set64(frame, 0, value | 0, 0);
  }
}

/** A helper's code: up to five 32-bit unsigned arguments, a signed result. */
export type Helper = (a: number, b: number, c: number, d: number, e: number) => number;

/** Makes a helper for one environment. */
export type HelperMaker = (env: HelperEnv) => JsHelper;

/**
 * A helper with 32-bit arguments, made for one environment.
 * @param wide number of the argument that has 64 bits (flags): an upper half makes it all ones, which no helper accepts
 */
export function simple(make: (env: HelperEnv) => Helper, wide = 0): HelperMaker {
  return (env) => {
    const f = new Frames(env);
    const helper = make(env);
    return (frame) => {
      if (wide !== 0 && f.hi(frame, wide) !== 0) f.setArg(frame, wide, 0xffff_ffff);
      f.ret(frame, helper(f.u32(frame, 1), f.u32(frame, 2), f.u32(frame, 3), f.u32(frame, 4), f.u32(frame, 5)));
    };
  };
}
