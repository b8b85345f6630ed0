/** Helper and kfunc calls: the verdicts, messages and instruction counts that Linux 6.18 gave for the programs in test/fixtures/verifier/calls. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { Btf } from '../../../../src/btf/btf.ts';
import { loadPackagedBtf } from '../../../../src/btf/vmlinux/index.ts';
import { type KernelTransport, openKernelTransport } from '../../../../src/host/kernel-transport.ts';
import { createRuntime } from '../../../../src/kernel/boot/runtime.ts';
import { verdictsWithin618 } from '../patch-levels.ts';
import { Judge, readCases } from './cases.ts';

const FILES = ['helpers.txt', 'callbacks.txt', 'kfuncs.txt', 'dynptrs.txt'];
const LIVE_BTF = '/sys/kernel/btf/vmlinux';

const kernel = await openKernelTransport().catch((): KernelTransport | undefined => undefined);
const is618 = existsSync('/proc/version') && readFileSync('/proc/version', 'utf8').includes(' 6.18.');
const live = kernel !== undefined && is618 && existsSync(LIVE_BTF) ? kernel : undefined;

const btf = await loadPackagedBtf();
const runtime = createRuntime({ kernelBtf: btf, verifyOnly: true, memory: 64 << 20, cpus: 2 });
const ours = new Judge(runtime, btf);
afterAll(() => runtime[Symbol.dispose]());

describe.each(FILES)('%s', (file) => {
  const cases = readCases(file);
  test.each(cases.map((c) => [c.name, c] as const))('%s', (_, c) => {
    expect(ours.verdict(c)).toBe(c.verdict);
  });
});

test('the fixtures are what the live kernel says', ({ skip }) => {
  const count = FILES.reduce((n, f) => n + readCases(f).length, 0);
  if (live === undefined) {
    skip(`no Linux 6.18 with bpf(2) here: ${count} programs not compared`);
    return;
  }
  const judge = new Judge(live, Btf.parse(new Uint8Array(readFileSync(LIVE_BTF))));
  for (const file of FILES) {
    const cases = readCases(file);
    if (process.env['BLESS'] === '1') {
      const text = cases.map((c) => `## ${c.head}\n${c.body.trimEnd()}\n-> ${judge.verdict(c)}\n`).join('\n');
      writeFileSync(new URL(`../../../fixtures/verifier/calls/${file}`, import.meta.url), text);
      continue;
    }
    for (const c of cases) expect(verdictsWithin618(c.name, c.verdict), c.name).toContain(judge.verdict(c));
  }
});
