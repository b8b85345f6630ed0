/** Operands of the assembler: registers, types, addresses and numbers, each with its own error. */
import { asmError, type Token, type TokenCursor } from './lex.ts';

/** A register operand. */
export interface Reg {
  readonly n: number;
  readonly wide: boolean;
  readonly at: Token;
}
/** A register and an offset. */
export interface Address {
  readonly reg: number;
  readonly off: number;
}

export function isReg(t: Token): boolean {
  return t.kind === 'word' && /^[rw]\d+$/.test(t.text);
}

/** A register; with `wide` given, of that width. */
export function readReg(c: TokenCursor, wide?: boolean): Reg {
  const t = c.next();
  if (!isReg(t)) throw c.error(t, 'expected a register');
  const n = Number(t.text.slice(1));
  if (n > 10 || t.text !== `${t.text[0]}${n}`) throw c.error(t, 'registers are r0 to r10');
  const isWide = t.text[0] === 'r';
  if (wide !== undefined && wide !== isWide) throw c.error(t, `expected ${wide ? 'r' : 'w'}${n}`);
  return { n, wide: isWide, at: t };
}

/** `(u32 *)`; with `only` given, of that signedness. */
export function readType(c: TokenCursor, only?: 'u'): { bits: number; sign: string; at: Token } {
  c.expect('(');
  const t = c.next();
  const m = /^([us])(8|16|32|64)$/.exec(t.text);
  if (m === null || (only !== undefined && m[1] !== only)) throw c.error(t, 'expected a type such as u32');
  c.expect('*');
  c.expect(')');
  return { bits: Number(m[2]), sign: m[1], at: t };
}

/** `s8` of a sign-extending move. */
export function readSext(c: TokenCursor, wide: boolean): number {
  const t = c.next();
  const m = /^s(8|16|32)$/.exec(t.text);
  if (m === null || (!wide && m[1] === '32')) throw c.error(t, `expected s8 or s16${wide ? ' or s32' : ''}`);
  return Number(m[1]);
}

/** `(r2 +4)`, `(r2 + 0x4)`, `(r2 - 8)` or `(r2)`. */
export function readAddress(c: TokenCursor): Address {
  c.expect('(');
  const out = readAddressBody(c);
  c.expect(')');
  return out;
}

export function readAddressBody(c: TokenCursor): Address {
  const reg = readReg(c, true).n;
  const signed = c.peek().text === '+' || c.peek().text === '-';
  return { reg, off: signed ? readInt(c, 16, false) : 0 };
}

/** A number of so many bits; signed, and with `unsigned` also the upper half of the unsigned range. */
export function readInt(c: TokenCursor, bits: number, unsigned: boolean): number {
  const t = c.peek();
  const value = c.number();
  const half = 1n << BigInt(bits - 1);
  if (value < -half || value >= (unsigned ? half * 2n : half)) {
    throw asmError(c.text, t.at, `${value} does not fit in ${bits} ${unsigned ? '' : 'signed '}bits`);
  }
  return unsigned && bits === 32 ? Number(BigInt.asIntN(32, value)) : Number(value);
}

export function readWide(c: TokenCursor): bigint {
  const t = c.peek();
  const value = c.number();
  if (value < -(1n << 63n) || value >= 1n << 64n) throw asmError(c.text, t.at, `${value} does not fit in 64 bits`);
  return value;
}
