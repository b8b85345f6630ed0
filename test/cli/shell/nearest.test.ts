/** What was probably meant. */
import { expect, test } from 'vitest';
import { didYouMean } from '../../../src/cli/shell/nearest.ts';

test('the nearest word is near, and names of any length are no work', () => {
  expect(didYouMean('veirfy', ['run', 'verify'])).toBe(' (did you mean verify?)');
  expect(didYouMean('x', ['verify', 'y'])).toBe(' (did you mean y?)');
  expect(didYouMean('frobnicate', ['verify', 'run'])).toBe('');
  const long = 'a'.repeat(1_000_000);
  expect(didYouMean(long, [`${long}b`])).toBe('');
});
