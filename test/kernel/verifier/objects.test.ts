/** Objects of the size that people ship: verdict and effort equal what Linux 6.18 said of the same files (loaded with log level 4). */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadPackagedBtf } from '../../../src/btf/vmlinux/index.ts';
import { createRuntime } from '../../../src/kernel/boot/runtime.ts';
import { loadCollection } from '../../../src/lib/collection.ts';
import { parseObject } from '../../../src/lib/parse-object.ts';

interface Row {
  readonly object: string;
  readonly program: string;
  readonly errno: number;
  readonly insns: number;
  readonly maxStates: number;
  readonly totalStates: number;
  readonly peakStates: number;
  /** Last line before the statistics of a rejection that is not one of effort. */
  readonly message: string;
}

const row = (
  object: string,
  program: string,
  errno: number,
  insns: number,
  maxStates: number,
  totalStates: number,
  peakStates: number,
  message = '',
): Row => ({ object, program, errno, insns, maxStates, totalStates, peakStates, message });

const E2BIG = 7;
const EACCES = 13;
/** Recorded from Linux 6.18.44 on x86_64. */
const KERNEL: readonly Row[] = [
  row('xdp_lb', 'balance', 0, 2126, 6, 126, 93),
  row('trace_exec', 'on_exec', 0, 1281, 4, 87, 87),
  row('trace_exec', 'on_exit', 0, 159, 2, 15, 15),
  row('trace_exec', 'on_sys_enter', 0, 1310, 4, 17, 17),
  row('tc_nat', 'snat', 0, 205, 1, 16, 16),
  row('tc_nat', 'learn', 0, 139, 1, 10, 10),
  row('tc_nat', 'checksum', 0, 71, 1, 6, 6),
  row('big_parser', 'sort', 0, 19492, 14, 570, 82),
  row('big_parser', 'options', E2BIG, 1000001, 18, 54305, 147),
  row('big_parser', 'machine', E2BIG, 1000001, 31, 29294, 226),
  row('kernel_objects', 'two_masks', 0, 30, 1, 3, 3),
  row('kernel_objects', 'mark_connection', 0, 34, 0, 2, 2),
  row('kernel_objects', 'time_out_connection', EACCES, 21, 0, 0, 0, 'no write support to nf_conn at off 8'),
  row('kernel_objects', 'rename_task', EACCES, 5, 0, 0, 0, 'only read is supported'),
  row('kernel_objects', 'map_or_search', 0, 78, 1, 6, 6),
  row('kernel_objects', 'keep_cookie', 0, 6, 0, 0, 0),
  row('kernel_objects', 'ask_function', 0, 16, 0, 1, 1),
];

const fixture = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(fileURLToPath(new URL(`../../fixtures/objects/${name}.o`, import.meta.url))));

describe('objects of real size', async () => {
  const vmlinux = await loadPackagedBtf();
  test.each(KERNEL)('$object $program', (want) => {
    using runtime = createRuntime({ verifyOnly: true, kernelBtf: vmlinux, memory: 1 << 24 });
    const spec = parseObject(fixture(want.object), { name: want.object });
    using loaded = loadCollection(spec, runtime, {
      kernelBtf: vmlinux,
      programs: [want.program],
      onError: 'collect',
      logLevel: 4,
    });
    const error = loaded.errors.get(want.program);
    const log = error === undefined ? loaded.program(want.program).log : error.log;
    expect(error?.errno ?? 0).toBe(want.errno);
    expect(log).toContain(want.message);
    expect(log).toContain(
      `processed ${want.insns} insns (limit 1000000) max_states_per_insn ${want.maxStates} ` +
        `total_states ${want.totalStates} peak_states ${want.peakStates} mark_read 0`,
    );
  });
});
