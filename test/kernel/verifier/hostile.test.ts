/** Programs that exploit what verifiers got wrong once: each is refused with its message; its safe twin is accepted, by the live kernel too. */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { Btf } from '../../../src/btf/btf.ts';
import { loadPackagedBtf } from '../../../src/btf/vmlinux/index.ts';
import { type KernelTransport, openKernelTransport } from '../../../src/host/kernel-transport.ts';
import { createRuntime } from '../../../src/kernel/boot/runtime.ts';
import { HOLES } from '../../../src/kernel/rules/rows/holes.ts';
import { verify } from '../../../src/kernel/verifier/check.ts';
import type { VerifierOutcome } from '../../../src/kernel/verifier/result.ts';
import { openCaps } from '../../proofs/differential/caps.ts';
import { Judge, OurKernels } from './judge.ts';
import { verdictsWithin618 } from './patch-levels.ts';
import { HOSTILE, readPairs } from './programs.ts';

const btf = await loadPackagedBtf();
const kernels = new OurKernels(btf);
afterAll(() => kernels[Symbol.dispose]());

describe.each(HOSTILE)('%s', (file) => {
  const pairs = readPairs(file);
  test.each(pairs.map((p) => [p.hostile.name, p] as const))('%s', (_, { hostile, safe }) => {
    expect(kernels.verdict(hostile)).toBe(hostile.verdict);
    expect(hostile.verdict).toMatch(/^reject/);
    expect(safe, 'a safe twin').toBeDefined();
    if (safe !== undefined) expect(kernels.verdict(safe)).toBe('accept');
  });
});

describe('what 6.18 accepts through a hole of its own', () => {
  const pairs = HOSTILE.flatMap((file) => readPairs(file)).filter(({ hostile }) => hostile.hole !== '');
  let last: VerifierOutcome | undefined;
  const told = new OurKernels(btf, (input) => (last = verify(input)));
  afterAll(() => told[Symbol.dispose]());

  test.each(pairs.map((p) => [p.hostile.name, p] as const))('%s', (_, { hostile, safe }) => {
    // To run, it is refused; the verdict beside that is the kernel's, with the hole.
    expect(told.verdict(hostile)).toBe(hostile.verdict);
    expect(last).toMatchObject({ ok: true, unsound: { hole: hostile.hole } });
    if (safe !== undefined) told.verdict(safe);
    expect(last).not.toHaveProperty('unsound');
  });

  test('every hole of the table has a program', () => {
    expect([...new Set(pairs.map((p) => p.hostile.hole))].sort()).toEqual(Object.keys(HOLES).sort());
  });
});

test('a runtime loads them when it is told to', () => {
  using open = createRuntime({ kernelBtf: btf, verifyOnly: true, memory: 64 << 20, allowKnownHoles: true });
  const [{ hostile }] = readPairs('hostile-holes.txt');
  expect(new Judge(open, btf).verdict(hostile)).toBe('accept');
});

test('the hostile list is long enough', () => {
  expect(HOSTILE.flatMap((f) => readPairs(f)).length).toBeGreaterThanOrEqual(120);
});

test('the live kernel accepts every safe twin (it is never given a hostile program)', async ({ skip }) => {
  const kernel = await openKernelTransport().catch((): KernelTransport | undefined => undefined);
  const twins = HOSTILE.flatMap((f) => readPairs(f)).flatMap((p) => (p.safe?.unasked === '' ? [p.safe] : []));
  const is618 = kernel !== undefined && readFileSync('/proc/version', 'utf8').includes(' 6.18.');
  if (kernel === undefined || !is618) {
    skip(`no Linux 6.18 with bpf(2) here: ${twins.length} safe twins not compared`);
    return;
  }
  const judge = new Judge(kernel, Btf.parse(new Uint8Array(readFileSync('/sys/kernel/btf/vmlinux'))));
  const withCaps = await openCaps();
  const refused = twins.flatMap((p) => {
    const said = judge.verdict(p, (run) => (withCaps === undefined ? run() : withCaps(p.caps, run)));
    return verdictsWithin618(p.name, 'accept').includes(said) ? [] : [`${p.file} ${p.name}: ${said}`];
  });
  expect(refused).toEqual([]);
});
