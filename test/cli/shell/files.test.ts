/** Files that commands read. */
import { expect, test } from 'vitest';
import { PROGRAMS, skep } from '../skep.ts';

test.skipIf(process.platform === 'win32')('a device without an end is no input', () => {
  for (const words of [
    ['verify', '/dev/zero'],
    ['run', PROGRAMS, '--prog', 'accepted', '--data-in', '/dev/zero'],
  ])
    expect(skep(words)).toMatchObject({
      code: 3,
      out: '',
      err: expect.stringContaining('/dev/zero: it gives more than'),
    });
});
