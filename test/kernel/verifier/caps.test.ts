/** Ordinary programs with the verdict of Linux 6.18, under all capabilities, CAP_BPF with CAP_NET_ADMIN, and CAP_BPF alone. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { Btf } from '../../../src/btf/btf.ts';
import { loadPackagedBtf } from '../../../src/btf/vmlinux/index.ts';
import { type KernelTransport, openKernelTransport } from '../../../src/host/kernel-transport.ts';
import { openCaps } from '../../proofs/differential/caps.ts';
import { Judge, OurKernels } from './judge.ts';
import { verdictsWithin618 } from './patch-levels.ts';
import { LESSONS, type Program, readPairs } from './programs.ts';

const LIVE_BTF = '/sys/kernel/btf/vmlinux';
const kernels = new OurKernels(await loadPackagedBtf());
afterAll(() => kernels[Symbol.dispose]());

describe.each(LESSONS)('%s', (file) => {
  const programs = readPairs(file).map((p) => p.hostile);
  test.each(programs.map((p) => [p.name, p] as const))('%s', (_, p) => {
    const judge = kernels.judge(p);
    expect(judge.verdict(p)).toBe(p.verdict);
    if (p.insns !== undefined) expect(judge.processed).toBe(p.insns);
  });
});

test('the verdicts are what the live kernel says', async ({ skip }) => {
  const kernel = await openKernelTransport().catch((): KernelTransport | undefined => undefined);
  const withCaps = await openCaps().catch(() => undefined);
  const is618 =
    kernel !== undefined && existsSync(LIVE_BTF) && readFileSync('/proc/version', 'utf8').includes(' 6.18.');
  if (kernel === undefined || withCaps === undefined || !is618) {
    const count = LESSONS.reduce((n, f) => n + readPairs(f).length, 0);
    skip(`no Linux 6.18 with bpf(2) here: ${count} programs not compared`);
    return;
  }
  const judge = new Judge(kernel, Btf.parse(new Uint8Array(readFileSync(LIVE_BTF))));
  // What it cannot be asked stands as it is written.
  const ask = (p: Program): Answer => {
    if (!isAsked(p)) return p;
    const verdict = judge.verdict(p, (run) => withCaps(p.caps, run));
    return { verdict, insns: verdict === 'accept' && p.insns !== undefined ? judge.processed : undefined };
  };
  for (const file of LESSONS) {
    const programs = readPairs(file).map((p) => p.hostile);
    if (process.env['BLESS'] === '1') bless(file, programs.map(ask));
    else for (const p of programs) compare(p, ask(p));
  }
});

type Answer = Pick<Program, 'verdict' | 'insns'>;

function compare(p: Program, said: Answer): void {
  expect(verdictsWithin618(p.name, p.verdict), p.name).toContain(said.verdict);
  if (said.verdict === p.verdict) expect(said.insns, p.name).toBe(p.insns);
}

/** Whether a live kernel can be asked about the program. */
const isAsked = (p: Program): boolean => p.unasked === '' && p.kernel === '' && !p.interrupted && !p.unmitigated;

/** Writes the kernel's verdicts into the file. */
function bless(file: string, answers: readonly Answer[]): void {
  const url = new URL(`./programs/${file}`, import.meta.url);
  let n = -1;
  const text = readFileSync(url, 'utf8')
    .split('\n')
    .map((l) => {
      if (l.startsWith(';; name: ')) n++;
      if (!/^;; (?:verdict$|accept\b|reject )/.test(l)) return l;
      const { verdict, insns } = answers[n];
      return `;; ${verdict}${insns === undefined ? '' : `, ${insns} insns`}`;
    });
  writeFileSync(url, text.join('\n'));
}
