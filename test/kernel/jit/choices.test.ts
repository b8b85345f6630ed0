/** `r = a; if condition goto L; r = b; L:` without a branch: every condition, width and pair of constants, as in the interpreter. */
import { describe, expect, it } from 'vitest';
import wabt from 'wabt';
import { interpret } from '../../../src/kernel/interp/index.ts';
import { compile, HEAP, makeLink, programOf, r0Of, type Row } from './support.ts';

const link = makeLink();
const DATA = HEAP + 0x30_0000;
const OPS = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0];
const VALUES = [
  0n,
  1n,
  2n,
  5n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x1_0000_0005n,
  -1n,
  -5n,
  1n << 63n,
];
const PAIRS: readonly (readonly [number, number])[] = [
  [1, 0],
  [0, 1],
  [1, 1],
  [7, -3],
  [-1, 0],
];
const MOV64 = 0xb7;
const MOV32 = 0xb4;

/** Runs on each value in both engines. */
function agree(rows: readonly Row[]): void {
  const jit = compile(link, programOf(rows));
  const interp = interpret(programOf(rows), link);
  for (const value of VALUES) {
    link.mem.view.setBigUint64(DATA, BigInt.asUintN(64, value), true);
    link.mem.view.setBigUint64(DATA + 8, 5n, true);
    jit.run(DATA);
    const got = r0Of(link, jit);
    interp.run(DATA);
    expect(`${value} ${got}`).toBe(`${value} ${r0Of(link, interp)}`);
  }
  jit.dispose();
  interp.dispose();
}

const start: Row[] = [
  [0x79, 2, 1, 0],
  [0x79, 3, 1, 8],
];
const finish: Row[] = [[0x95]];

describe.each([
  ['JMP', 0x05],
  ['JMP32', 0x06],
])('%s', (_name, cls) => {
  it.each(OPS)('operation %i', (op) => {
    for (const [a, b] of PAIRS)
      for (const operand of ['register', 0, 5, -1] as const)
        for (const [first, second] of [
          [MOV64, MOV64],
          [MOV32, MOV64],
          [MOV64, MOV32],
        ]) {
          const jump: Row = operand === 'register' ? [cls | op | 8, 2, 3, 1] : [cls | op, 2, 0, 1, operand];
          agree([...start, [first, 0, 0, 0, a], jump, [second, 0, 0, 0, b], ...finish]);
        }
  });
});

it('no branch is left', async () => {
  const { readWasm } = await wabt();
  const branches = (rows: readonly Row[]): number => {
    const jit = compile(link, programOf(rows));
    const text = readWasm(jit.wasm, {}).toText({});
    jit.dispose();
    return text.split('br_if').length - 1;
  };
  const without = branches([...start, [0xb7, 0, 0, 0, 1], ...finish]);
  for (const [a, b] of PAIRS)
    expect(branches([...start, [0xb7, 0, 0, 0, a], [0x25, 2, 0, 1, 5], [0xb7, 0, 0, 0, b], ...finish])).toBe(without);
  expect(branches([...start, [0xbf, 0, 2], [0x25, 2, 0, 1, 5], [0xb7, 0, 0, 0, 1], ...finish])).toBe(without + 1);
});

it('the chosen register decides a loop, and is used in 32 and 64 bits', () => {
  agree([
    ...start,
    [0xb7, 0, 0, 0, 0],
    [0xb7, 4, 0, 0, 0],
    [0xb7, 5, 0, 0, 1],
    [0x25, 2, 0, 1, 100],
    [0xb7, 5, 0, 0, 0],
    [0x0f, 0, 5],
    [0x0c, 4, 5],
    [0x07, 2, 0, 0, 40],
    [0xa5, 2, 0, -7, 400],
    [0x67, 0, 0, 0, 33],
    [0x0f, 0, 4],
    [0x95],
  ]);
});

it('the other constant leads away by a jump of its own', () => {
  agree([
    ...start,
    [0xb7, 0, 0, 0, 9],
    [0x15, 2, 0, 2, 5],
    [0xb7, 0, 0, 0, 4],
    [0x05, 0, 0, 0],
    [0x07, 0, 0, 0, 1],
    [0x95],
  ]);
});
