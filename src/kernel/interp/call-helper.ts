/** Binding helpers to the interpreter's registers: through a guest frame for JS ones, by signature for those of the wasm core. */
import { FRAME_R0, FRAME_R1 } from '../run/env.ts';
import type { HelperImpl } from '../run/linkage.ts';
import { REG_FRAME } from './predecode.ts';

/** A helper as the loop calls it: reads r1 to r5 of the register file and writes r0. */
export type BoundHelper = (R: Int32Array) => void;

/** Makes the call for one helper. */
export function bindHelper(impl: HelperImpl, view: DataView): BoundHelper {
  if (impl.kind === 'js') {
    const { fn } = impl;
    return (R) => {
      const frame = R[REG_FRAME] >>> 0;
      for (let k = 0; k < 10; k++) view.setInt32(frame + FRAME_R1 + k * 4, R[2 + k], true);
      fn(frame);
      R[0] = view.getInt32(frame + FRAME_R0, true);
      R[1] = view.getInt32(frame + FRAME_R0 + 4, true);
    };
  }
  const [args, result] = impl.core.sig.split(':');
  const call = impl.fn as (...args: (number | bigint)[]) => unknown;
  const flags = args.indexOf('F');
  if (!args.includes('I') && result !== 'I') {
    const bound = bindWords(call as (...args: number[]) => number | undefined, wordsOf(args), result);
    return flags < 0 ? bound : saturated(bound, flags);
  }
  const bound = bindWide(call, args, result);
  return flags < 0 ? bound : saturated(bound, flags);
}

/** Makes the low half of the 64-bit flags in argument `k` all ones when their upper half is not zero; calls clobber them anyway. */
function saturated(bound: BoundHelper, k: number): BoundHelper {
  const lo = 2 + k * 2;
  return (R) => {
    if (R[lo + 1] !== 0) R[lo] = -1;
    bound(R);
  };
}

/** 64-bit arguments or results: they cross as BigInt. */
function bindWide(call: (...args: (number | bigint)[]) => unknown, args: string, result: string): BoundHelper {
  return (R) => {
    const values: (number | bigint)[] = [];
    for (let k = 0; k < args.length; k++) {
      const lo = R[2 + k * 2];
      if (args[k] === 'I') values.push((BigInt(R[3 + k * 2]) << 32n) | BigInt(lo >>> 0));
      else values.push(lo);
      if (args[k] === 'W') values.push(R[3 + k * 2]);
    }
    setResult(R, call(...values), result);
  };
}

/** Words of the register file that a signature's arguments are. */
function wordsOf(args: string): number[] {
  return Array.from(args, (c, k) => (c === 'W' ? [2 + k * 2, 3 + k * 2] : [2 + k * 2])).flat();
}

/** Only 32-bit arguments: no array, no 64-bit value crosses. */
function bindWords(
  call: (...args: number[]) => number | undefined,
  words: readonly number[],
  result: string,
): BoundHelper {
  const [a, b, c, d, e] = words;
  const high = result === 's' ? 31 : 32;
  const finish = (R: Int32Array, v: number | undefined): void => {
    const r0 = (v ?? 0) | 0;
    R[0] = r0;
    R[1] = high === 31 ? r0 >> 31 : 0;
  };
  switch (words.length) {
    case 0:
      return (R) => finish(R, call());
    case 1:
      return (R) => finish(R, call(R[a]));
    case 2:
      return (R) => finish(R, call(R[a], R[b]));
    case 3:
      return (R) => finish(R, call(R[a], R[b], R[c]));
    case 4:
      return (R) => finish(R, call(R[a], R[b], R[c], R[d]));
    case 5:
      return (R) => finish(R, call(R[a], R[b], R[c], R[d], R[e]));
    default:
      return (R) => finish(R, call(...words.map((w) => R[w])));
  }
}

function setResult(R: Int32Array, value: unknown, result: string): void {
  if (result === 'I') {
    const v = value as bigint;
    R[0] = Number(BigInt.asIntN(32, v));
    R[1] = Number(BigInt.asIntN(32, v >> 32n));
    return;
  }
  const lo = result === 'v' ? 0 : (value as number) | 0;
  R[0] = lo;
  R[1] = result === 's' ? lo >> 31 : 0;
}
