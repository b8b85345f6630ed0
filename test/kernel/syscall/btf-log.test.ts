/** The log of BPF_BTF_LOAD: levels, sizes, what is cut and what is told, as Linux 6.18 answered and as a live kernel does. */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { BtfBuilder } from '../../../src/btf/encode.ts';
import { validateBtf } from '../../../src/btf/validate.ts';
import type { BpfSyscall, BtfLoadAttr } from '../../../src/uapi/attr/attr.ts';
import { BPF_CMD as C } from '../../../src/uapi/cmd.ts';
import { kernelAbsent, liveKernel } from '../../host/live-kernel.ts';
import { embedded } from './embedded.ts';

const kernel = await liveKernel();
if (kernel === undefined) console.log(`the live kernel is not asked for logs of BTF: ${kernelAbsent}`);
afterAll(() => kernel?.[Symbol.dispose]());

const FILE = new URL('../../recorded/syscall/btf-log-6.18.json', import.meta.url);

function types(bad: boolean): Uint8Array {
  const b = new BtfBuilder();
  const int = b.int('int', 4, 1);
  for (let i = 0; i < 5; i++) b.typedef(`name_${i}`, int);
  if (bad) b.typedef('nowhere', 99);
  return b.encode();
}
const INPUTS: readonly (readonly [string, Uint8Array])[] = [
  ['good', types(false)],
  ['bad', types(true)],
  ['no header', new Uint8Array(3)],
];
/** Level, and bytes of the buffer; -1 is none. */
const LEVELS = [0, 1, 2, 4, 8, 9, 15, 16];
const sizes = (whole: number): readonly number[] => [-1, 0, 1, 2, 10, whole - 1, whole, whole + 1, whole + 2, 4096];

type Answer = readonly [result: number, trueSize: number, text: string];

function ask(sys: BpfSyscall, btf: Uint8Array, level: number, size: number): Answer {
  const buf = new Uint8Array(Math.max(0, size)).fill(0x78);
  const attr: BtfLoadAttr = { btf, btf_log_level: level, ...(size < 0 ? {} : { btf_log_buf: buf }) };
  const fd = sys.bpf(C.BPF_BTF_LOAD, attr);
  if (fd > 0) sys.close(fd);
  const end = buf.indexOf(0);
  const written = end < 0 && buf.every((byte) => byte === 0x78) ? '' : new TextDecoder().decode(buf.subarray(0, end));
  return [Math.min(fd, 1), attr.btf_log_true_size ?? 0, written];
}

function* grid(): Generator<readonly [name: string, btf: Uint8Array, level: number, size: number]> {
  for (const [name, btf] of INPUTS) {
    const whole = validateBtf(btf).log.length;
    for (const level of LEVELS) for (const size of sizes(whole)) yield [name, btf, level, size];
  }
}
const answers = (sys: BpfSyscall): Record<string, Answer> =>
  Object.fromEntries(
    [...grid()].map(([name, btf, level, size]) => [`${name} level ${level} size ${size}`, ask(sys, btf, level, size)]),
  );

describe('the log of BTF_LOAD', () => {
  test('is what 6.18 wrote', () => {
    using sys = embedded();
    const got = answers(sys);
    if (process.env['BLESS'] !== undefined && kernel !== undefined)
      writeFileSync(FILE, `${JSON.stringify(answers(kernel))}\n`);
    expect(got).toEqual(JSON.parse(readFileSync(FILE, 'utf8')));
    expect(Object.keys(got).length).toBeGreaterThan(150);
  });

  test.skipIf(kernel === undefined)('is what the live kernel writes', () => {
    using sys = embedded();
    expect(answers(sys)).toEqual(answers(kernel as BpfSyscall));
  });

  test('keeps no more than the buffer takes, and tells the size of all of it', () => {
    const b = new BtfBuilder();
    const int = b.int('int', 4, 1);
    for (let i = 0; i < 2000; i++) b.typedef(`a_name_${i}`, int);
    const bytes = b.encode();
    const whole = validateBtf(bytes);
    expect(whole.logBytes).toBe(whole.log.length);
    for (const from of ['start', 'end'] as const)
      for (const room of [0, 1, 100, 5000]) {
        const { log, logBytes } = validateBtf(bytes, { logRoom: { bytes: room, from } });
        expect(logBytes).toBe(whole.logBytes);
        expect(log.length).toBeGreaterThanOrEqual(room);
        expect(log.length).toBeLessThan(room + 200);
        expect(from === 'start' ? whole.log.startsWith(log) : whole.log.endsWith(log)).toBe(true);
      }
  });
});
