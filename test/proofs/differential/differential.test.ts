/** Generated programs against Linux 6.18: its recorded answers everywhere, the live kernel's where bpf(2) can be asked. */
import { afterAll, expect, it } from 'vitest';
import type { Btf } from '../../../src/btf/btf.ts';
import { loadPackagedBtf } from '../../../src/btf/vmlinux/index.ts';
import { type KernelTransport, openKernelTransport } from '../../../src/host/kernel-transport.ts';
import { compareOne, differenceOf } from './compare.ts';
import { readFixture } from './fixture.ts';
import { generate } from './generate.ts';
import { openLive } from './proof.ts';
import { programSeed } from './rng.ts';
import { askSkep } from './sides.ts';

const RUNS = Number(process.env['SKEP_LIVE_RUNS'] ?? 5000);
const SEED = 20261;
const btf = await loadPackagedBtf();
const vmlinux = (): Btf => btf;
const kernel = await openKernelTransport().catch((e: Error) => e);

it('gives the recorded answers of Linux 6.18', () => {
  const recorded = readFixture('generated-6.18.jsonl');
  const wrong = recorded.flatMap(({ program, kernel: want }) => {
    const got = askSkep(program, 1, vmlinux);
    const difference = differenceOf(want, got, false);
    return difference === undefined ? [] : [`${program.seed} ${difference}: ${got.errno} ${got.message} ${got.insns}`];
  });
  expect(wrong).toEqual([]);
  const accepted = recorded.filter((r) => r.kernel.errno === 0).length;
  expect(accepted / recorded.length).toBeGreaterThan(0.3);
});

if (kernel instanceof Error)
  console.log(`${RUNS} generated programs not compared with a live kernel: ${kernel.message}`);

it.skipIf(kernel instanceof Error)('agrees with the live kernel', { timeout: 900_000 }, async () => {
  const live = await openLive({}, kernel as KernelTransport);
  const found = Array.from({ length: RUNS }, (_, i) => compareOne(generate(programSeed(SEED, i)), live));
  expect(found.flatMap((f) => (typeof f === 'object' ? [`${f.program.seed} ${f.difference}`] : []))).toEqual([]);
});

afterAll(() => {
  if (!(kernel instanceof Error)) kernel[Symbol.dispose]();
});
