/** Objects of the size that people ship: verdict and effort equal what Linux 6.18 said of the same files (loaded with log level 4). */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Btf } from '../../../src/btf/btf.ts';
import { loadPackagedBtf } from '../../../src/btf/vmlinux/index.ts';
import { createRuntime } from '../../../src/kernel/boot/runtime.ts';
import { loadCollection } from '../../../src/lib/collection.ts';
import { parseObject } from '../../../src/lib/parse-object.ts';
import type { BpfSyscall } from '../../../src/uapi/attr/attr.ts';
import { errnoName } from '../../../src/uapi/errno.ts';
import { kernelAbsent, liveKernel } from '../../host/live-kernel.ts';

/** What a program is, the kernel's verdict with the last line of a rejection's log, and its line of effort. */
interface Row {
  readonly object: string;
  readonly program: string;
  readonly verdict: string;
  readonly effort: string;
}

const RECORDED = new URL('../../recorded/verifier/large-objects-6.18.tsv', import.meta.url);
const LIVE_BTF = '/sys/kernel/btf/vmlinux';
const OBJECTS = ['xdp_lb', 'trace_exec', 'tc_nat', 'big_parser', 'kernel_objects'];
const rows = readFileSync(RECORDED, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line): Row => {
    const [object, program, verdict, effort] = line.split('\t');
    return { object, program, verdict, effort };
  });

function ask(sys: BpfSyscall, kernelBtf: Btf, object: string, program: string): Row {
  const file = new URL(`../../fixtures/objects/${object}.o`, import.meta.url);
  const spec = parseObject(new Uint8Array(readFileSync(file)), { name: object });
  using loaded = loadCollection(spec, sys, { kernelBtf, programs: [program], onError: 'collect', logLevel: 4 });
  const error = loaded.errors.get(program);
  const lines = (error === undefined ? loaded.program(program).log : error.log).trimEnd().split('\n');
  const effort = lines.findLast((line) => line.startsWith('processed ')) ?? '';
  const reason = lines.findLast((line) => !/^(?:processed|verification time|stack depth) /.test(line));
  const verdict = error === undefined ? 'accept' : `reject ${errnoName(error.errno)}: ${reason}`;
  return { object, program, verdict, effort };
}

const programsOf = (object: string): string[] =>
  parseObject(
    new Uint8Array(readFileSync(new URL(`../../fixtures/objects/${object}.o`, import.meta.url))),
  ).programs.map((p) => p.name);

describe('objects of real size', async () => {
  const vmlinux = await loadPackagedBtf();
  test.each(rows)('$object $program', (want) => {
    using runtime = createRuntime({ verifyOnly: true, kernelBtf: vmlinux, memory: 1 << 24 });
    expect(ask(runtime, vmlinux, want.object, want.program)).toEqual(want);
  });

  test('every program of each object is recorded', () => {
    const all = OBJECTS.flatMap((object) => programsOf(object).map((program) => `${object} ${program}`));
    expect(rows.map(({ object, program }) => `${object} ${program}`)).toEqual(all);
  });

  test('the live kernel says the same', async ({ skip }) => {
    const kernel = await liveKernel();
    const is618 = existsSync('/proc/version') && readFileSync('/proc/version', 'utf8').includes(' 6.18.');
    if (kernel === undefined || !is618 || !existsSync(LIVE_BTF)) {
      skip(`no Linux 6.18 with bpf(2) here: ${rows.length} programs not compared ${kernelAbsent}`);
      return;
    }
    const liveBtf = Btf.parse(new Uint8Array(readFileSync(LIVE_BTF)));
    const said = OBJECTS.flatMap((object) =>
      programsOf(object).map((program) => ask(kernel, liveBtf, object, program)),
    );
    if (process.env['BLESS'] !== '1') expect(said).toEqual(rows);
    else
      writeFileSync(RECORDED, said.map((r) => `${[r.object, r.program, r.verdict, r.effort].join('\t')}\n`).join(''));
  });
});
