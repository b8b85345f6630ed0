/** The kfunc tables against what kernels answered to probing loads (scripts/probe-spec.py). */
import { expect, it } from 'vitest';
import { BUILDS, inBuild } from '../../../src/kernel/rules/build.ts';
import { kfuncFor } from '../../../src/kernel/rules/compile.ts';
import { KFUNC_ROWS } from '../../../src/kernel/rules/rows/kfuncs/all.ts';
import {
  KF_ACQUIRE,
  KF_ITER_DESTROY,
  KF_ITER_NEW,
  KF_ITER_NEXT,
  KF_RELEASE,
  KF_RET_NULL,
  KF_SLEEPABLE,
  type KfuncRow,
} from '../../../src/kernel/rules/rows/kfuncs/row.ts';
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
  const surplus = KFUNC_ROWS.filter(([n, row]) => inBuild(row, BUILDS[kernel.name]) && !names.includes(n)).map(
    ([n]) => n,
  );
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

/** Combinations that no kfunc can have: `npm run typecheck` fails when one of them compiles. */
const who = { since: '6.2', flags: 0, hooks: ['common'] } as const;
const WRONG: readonly KfuncRow[] = [
  // @ts-expect-error A section is entered or left.
  { ...who, effect: { rcu: 'off' } },
  // @ts-expect-error One effect, not two.
  { ...who, effect: { rcu: 'lock', preempt: 'off' } },
  // @ts-expect-error A lock is taken or given back.
  { ...who, effect: { lock: 'res' } },
  // @ts-expect-error Plain locks belong to helpers.
  { ...who, effect: { lock: 'spin', take: true } },
  // @ts-expect-error A callback runs now or later.
  { ...who, callback: { sync: 'rbtree_add', async: 'wq' } },
  // @ts-expect-error A work queue runs later.
  { ...who, callback: { sync: 'wq' } },
  // @ts-expect-error What is made is not given back.
  { ...who, makes: 'object', drops: 'object' },
  // @ts-expect-error There are five arguments.
  { ...who, owns: 6 },
];

it('says what a kfunc does in columns that agree with its flags', () => {
  expect(WRONG).toHaveLength(8);
  const wrong = KFUNC_ROWS.filter(([name, { flags, makes, drops, effect, owns, underLock }]) => {
    const allocated = makes === 'object' || makes === 'percpu-object' || makes === 'reference';
    if (allocated && (flags & KF_ACQUIRE) === 0) return true;
    if (drops !== undefined && (flags & KF_RELEASE) === 0) return true;
    // A resilient lock may fail.
    if (effect?.take === true && (flags & KF_RET_NULL) === 0) return true;
    // Lists and trees are reached under their lock, and a lock is dropped under itself.
    if ((owns !== undefined || effect?.lock !== undefined) && underLock !== true) return true;
    const [, step] = /^bpf_iter_\w+_(new|next|destroy)$/.exec(name) ?? [];
    const want = { new: KF_ITER_NEW, next: KF_ITER_NEXT, destroy: KF_ITER_DESTROY }[step] ?? 0;
    return (flags & (KF_ITER_NEW | KF_ITER_NEXT | KF_ITER_DESTROY)) !== want;
  });
  expect(wrong.map(([name]) => name)).toEqual([]);
});
