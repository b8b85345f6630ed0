/** What instructions do to numbers, in BigInt and by the book (RFC 9669): the other side of the proofs of the scalar domain. */
import * as op from '../../../src/isa/opcodes.ts';

const sgn = (x: bigint, n: number): bigint => BigInt.asIntN(n, x);

/** Operands have `bits` bits and are unsigned; so many bits of the result count. */
export type Concrete<T> = (a: bigint, b: bigint, bits: number) => T;

export const ALU: Readonly<Record<string, readonly [code: number, meaning: Concrete<bigint>]>> = {
  add: [op.BPF_ADD, (a, b) => a + b],
  sub: [op.BPF_SUB, (a, b) => a - b],
  mul: [op.BPF_MUL, (a, b) => a * b],
  and: [op.BPF_AND, (a, b) => a & b],
  or: [op.BPF_OR, (a, b) => a | b],
  xor: [op.BPF_XOR, (a, b) => a ^ b],
  lsh: [op.BPF_LSH, (a, b, n) => a << (b & BigInt(n - 1))],
  rsh: [op.BPF_RSH, (a, b, n) => a >> (b & BigInt(n - 1))],
  arsh: [op.BPF_ARSH, (a, b, n) => sgn(a, n) >> (b & BigInt(n - 1))],
  div: [op.BPF_DIV, (a, b) => (b === 0n ? 0n : a / b)],
  mod: [op.BPF_MOD, (a, b) => (b === 0n ? a : a % b)],
  neg: [op.BPF_NEG, (a) => -a],
};

export const JMP: Readonly<Record<string, readonly [code: number, meaning: Concrete<boolean>]>> = {
  jeq: [op.BPF_JEQ, (a, b) => a === b],
  jne: [op.BPF_JNE, (a, b) => a !== b],
  jgt: [op.BPF_JGT, (a, b) => a > b],
  jge: [op.BPF_JGE, (a, b) => a >= b],
  jlt: [op.BPF_JLT, (a, b) => a < b],
  jle: [op.BPF_JLE, (a, b) => a <= b],
  jsgt: [op.BPF_JSGT, (a, b, n) => sgn(a, n) > sgn(b, n)],
  jsge: [op.BPF_JSGE, (a, b, n) => sgn(a, n) >= sgn(b, n)],
  jslt: [op.BPF_JSLT, (a, b, n) => sgn(a, n) < sgn(b, n)],
  jsle: [op.BPF_JSLE, (a, b, n) => sgn(a, n) <= sgn(b, n)],
  jset: [op.BPF_JSET, (a, b) => (a & b) !== 0n],
};

/** The low `bytes` bytes in the other order, the rest 0. */
export function swapped(x: bigint, bytes: number): bigint {
  let r = 0n;
  for (let i = 0; i < bytes; i++) r = (r << 8n) | ((x >> BigInt(i * 8)) & 0xffn);
  return r;
}
