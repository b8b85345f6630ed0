/** A sample of what `npm run attrs` asks the door with. */
import { expect, test } from 'vitest';
import { runHere } from '../soundness/command.ts';
import { ATTRS } from './attrs.ts';

test('no attribute makes bpf() throw', async () => {
  const { failures, counts } = await runHere(ATTRS, 1, 20_000);
  expect(failures.slice(0, 5)).toEqual([]);
  // Attributes that are all refused would show little.
  expect(counts['done']).toBeGreaterThan(counts['n'] / 50);
  for (const way of ['typed', 'weak', 'binary', 'no command', 'close']) expect(counts[way]).toBeGreaterThan(200);
});
