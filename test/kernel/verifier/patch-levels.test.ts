/** The table of verdicts that differ within 6.18 names programs of the files, and says something else than they do. */
import { expect, test } from 'vitest';
import { ELSEWHERE, verdictsWithin618 } from './patch-levels.ts';
import { HOSTILE, LESSONS, readPairs } from './programs.ts';

test('every row is about a program of the files, whose verdict there is another', () => {
  const pairs = [...LESSONS, ...HOSTILE].flatMap((f) => readPairs(f));
  const programs = pairs.flatMap((p) => (p.safe === undefined ? [p.hostile] : [p.hostile, p.safe]));
  for (const [name, { verdict }] of Object.entries(ELSEWHERE)) {
    const found = programs.filter((p) => p.name === name);
    expect(found, name).toHaveLength(1);
    expect(verdictsWithin618(name, found[0].verdict)).toEqual([found[0].verdict, verdict]);
    expect(found[0].verdict).not.toBe(verdict);
  }
});
