/** Constants on the stack: what is known of them is what memory holds, whatever overlaps. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from '../../../../src/isa/asm/assemble.ts';
import { interpret } from '../../../../src/kernel/interp/index.ts';
import { KnownSlots } from '../../../../src/kernel/jit/facts/known-slots.ts';
import { compile, HEAP, makeLink, programOf, r0Of } from '../support.ts';

const size = fc.constantFrom(1, 2, 4, 8);
const step = fc.record({
  kind: fc.constantFrom('note', 'note', 'note', 'forget', 'load', 'load'),
  off: fc.constantFrom(-8, -8, -12, -16, -15, -10),
  size,
  lo: fc.integer(),
  hi: fc.integer(),
});

it('agrees with bytes', () => {
  let known = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 40 }), (steps) => {
      const slots = new KnownSlots();
      const view = new DataView(new ArrayBuffer(32));
      let junk = 1;
      for (const { kind, off, size: n, lo, hi } of steps) {
        const value = (BigInt(hi) << 32n) | BigInt(lo >>> 0);
        if (kind === 'load') {
          const found = slots.load(off, n);
          if (found === undefined) continue;
          known++;
          const bytes = Array.from({ length: n }, (_, k) => BigInt(view.getUint8(32 + off + k)) << BigInt(8 * k));
          const want = bytes.reduce((sum, b) => sum + b, 0n);
          expect((BigInt(found[1] >>> 0) << 32n) | BigInt(found[0] >>> 0)).toBe(want);
        } else {
          if (kind === 'note') slots.note(off, n, lo, hi);
          else slots.forget(off, n);
          for (let k = 0; k < n; k++)
            view.setUint8(32 + off + k, kind === 'note' ? Number((value >> BigInt(8 * k)) & 0xffn) : junk++);
        }
      }
    }),
    { numRuns: 1000 },
  );
  expect(known).toBeGreaterThan(100);
});

describe('in a program', () => {
  const link = makeLink();
  const DATA = HEAP + 0x30_0000;
  const K = 'r3 = r10\n *(u32 *)(r10 -4) = 7\n';
  it.each([
    ['comes back', `${K} r0 = *(u32 *)(r10 -4)\n r0 += r3\n r0 -= r3\n exit`],
    ['by way of a copy', `${K} r3 += -4\n r0 = *(u32 *)(r3 +0)\n exit`],
    ['narrower', `${K} r0 = *(u8 *)(r10 -4)\n r3 = 0\n exit`],
    ['overwritten in part', `${K} r4 = *(u8 *)(r1 +0)\n *(u8 *)(r10 -3) = r4\n r0 = *(u32 *)(r10 -4)\n r3 = 0\n exit`],
    [
      'overwritten through an unknown pointer',
      `${K} r4 = *(u8 *)(r1 +0)\n r4 &= 0\n r3 += r4\n *(u32 *)(r3 -4) = 9\n r0 = *(u32 *)(r10 -4)\n exit`,
    ],
    ['by an atomic operation', `${K} w4 = 5\n lock *(u32 *)(r10 -4) += w4\n r0 = *(u32 *)(r10 -4)\n r3 = 0\n exit`],
    ['on one of two ways', `${K} if r1 == 0 goto pc+1\n *(u32 *)(r3 -4) = 9\n r0 = *(u32 *)(r10 -4)\n exit`],
  ])('%s', (_name, source) => {
    link.mem.u8[DATA] = 0x81;
    const jit = compile(link, programOf(assemble(source)));
    const interp = interpret(programOf(assemble(source)), link);
    jit.run(DATA);
    const got = r0Of(link, jit);
    interp.run(DATA);
    expect(got).toBe(r0Of(link, interp));
    jit.dispose();
    interp.dispose();
  });
});
