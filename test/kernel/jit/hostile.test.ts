/** Arbitrary instructions in guard mode: a result, a typed refusal or a typed abort; never an invalid module or a hang. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ProgramAbort } from '../../../src/util/errors.ts';
import { jitCompile } from '../../../src/kernel/jit/index.ts';
import { makeLink, programOf, type Row, STACK_TOP } from './support.ts';

const RUNS = Number(process.env.SKEP_RUNS ?? 2000);
/** Opcodes of every class that mean something, and any byte. */
const code = fc.oneof(
  fc.constantFrom(0x07, 0x0f, 0xb7, 0xbf, 0x04, 0x0c, 0xd4, 0xdc, 0xd7, 0x3f, 0x9f, 0x3c, 0x6f, 0xcf, 0x18),
  fc.constantFrom(0x61, 0x69, 0x71, 0x79, 0x62, 0x6a, 0x72, 0x7a, 0x63, 0x6b, 0x73, 0x7b, 0xdb, 0xc3, 0x91, 0x21, 0x20),
  fc.constantFrom(0x05, 0x06, 0x15, 0x1d, 0x25, 0x45, 0x66, 0x6e, 0xe5, 0x85, 0x8d, 0x95),
  fc.integer({ min: 0, max: 255 }),
);
const row: fc.Arbitrary<Row> = fc.tuple(
  code,
  fc.integer({ min: 0, max: 10 }),
  fc.integer({ min: 0, max: 10 }),
  fc.oneof(fc.integer({ min: -8, max: 8 }), fc.integer({ min: -32768, max: 32767 })),
  fc.oneof(
    fc.integer({ min: -8, max: 8 }),
    fc.constantFrom(16, 32, 64, 0xe1, 0xf1, 0x100, 0x110, 12, 181),
    fc.integer(),
  ),
);

it('gives a result, a refusal or an abort', () => {
  const link = makeLink();
  link.helpers.set(1, { kind: 'js', fn() {} });
  const counts = { ran: 0, aborted: 0, refused: 0 };
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 40 }), (rows) => {
      const guard = { regions: [], fuel: 2000, r2: 8, callx: [1, 5] };
      const result = jitCompile(programOf([...rows, [0xb7, 0], [0x95]]), link, { guard });
      if (!result.ok) {
        expect(['malformed', 'unsupported']).toContain(result.reason);
        counts.refused++;
        return;
      }
      try {
        result.executable.run(0);
        counts.ran++;
      } catch (e) {
        expect(e).toBeInstanceOf(ProgramAbort);
        counts.aborted++;
      }
      result.executable.dispose();
      expect(link.stack.sp.value).toBe(STACK_TOP);
    }),
    { numRuns: RUNS },
  );
  expect(Math.min(counts.ran, counts.aborted, counts.refused)).toBeGreaterThan(RUNS / 100);
});
