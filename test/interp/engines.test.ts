/** Both engines do the same: random straight programs leave equal registers and equal memory. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Insn, Insns } from '../../src/isa/insn.ts';
import { OPS, type OpInfo } from '../../src/isa/ops.ts';
import { createBareLink, interpret, unverified } from '../../src/kernel/interp/index.ts';
import { jitCompile } from '../../src/kernel/jit/index.ts';
import { insnOf } from '../isa/arbitrary.ts';

const AREA = 128;
const reg = fc.integer({ min: 0, max: 8 });
const plain = OPS.filter((o) => ['alu', 'neg', 'mov', 'movsx', 'end'].includes(o.format));
const jumps = OPS.filter((o) => o.format === 'jcond');
const memory = OPS.filter((o) =>
  ['ldx', 'ldsx', 'st', 'stx', 'atomic', 'fetch', 'xchg', 'cmpxchg', 'load_acq', 'store_rel'].includes(o.format),
);

/** r9 holds the address of the area; everything else is data. */
const step = fc
  .tuple(
    fc.constantFrom(...plain, ...plain, ...jumps, ...memory, ...memory),
    reg,
    reg,
    fc.integer({ min: 0, max: AREA / 8 - 1 }),
    fc.integer({ min: 1, max: 3 }),
  )
  .chain(([op, dst, src, cell, distance]) =>
    insnOf(op).map((insns): { op: OpInfo; insn: Insn; distance: number } => {
      const insn = { ...insns.get(0), dst, src: op.x ? src : 0 };
      if (memory.includes(op)) {
        if (op.format === 'ldx' || op.format === 'ldsx' || op.format === 'load_acq') insn.src = 9;
        else insn.dst = 9;
        insn.off = cell * 8;
      }
      return { op, insn, distance };
    }),
  );

const word = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.constantFrom(0n, 1n, (1n << 64n) - 1n, 1n << 63n, 0xffffffffn, 0x80000000n),
);

function lddw(dst: number, v: bigint): Insn[] {
  return [
    { code: 0x18, dst, src: 0, off: 0, imm: Number(BigInt.asIntN(32, v)) },
    { code: 0, dst: 0, src: 0, off: 0, imm: Number(BigInt.asIntN(32, v >> 32n)) },
  ];
}

describe('interpreter and JIT', () => {
  it('leave equal registers and memory', () => {
    const link = createBareLink();
    const { view, u8 } = link.env.mem;
    const area = link.env.alloc(AREA + 80, 8);
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 40 }),
        fc.array(word, { minLength: 9, maxLength: 9 }),
        fc.uint8Array({ minLength: AREA, maxLength: AREA }),
        (steps, words, bytes) => {
          const rows: Insn[] = [{ code: 0xbf, dst: 9, src: 1, off: 0, imm: 0 }, ...words.flatMap((w, r) => lddw(r, w))];
          steps.forEach(({ op, insn, distance }, k) => {
            if (op.format === 'jcond') rows.push({ ...insn, off: Math.min(distance, steps.length - 1 - k) });
            else rows.push(insn);
          });
          for (let r = 0; r < 9; r++) rows.push({ code: 0x7b, dst: 9, src: r, off: AREA + r * 8, imm: 0 });
          rows.push({ code: 0x95, dst: 0, src: 0, off: 0, imm: 0 });
          const program = unverified(Insns.from(rows));
          const interp = interpret(program, link);
          const compiled = jitCompile(program, link);
          if (!compiled.ok) throw new Error(compiled.detail);
          const results = [interp, compiled.executable].map((e) => {
            u8.fill(0, area, area + AREA + 80);
            u8.set(bytes, area);
            e.run(area);
            return [view.getBigUint64(e.retAddr, true), u8.slice(area, area + AREA + 80)];
          });
          interp.dispose();
          compiled.executable.dispose();
          expect(results[1]).toEqual(results[0]);
        },
      ),
      { numRuns: 150 },
    );
  });
});
