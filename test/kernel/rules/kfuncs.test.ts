/** The kfunc tables against what kernels answered to probing loads (scripts/probe-spec.py). */
import { expect, it } from 'vitest';
import { kfuncFor } from '../../../src/kernel/rules/compile.ts';
import { KFUNC_ROWS } from '../../../src/kernel/rules/rows/kfuncs/all.ts';
import { KF_SLEEPABLE } from '../../../src/kernel/rules/rows/kfuncs/row.ts';
import { ALL_CAPS, type ProgQuery } from '../../../src/kernel/rules/prog-type.ts';
import { KERNELS, LINUX_6_18 } from './kernels.ts';

interface Fixture {
  readonly names: string[];
  readonly sleepable: string[];
  readonly rows: [keys: string[], row: string][];
}
const RECORDED = new Map(KERNELS.map((k) => [k, k.recorded('kfuncs.json') as Fixture]));

it.each(KERNELS)('$name: offers each kfunc to the program types that have it', (kernel) => {
  const fixture = RECORDED.get(kernel) as Fixture;
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
        const mine = kfuncFor(kernel.rules, name, q) === undefined ? '.' : '+';
        if (mine !== row[i]) wrong.push(`${key} ${name}: kernel ${row[i]}, table ${mine}`);
      });
    }
  expect(wrong).toEqual([]);
});

it.each(KERNELS)('$name: has a row for every kfunc of its BTF, and no other', (kernel) => {
  const { names } = RECORDED.get(kernel) as Fixture;
  expect(names.filter((n) => kernel.rules.kfunc(n) === undefined)).toEqual([]);
  // Kfuncs of modules stand in the modules' own BTF.
  const surplus = KFUNC_ROWS.map(([n]) => n).filter((n) => kernel.rules.kfunc(n) !== undefined && !names.includes(n));
  expect(surplus.filter((n) => kernel.rules.kfunc(n)?.test !== true)).toEqual([]);
});

it('knows which ones sleep', () => {
  const fixture = RECORDED.get(LINUX_6_18) as Fixture;
  const { rules } = LINUX_6_18;
  // Only reachable from sleepable programs, so the recording cannot have met them: their sets are of syscall programs and LSM hooks.
  const unseen = new Set(['bpf_crypto_ctx_create']);
  const mine = fixture.names.filter((n) => ((rules.kfunc(n)?.flags ?? 0) & KF_SLEEPABLE) !== 0 && !unseen.has(n));
  const hooked = mine.filter((n) => !rules.kfunc(n)?.progTypes && !rules.kfunc(n)?.hooks.includes('fmodret'));
  expect(hooked).toEqual(fixture.sleepable);
});
