/** Generators of programs for engine comparison: any control flow graph, bounded by a counter on the stack. */
import fc from 'fast-check';
import type { Row } from './support.ts';

const ALU = [0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x90, 0xa0, 0xb0, 0xc0];
const JUMPS = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0];
const SIZE = [0x00, 0x08, 0x10, 0x18];
const BYTES: Record<number, number> = { 0x00: 4, 0x08: 2, 0x10: 1, 0x18: 8 };
/** Counter of backward jumps, and where the epilogue stores the registers. */
const FUEL = -128;
const SAVE = -144;

const reg = fc.integer({ min: 0, max: 8 });
const imm = fc.oneof(
  fc.integer({ min: -4, max: 68 }),
  fc.constantFrom(-2147483648, 2147483647, 0x7fff, -32768, 255, 65535, 1 << 30),
  fc.integer({ min: -2147483648, max: 2147483647 }),
);

const arithmetic = fc
  .record({
    wide: fc.boolean(),
    op: fc.constantFrom(...ALU),
    useReg: fc.boolean(),
    dst: reg,
    src: reg,
    imm,
    signed: fc.boolean(),
  })
  .map(({ wide, op, useReg, dst, src, imm: value, signed }): Row[] => {
    const off = signed && (op === 0x30 || op === 0x90) ? 1 : 0;
    const shift = op === 0x60 || op === 0x70 || op === 0xc0;
    const k = useReg ? 0 : shift ? value & (wide ? 63 : 31) : value;
    return [[(wide ? 7 : 4) | op | (useReg ? 8 : 0), dst, useReg ? src : 0, off, k]];
  });
const unary = fc
  .record({
    kind: fc.integer({ min: 0, max: 4 }),
    dst: reg,
    src: reg,
    bits: fc.constantFrom(16, 32, 64),
    sx: fc.constantFrom(8, 16, 32),
  })
  .map(({ kind, dst, src, bits, sx }): Row[] => {
    if (kind === 0) return [[0x87, dst]];
    if (kind === 1) return [[0x84, dst]];
    if (kind === 2) return [[[0xd4, 0xdc, 0xd7][src % 3], dst, 0, 0, bits]];
    if (kind === 3) return [[0xbf, dst, src, sx]];
    return [[0xbc, dst, src, sx === 32 ? 0 : sx]];
  });
const wideConst = fc.tuple(reg, fc.integer(), fc.integer()).map(([dst, lo, hi]): Row[] => [
  [0x18, dst, 0, 0, lo],
  [0, 0, 0, 0, hi],
]);
const memory = fc
  .record({
    kind: fc.integer({ min: 0, max: 4 }),
    size: fc.constantFrom(...SIZE),
    slot: fc.nat(119),
    dst: reg,
    src: reg,
    imm,
  })
  .map(({ kind, size, slot, dst, src, imm: value }): Row[] => {
    const off = -120 + Math.floor(slot / BYTES[size]) * BYTES[size];
    if (kind === 0) return [[0x62 | size, 10, 0, off, value]];
    if (kind === 1) return [[0x63 | size, 10, src, off]];
    if (kind === 2 && size !== 0x18) return [[0x81 | size, dst, 10, off]];
    if (kind === 3) {
      // Through a pointer made by arithmetic, at an offset of either sign.
      return [
        [0xbf, dst, 10],
        [0x07, dst, 0, 0, off + (value & 1 ? 64 : -64)],
        [0x63 | size, dst, src === dst ? (src + 1) % 9 : src, value & 1 ? -64 : 64],
        [0xb7, dst, 0, 0, value],
      ];
    }
    return [[0x61 | size, dst, 10, off]];
  });
const atomic = fc
  .record({
    wide: fc.boolean(),
    op: fc.constantFrom(0x00, 0x40, 0x50, 0xa0, 0x01, 0x41, 0x51, 0xa1, 0xe1, 0xf1, 0x100, 0x110),
    slot: fc.nat(14),
    src: reg,
  })
  .map(({ wide, op, slot, src }): Row[] => {
    const off = -120 + slot * 8;
    const code = 0xc3 | (wide ? 0x18 : 0);
    return op === 0x100 ? [[code, src, 10, off, op]] : [[code, 10, src, off, op]];
  });
/** A call of the function behind the program, which reads r1 to r3; registers that it loses are set again. */
const call = fc.tuple(imm, imm).map(([a, b]): Row[] => [
  [0x85, 0, 1, 0, CALL_MARK],
  [0xb7, 1, 0, 0, a],
  [0xb4, 2, 0, 0, b],
  [0xbf, 3, 0],
  [0xbc, 4, 6],
  [0xb7, 5, 0, 0, 1],
]);
const CALL_MARK = 0x7ffffff0;

/** Statements that only compute on r0 to r8. */
export const computation: fc.Arbitrary<Row[]> = fc.oneof(
  { weight: 6, arbitrary: arithmetic },
  { weight: 2, arbitrary: unary },
  { weight: 1, arbitrary: wideConst },
  { weight: 4, arbitrary: fc.tuple(reg, imm).map(([r, k]): Row[] => [[0xb4, r, 0, 0, k & 3]]) },
);
/** A comparison of r0 to r8 as a jump over `off` slots. */
export const comparison: fc.Arbitrary<(off: number) => Row> = fc
  .tuple(fc.constantFrom(...JUMPS), fc.boolean(), fc.boolean(), reg, reg, imm)
  .map(
    ([op, narrow, useReg, dst, src, k]) =>
      (off: number): Row => [(narrow ? 6 : 5) | op | (useReg ? 8 : 0), dst, useReg ? src : 0, off, useReg ? 0 : k],
  );

const statement = fc.oneof(
  { weight: 8, arbitrary: arithmetic },
  { weight: 2, arbitrary: unary },
  { weight: 1, arbitrary: wideConst },
  { weight: 4, arbitrary: memory },
  { weight: 2, arbitrary: atomic },
  { weight: 1, arbitrary: call },
);

interface Block {
  body: Row[][];
  end: {
    kind: number;
    to: number;
    op: number;
    narrow: boolean;
    useReg: boolean;
    dst: number;
    src: number;
    imm: number;
  };
}
const block: fc.Arbitrary<Block> = fc.record({
  body: fc.array(statement, { maxLength: 5 }),
  end: fc.record({
    kind: fc.integer({ min: 0, max: 9 }),
    to: fc.nat(1000),
    op: fc.constantFrom(...JUMPS),
    narrow: fc.boolean(),
    useReg: fc.boolean(),
    dst: reg,
    src: reg,
    imm,
  }),
});

const CALLEE: Row[] = [
  [0x7b, 10, 1, -8],
  [0xbf, 0, 2],
  [0x0f, 0, 3],
  [0xb7, 6, 0, 0, 7],
  [0x2f, 0, 6],
  [0xdb, 10, 0, -8, 0x01],
  [0x55, 0, 0, 1, 3],
  [0x07, 0, 0, 0, 11],
  [0x79, 1, 10, -8],
  [0xaf, 0, 1],
  [0x95],
];

/** Puts blocks in a row and resolves their jumps; backward ones spend fuel, so every program ends. */
function link(blocks: readonly Block[], seeds: readonly number[]): { rows: Row[]; callee: number } {
  const rows: Row[] = [];
  seeds.forEach((v, r) => rows.push([0xb7, r, 0, 0, v]));
  for (let off = -120; off < 0; off += 8) rows.push([0x7b, 10, (-off >> 3) % 9, off]);
  rows.push([0x7a, 10, 0, FUEL, 40]);
  const startOf: number[] = [];
  const jumps: { at: number; to: number }[] = [];
  blocks.forEach((b, k) => {
    startOf.push(rows.length);
    for (const s of b.body) rows.push(...s);
    const { kind, to, op, narrow, useReg, dst, src, imm: value } = b.end;
    const code = (narrow ? 6 : 5) | op | (useReg ? 8 : 0);
    const forward = k + 1 + (to % (blocks.length - k));
    if (kind === 0) {
      jumps.push({ at: rows.length, to: forward });
      rows.push(narrow ? [0x06, 0, 0, 0, 0] : [0x05]);
    } else if (kind <= 5) {
      jumps.push({ at: rows.length, to: forward });
      rows.push([code, dst, useReg ? src : 0, 0, useReg ? 0 : value]);
    } else if (kind <= 8) {
      rows.push([0x79, 9, 10, FUEL], [0x07, 9, 0, 0, -1], [0x7b, 10, 9, FUEL]);
      rows.push([0xd5, 9, 0, 1, 0]);
      jumps.push({ at: rows.length, to: to % (k + 1) });
      rows.push(kind === 8 ? [0x05] : [code, dst, useReg ? src : 0, 0, useReg ? 0 : value]);
    }
  });
  startOf.push(rows.length);
  for (let r = 0; r <= 8; r++) rows.push([0x7b, 10, r, SAVE - r * 8]);
  // r0 becomes a hash of everything, folded to 32 bits: what a kernel's test-run can show.
  for (let off = SAVE - 64; off < 0; off += 8) {
    if (off > SAVE && off < -120) continue;
    rows.push([0x79, 9, 10, off], [0xaf, 0, 9], [0x27, 0, 0, 0, 0x01000193]);
  }
  rows.push([0xbf, 9], [0x77, 9, 0, 0, 32], [0xaf, 0, 9], [0x95]);
  const callee = rows.length;
  for (const { at, to } of jumps) {
    const [code, dst, src, , value] = rows[at];
    const delta = startOf[to] - at - 1;
    rows[at] = code === 0x06 ? [code, 0, 0, 0, delta] : [code, dst, src, delta, value];
  }
  for (let i = 0; i < callee; i++) {
    if (rows[i][0] === 0x85 && rows[i][4] === CALL_MARK) rows[i] = [0x85, 0, 1, 0, callee - i - 1];
  }
  const calls = rows.some((r) => r[0] === 0x85);
  return { rows: calls ? [...rows, ...CALLEE] : rows, callee };
}

/** Programs over any graph, irreducible ones included, and how much of the stack below r10 they use. */
export const anyProgram: fc.Arbitrary<readonly Row[]> = fc
  .tuple(fc.array(block, { minLength: 1, maxLength: 14 }), fc.array(imm, { minLength: 9, maxLength: 9 }))
  .map(([blocks, seeds]) => link(blocks, seeds).rows);

/** Bytes below r10 that a program of {@link anyProgram} writes. */
export const USED_STACK = -(SAVE - 8 * 8);
