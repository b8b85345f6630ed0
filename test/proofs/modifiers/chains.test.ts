/** Types behind random chains of typedefs and modifiers: recorded answers of Linux 6.18 everywhere, the live kernel's where it can be asked. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { Btf } from '../../../src/btf/btf.ts';
import { loadPackagedBtf } from '../../../src/btf/vmlinux/index.ts';
import { buildRuntime, type Runtime } from '../../../src/kernel/boot/runtime.ts';
import { verify } from '../../../src/kernel/verifier/check.ts';
import { programSeed } from '../differential/rng.ts';
import { kernelAbsent, liveKernel } from '../../host/live-kernel.ts';
import { ask } from './ask.ts';
import { forgetting, makeCase } from './cases.ts';

const RUNS = Number(process.env['SKEP_LIVE_RUNS'] ?? 400);
const SEED = Number(process.env['SKEP_SEED'] ?? 618);
const RECORDED = 250;
const FILE = new URL('../../recorded/btf/chains-6.18.txt', import.meta.url);
const LIVE_BTF = '/sys/kernel/btf/vmlinux';

const kernel = await liveKernel();
afterAll(() => kernel?.[Symbol.dispose]());

const embedded = (vmlinux: Btf): Runtime =>
  buildRuntime({ kernelBtf: vmlinux, verifyOnly: true, memory: 64 << 20, cpus: 2 }, verify);
/** Kernel functions have other numbers in other builds. */
const shown = (n: number, answers: readonly string[]): string =>
  answers.map((a) => `${n}\t${a.replace(/(call \w+#)\d+/, '$1N')}`).join('\n');
const is618 = existsSync('/proc/version') && readFileSync('/proc/version', 'utf8').includes(' 6.18.');

test('answers as Linux 6.18 did', async () => {
  const vmlinux = await loadPackagedBtf();
  using runtime = embedded(vmlinux);
  const lines = Array.from({ length: RECORDED }, (_, n) => shown(n, ask(runtime, vmlinux, makeCase(n))));
  expect(lines.join('\n').split('\n')).toEqual(readFileSync(FILE, 'utf8').trimEnd().split('\n'));
});

test('answers as the live kernel does', { timeout: 3_600_000 }, ({ skip }) => {
  if (kernel === undefined || !is618 || !existsSync(LIVE_BTF)) {
    skip(`no Linux 6.18 here${kernelAbsent && `: ${kernelAbsent}`}; ${RUNS} cases not compared`);
    return;
  }
  const vmlinux = Btf.parse(new Uint8Array(readFileSync(LIVE_BTF)));
  for (const c of forgetting()) ask(kernel, vmlinux, c);
  if (process.env['BLESS'] === '1') {
    const lines = Array.from({ length: RECORDED }, (_, n) => shown(n, ask(kernel, vmlinux, makeCase(n))));
    writeFileSync(FILE, `${lines.join('\n')}\n`);
  }
  using runtime = embedded(vmlinux);
  const differences: string[] = [];
  for (let n = 0; n < RUNS; n++) {
    const seed = programSeed(SEED, n);
    const theirs = shown(seed, ask(kernel, vmlinux, makeCase(seed)));
    const ours = shown(seed, ask(runtime, vmlinux, makeCase(seed)));
    if (theirs !== ours) differences.push(`kernel:\n${theirs}\nhere:\n${ours}`);
  }
  expect(differences).toEqual([]);
});
