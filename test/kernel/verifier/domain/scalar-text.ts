/** Reads scalars in the kernel's notation (`u(smin=0,var_off=(0x0; 0xff))` or a number) for the tests of the domain. */
import { Scalar } from '../../../../src/kernel/verifier/domain/scalar.ts';

const lo = (x: bigint): number => Number(BigInt.asIntN(32, x));
const hi = (x: bigint): number => Number(BigInt.asIntN(32, x >> 32n));

export function parseNumber(text: string): bigint {
  return text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text);
}

export function parseScalar(text: string): Scalar {
  const s = new Scalar();
  const m = /^u\((.*)\)$/.exec(text);
  if (m === null) {
    const x = parseNumber(text);
    s.setConst(lo(x), hi(x));
    return s;
  }
  const varOff = /var_off=\((0x[0-9a-f]+); (0x[0-9a-f]+)\)/.exec(m[1]);
  if (varOff !== null) {
    s.valLo = lo(BigInt(varOff[1]));
    s.valHi = hi(BigInt(varOff[1]));
    s.maskLo = lo(BigInt(varOff[2]));
    s.maskHi = hi(BigInt(varOff[2]));
  }
  for (const part of m[1].replace(/,?var_off=.*/, '').split(',')) {
    const names = part.split('=');
    const x = names.length > 1 ? parseNumber(names.pop() as string) : 0n;
    for (const name of names) setBound(s, name, x);
  }
  return s;
}

function setBound(s: Scalar, name: string, x: bigint): void {
  switch (name) {
    case '':
      return;
    case 'smin':
      [s.sminLo, s.sminHi] = [lo(x), hi(x)];
      return;
    case 'smax':
      [s.smaxLo, s.smaxHi] = [lo(x), hi(x)];
      return;
    case 'umin':
      [s.uminLo, s.uminHi] = [lo(x), hi(x)];
      return;
    case 'umax':
      [s.umaxLo, s.umaxHi] = [lo(x), hi(x)];
      return;
    case 'smin32':
      s.s32min = lo(x);
      return;
    case 'smax32':
      s.s32max = lo(x);
      return;
    case 'umin32':
      s.u32min = lo(x);
      return;
    case 'umax32':
      s.u32max = lo(x);
      return;
    default:
      throw new Error(`unknown bound ${name}`);
  }
}

const u64 = (l: number, h: number): string => `0x${((BigInt(h >>> 0) << 32n) | BigInt(l >>> 0)).toString(16)}`;
const s64 = (l: number, h: number): string => String((BigInt(h) << 32n) | BigInt(l >>> 0));

/** Every field, for comparison and for messages. */
export function dump(s: Scalar): string {
  return (
    `s=[${s64(s.sminLo, s.sminHi)}, ${s64(s.smaxLo, s.smaxHi)}] u=[${u64(s.uminLo, s.uminHi)}, ${u64(s.umaxLo, s.umaxHi)}] ` +
    `s32=[${s.s32min}, ${s.s32max}] u32=[${u64(s.u32min, 0)}, ${u64(s.u32max, 0)}] ` +
    `tnum=(${u64(s.valLo, s.valHi)}; ${u64(s.maskLo, s.maskHi)})`
  );
}
