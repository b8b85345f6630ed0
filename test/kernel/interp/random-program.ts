/** fast-check arbitrary of straight-line programs over all of arithmetic, memory access and forward jumps. */
import fc from 'fast-check';
import type { Insn } from '../../../src/isa/insn.ts';
import { type OpInfo } from '../../../src/isa/op-rows.ts';
import { allOps } from '../../../src/isa/ops.ts';
import { insnOf } from '../../isa/arbitrary.ts';

/** Bytes of the memory area behind r9 that programs read and write. */
export const AREA = 128;

const MEMORY = ['ldx', 'ldsx', 'st', 'stx', 'atomic', 'fetch', 'xchg', 'cmpxchg', 'load_acq', 'store_rel'];
const plain = allOps().filter((o) => ['alu', 'neg', 'mov', 'movsx', 'end'].includes(o.format));
const jumps = allOps().filter((o) => o.format === 'jcond');
const memory = allOps().filter((o) => MEMORY.includes(o.format));
const reg = fc.integer({ min: 0, max: 8 });

/** 64-bit values with the interesting ones more often. */
export const word = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.constantFrom(0n, 1n, (1n << 64n) - 1n, 1n << 63n, 0xffffffffn, 0x80000000n),
);

/** One step; `distance` is that of a jump, forward. */
export interface Step {
  readonly op: OpInfo;
  readonly insn: Insn;
  readonly distance: number;
}

/** Steps on r0 to r8; r9 is the address of the area. */
export const anyStep: fc.Arbitrary<Step> = fc
  .tuple(
    fc.constantFrom(...plain, ...plain, ...jumps, ...memory, ...memory),
    reg,
    reg,
    fc.integer({ min: 0, max: AREA / 8 - 1 }),
    fc.integer({ min: 1, max: 3 }),
  )
  .chain(([op, dst, src, cell, distance]) =>
    insnOf(op).map((insns) => {
      const insn = { ...insns.get(0), dst, src: op.x ? src : 0 };
      if (MEMORY.includes(op.format)) {
        if (op.format === 'ldx' || op.format === 'ldsx' || op.format === 'load_acq') insn.src = 9;
        else insn.dst = 9;
        insn.off = cell * 8;
      }
      return { op, insn, distance };
    }),
  );

/** Instructions of the steps, jumps ending at the last one's end at most. */
export function emitSteps(steps: readonly Step[]): Insn[] {
  return steps.map(({ op, insn, distance }, k) =>
    op.format === 'jcond' ? { ...insn, off: Math.min(distance, steps.length - 1 - k) } : insn,
  );
}

export function lddw(dst: number, v: bigint): Insn[] {
  return [
    { code: 0x18, dst, src: 0, off: 0, imm: Number(BigInt.asIntN(32, v)) },
    { code: 0, dst: 0, src: 0, off: 0, imm: Number(BigInt.asIntN(32, v >> 32n)) },
  ];
}

/** A step without what Linux refuses in constants: shifts of the width or more, division by zero. */
export function tame({ op, insn, distance }: Step): Step {
  let { imm } = insn;
  if (op.format === 'alu' && !op.x) {
    if (op.op.endsWith('sh')) imm &= op.bits - 1;
    if (/div|mod/.test(op.op) && imm === 0) imm = 3;
  }
  return { op, insn: { ...insn, imm }, distance };
}
