/** The recorded cases of maps and helpers, and those of compiled code, once more with the memory as a SharedArrayBuffer. */
import { expect, test } from 'vitest';
import { setupHelpers } from '../helpers/setup.ts';
import { makeLink } from '../jit/support.ts';
import { setupMaps } from '../maps/setup.ts';
import { useSharedMemory } from '../memory-kind.ts';

useSharedMemory();

test('memories are shared', () => {
  for (const mem of [setupMaps().mem, setupHelpers().env.mem, makeLink().mem])
    expect(mem.memory.buffer).toBeInstanceOf(SharedArrayBuffer);
});

await import('../maps/contract.test.ts');
await import('../maps/program-side.test.ts');
await import('../helpers/oracle.test.ts');
await import('../helpers/helpers.test.ts');
await import('../jit/lowering.test.ts');
