/** The scalar domain by brute force with tnums of 4 bits and ranges of 3; `npm run exhaustive` takes 5 and 4. */
import { expect, test } from 'vitest';
import { domainChecks } from '../../soundness/domain.ts';

const BITS = Number(process.env['SKEP_EXHAUSTIVE'] ?? 4);
const checks = domainChecks(BITS);
/** Checks by operator: the first word of their name. */
const groups = new Map<string, (typeof checks)[number][]>();
for (const check of checks) {
  const operator = check[0].split(' ', 1)[0];
  groups.set(operator, [...(groups.get(operator) ?? []), check]);
}

test.each([...groups])('%s', { timeout: 3_600_000 }, (_, group) => {
  expect(group.map(([name, check]) => [name, check()]).filter(([, fault]) => fault !== '')).toEqual([]);
});

test('every operator and compare in both widths is there', () => {
  expect([...groups.keys()].filter((k) => /^[a-z]+(32|64)$/.test(k)).length).toBeGreaterThanOrEqual(46);
});
