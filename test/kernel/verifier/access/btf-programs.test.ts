/** Arguments of BTF-typed hooks, walks through kernel structs, stores of struct_ops programs: as Linux 6.18 judged them. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Btf } from '../../../../src/btf/btf.ts';
import { loadPackagedBtf } from '../../../../src/btf/vmlinux/index.ts';
import { kernelAbsent, liveKernel } from '../../../host/live-kernel.ts';
import { ours, readRows, theirs } from './btf-programs.ts';

/** Recorded files, and one whose verdicts rest on documentation: the kernels at hand load no such programs. */
const RECORDED = ['arguments.tsv', 'walks.tsv', 'programs.tsv', 'random.tsv'];
const DOCUMENTED = 'hooks.tsv';

const fixture = (file: string): URL => new URL(`../../../recorded/verifier/btf/${file}`, import.meta.url);
const read = (file: string): string => readFileSync(fixture(file), 'utf8');
const btf = await loadPackagedBtf();
const LIVE_BTF = '/sys/kernel/btf/vmlinux';

test.each([...RECORDED, DOCUMENTED])('%s', (file) => {
  const rows = readRows(read(file));
  expect(rows.length).toBeGreaterThan(0);
  const said = rows.map((row) => `${row.attach} ${row.how} ${row.source}: ${ours(btf, row)}`);
  expect(said).toEqual(rows.map((row) => `${row.attach} ${row.how} ${row.source}: ${row.verdict}`));
});

test('the fixtures are what the live kernel says', { timeout: 60_000 }, async ({ skip }) => {
  const kernel = await liveKernel();
  const is618 = existsSync('/proc/version') && readFileSync('/proc/version', 'utf8').includes(' 6.18.');
  const count = RECORDED.reduce((n, file) => n + readRows(read(file)).length, 0);
  if (kernel === undefined || !is618 || !existsSync(LIVE_BTF)) {
    skip(`no Linux 6.18 here${kernelAbsent && `: ${kernelAbsent}`}; ${count} programs not compared`);
    return;
  }
  const bytes = readFileSync(LIVE_BTF);
  // The programs name kernel functions by their number in the packaged types; builds of one version number them differently.
  if (Buffer.compare(bytes, btf.bytes) !== 0) {
    kernel[Symbol.dispose]();
    skip(`this kernel has other types than the packaged ones; ${count} programs not compared`);
    return;
  }
  const live = Btf.parse(new Uint8Array(bytes));
  for (const file of RECORDED) {
    const rows = readRows(read(file));
    const lines = rows.map((r) => [r.attach, r.how, r.source, theirs(kernel, live, r)].join('\t'));
    if (process.env['BLESS'] === '1') writeFileSync(fixture(file), `${lines.join('\n')}\n`);
    else expect(lines).toEqual(rows.map((r) => [r.attach, r.how, r.source, r.verdict].join('\t')));
  }
  kernel[Symbol.dispose]();
});
