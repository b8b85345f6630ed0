/** PROG_TEST_RUN gives what Linux 6.18 gave: the table of runs on the embedded kernel, and on the live one where there is one. */
import { afterAll, describe, expect, test } from 'vitest';
import { assemble } from '../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import { createRuntime } from '../../../src/kernel/boot/runtime.ts';
import type { BpfSyscall, TestRunAttr } from '../../../src/uapi/attr/attr.ts';
import { BPF_CMD } from '../../../src/uapi/cmd.ts';
import { kernelAbsent, liveKernel } from '../../host/live-kernel.ts';
import { kernelBtf } from '../syscall/embedded.ts';
import { TEST_RUN_CASES, type TestRunCase } from './test-run-cases.ts';

const kernel = await liveKernel();
if (kernel === undefined) console.log(`${TEST_RUN_CASES.length} test runs on the live kernel skipped: ${kernelAbsent}`);
afterAll(() => kernel?.[Symbol.dispose]());

const hex = (text: string): Uint8Array => Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
const toHex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

function runCase(sys: BpfSyscall, c: TestRunCase): void {
  const log = new Uint8Array(65536);
  const fd = sys.bpf(BPF_CMD.BPF_PROG_LOAD, {
    prog_type: c.progType,
    insns: encodeInsns(assemble(c.asm)),
    license: 'GPL',
    prog_flags: c.progFlags ?? 0,
    log_level: 1,
    log_buf: log,
  });
  expect(fd, new TextDecoder().decode(log.subarray(0, log.indexOf(0)))).toBeGreaterThan(0);
  const test: TestRunAttr['test'] = { prog_fd: fd, repeat: c.repeat ?? 1 };
  if (c.data !== undefined) test.data_in = hex(c.data);
  if (c.out !== undefined) test.data_out = new Uint8Array(4096);
  if (c.ctx !== undefined) test.ctx_in = new Uint8Array(Uint32Array.from(c.ctx).buffer);
  if (c.ctxOut !== undefined) test.ctx_out = new Uint8Array(192);
  const result = sys.bpf(BPF_CMD.BPF_PROG_TEST_RUN, { test });
  sys.close(fd);
  expect(result).toBe(0);
  expect((test.retval ?? 0) >>> 0).toBe(c.retval >>> 0);
  if (test.data_out !== undefined) expect(toHex(test.data_out.subarray(0, test.data_size_out))).toBe(c.out);
  if (test.ctx_out !== undefined) {
    const words = new Uint32Array(test.ctx_out.buffer);
    const set = Object.fromEntries(
      [...words].map((word, i) => [i * 4, word] as const).filter(([, word]) => word !== 0),
    );
    const wanted = Object.fromEntries(Object.entries(c.ctxOut ?? {}).filter(([, word]) => word !== 0));
    expect(set).toEqual(wanted);
  }
}

describe.each(['jit', 'interp'] as const)('embedded kernel, %s', (engine) => {
  const runtime = createRuntime({ memory: 64 << 20, kernelBtf, engine });
  test.each(TEST_RUN_CASES)('$name', (c) => runCase(runtime, c));
});

describe.skipIf(kernel === undefined)('live kernel', () => {
  test.each(TEST_RUN_CASES)('$name', (c) => runCase(kernel!, c));
});
