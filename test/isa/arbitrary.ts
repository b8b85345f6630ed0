/** fast-check arbitraries of instructions: every row of the operator table with every legal field. */
import fc from 'fast-check';
import { type Insn, Insns } from '../../src/isa/insn.ts';
import { type FieldRule, type OpInfo } from '../../src/isa/op-rows.ts';
import { allOps } from '../../src/isa/ops.ts';

const imm = fc.oneof(
  fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
  fc.constantFrom(0, 1, -1, 0x7fff_ffff, -0x8000_0000, 0xff, 0x8000),
);
const off = fc.oneof(fc.integer({ min: -0x8000, max: 0x7fff }), fc.constantFrom(0, 1, -1, 8, -8));

function field(rule: FieldRule, any: fc.Arbitrary<number>): fc.Arbitrary<number> {
  if (typeof rule === 'number') return fc.constant(rule);
  if (rule === 'reg') return fc.integer({ min: 0, max: 10 });
  if (rule === 'wreg') return fc.integer({ min: 0, max: 9 });
  return any;
}

/** One legal instruction of a row; ld_imm64 comes with its second slot. */
export function insnOf(op: OpInfo): fc.Arbitrary<Insns> {
  return fc
    .record({
      dst: field(op.dst, imm),
      src: field(op.src, imm),
      off: field(op.off, off),
      imm: field(op.imm, imm),
      next: imm,
    })
    .map(({ next, ...f }) => {
      const rows: Insn[] = [{ code: op.code, ...f }];
      if (op.format === 'ld_imm64') {
        const second = op.src === 1 || op.src === 4 || op.src === 5 ? 0 : next;
        rows.push({ code: 0, dst: 0, src: 0, off: 0, imm: second });
      }
      return Insns.from(rows);
    });
}

export const anyOp = fc.constantFrom(...allOps());
export const anyInsn = anyOp.chain(insnOf);
export const anyProgram = fc.array(anyInsn, { maxLength: 30 }).map((parts) => {
  const out = new Insns(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.paste(at, p);
    at += p.length;
  }
  return out;
});
