/** The kfunc tables against what Linux 6.18 answered to probing loads (scripts/probe-spec.py). */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { kfuncFor, kfuncRow } from '../../../src/kernel/rules/rows/kfuncs/kfuncs.ts';
import { KF_SLEEPABLE } from '../../../src/kernel/rules/rows/kfuncs/row.ts';
import { ALL_CAPS, type ProgQuery } from '../../../src/kernel/rules/prog-type.ts';

interface Fixture {
  readonly names: string[];
  readonly sleepable: string[];
  readonly rows: [keys: string[], row: string][];
}
const fixture = JSON.parse(readFileSync(new URL('./fixtures/kfuncs.json', import.meta.url), 'utf8')) as Fixture;

it('offers each kfunc to the program types that have it', () => {
  const wrong: string[] = [];
  for (const [keys, row] of fixture.rows)
    for (const key of keys) {
      const [progType, expectedAttachType] = key.split(':').map(Number);
      const q: ProgQuery = {
        progType,
        expectedAttachType,
        caps: ALL_CAPS,
        sleepable: false,
        gplCompatible: true,
        attachBtfName: '',
      };
      fixture.names.forEach((name, i) => {
        const mine = kfuncFor(name, q) === undefined ? '.' : '+';
        if (mine !== row[i]) wrong.push(`${key} ${name}: kernel ${row[i]}, table ${mine}`);
      });
    }
  expect(wrong).toEqual([]);
});

it('knows which ones sleep', () => {
  // Only reachable from sleepable programs, so the recording cannot have met them: their sets are of syscall programs and LSM hooks.
  const unseen = new Set(['bpf_crypto_ctx_create']);
  const mine = fixture.names.filter((n) => ((kfuncRow(n)?.flags ?? 0) & KF_SLEEPABLE) !== 0 && !unseen.has(n));
  const hooked = mine.filter((n) => !kfuncRow(n)?.progTypes && !kfuncRow(n)?.hooks.includes('fmodret'));
  expect(hooked).toEqual(fixture.sleepable);
});

it('has a row for every kfunc of the recording', () => {
  expect(fixture.names.filter((n) => kfuncRow(n) === undefined)).toEqual([]);
});
