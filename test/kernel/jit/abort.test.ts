/** What the walls around the guest memory stop ends both engines alike, and leaves the guest stack as it was. */
import { expect, it } from 'vitest';
import { assemble } from '../../../src/isa/asm/assemble.ts';
import { interpret } from '../../../src/kernel/interp/index.ts';
import type { Executable } from '../../../src/kernel/object/executable.ts';
import { compile, makeLink, programOf, STACK_TOP } from './support.ts';

const OUTSIDE = 0x7fff_0000;
const PROGRAM = programOf(assemble('r0 = *(u64 *)(r1 +0)\n r0 += 1\n exit'));

it.each(['jit', 'interp'])('an access outside of the memory, %s', (engine) => {
  const link = makeLink();
  const executable: Executable = engine === 'jit' ? compile(link, PROGRAM) : interpret(PROGRAM, link);
  expect(() => executable.run(OUTSIDE)).toThrow(
    expect.objectContaining({ name: 'ProgramAbort', reason: 'out-of-bounds' }),
  );
  expect(link.stack.sp.value).toBe(STACK_TOP);
});

it('an access outside of the memory in a batch', () => {
  const link = makeLink();
  expect(() => compile(link, PROGRAM).runBatch(OUTSIDE, 8, 2, 0x6_0000)).toThrow(
    expect.objectContaining({ name: 'ProgramAbort', reason: 'out-of-bounds' }),
  );
});
