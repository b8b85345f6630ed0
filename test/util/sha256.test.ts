/** SHA-256 against Node's, at every length around the block size. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { sha256 } from '../../src/util/sha256.ts';

test('digests equal those of node:crypto', () => {
  const bytes = Uint8Array.from({ length: 300 }, (_, i) => (i * 131 + 7) & 255);
  for (let n = 0; n <= 300; n++) {
    const part = bytes.subarray(0, n);
    expect(Buffer.from(sha256(part)).toString('hex')).toBe(createHash('sha256').update(part).digest('hex'));
  }
});
