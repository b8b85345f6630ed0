/** Random numbers are drawn again after going back, and come from the port alone when nobody can go back. */
import { expect, test } from 'vitest';
import { Random } from '../../../src/kernel/world/random.ts';

test('what was drawn is drawn again', () => {
  let port = 0;
  const random = new Random(() => ++port);
  const draw = (n: number): readonly number[] => Array.from({ length: n }, () => random.next());
  expect(draw(2)).toEqual([1, 2]);
  const first = random.save();
  expect(draw(3)).toEqual([3, 4, 5]);
  const second = random.save();
  expect(draw(2)).toEqual([6, 7]);
  first();
  expect(draw(4)).toEqual([3, 4, 5, 6]);
  second();
  expect(draw(3)).toEqual([6, 7, 8]);
  first();
  random.forget();
  // Six numbers more are known, and remembered no longer than that.
  expect([draw(8), port]).toEqual([[3, 4, 5, 6, 7, 8, 9, 10], 10]);
  const third = random.save();
  expect(draw(1)).toEqual([11]);
  third();
  expect(draw(2)).toEqual([11, 12]);
  random.forget();
  expect(draw(1)).toEqual([13]);
});
