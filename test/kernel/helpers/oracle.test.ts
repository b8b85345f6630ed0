/**
 * Helpers against Linux 6.18: r0, the buffer and the packet after one call. Answers are recorded in test/recorded/helpers/oracle-6.18.json;
 * where bpf(2) can be called the kernel is asked again. `BLESS=1` records anew.
 */
import { writeFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { createRuntime } from '../../../src/kernel/boot/runtime.ts';
import type { BpfSyscall } from '../../../src/uapi/attr/attr.ts';
import { BPF_CMD } from '../../../src/uapi/cmd.ts';
import { BPF_F_RDONLY_PROG } from '../../../src/uapi/flags.ts';
import { BPF_MAP_TYPE } from '../../../src/uapi/map-types.ts';
import { kernelAbsent, liveKernel } from '../../host/live-kernel.ts';
import { sharedMemory } from '../memory-kind.ts';
import { type Arg, BUF_SIZE, ORACLE_CASES, type OracleCase, UDP4 } from './oracle-cases.ts';
import { kernelBtf } from '../syscall/embedded.ts';
import {
  ANSWERS,
  type Answer,
  askSkep,
  hex,
  isRefused,
  packets,
  padded,
  readAnswers,
  textOf,
  trimmed,
} from './oracle-run.ts';
import { setupHelpers } from './setup.ts';

const kernel = await liveKernel();
if (kernel === undefined) console.log(`live kernel comparisons skipped: ${kernelAbsent}`);
const recorded = readAnswers();
afterAll(() => {
  kernel?.[Symbol.dispose]();
  if (process.env.BLESS && kernel) {
    const lines = Object.entries(recorded).map(([name, a]) => `${JSON.stringify(name)}:${JSON.stringify(a)}`);
    writeFileSync(ANSWERS, `{\n${lines.join(',\n')}\n}\n`);
  }
});

const RESULT = 0;
const BUF = 16;

function insn(code: number, dst: number, src: number, off: number, imm: number): number[] {
  return [code, dst | (src << 4), off & 255, (off >> 8) & 255, ...new Uint8Array(Int32Array.of(imm).buffer)];
}
const wide = (dst: number, src: number, lo: number, hi: number): number[] => [
  ...insn(0x18, dst, src, 0, lo),
  ...insn(0, 0, 0, 0, hi),
];
/** ld_imm64 of a map value. */
const value = (dst: number, fd: number, off: number): number[] => wide(dst, 2, fd, off);

function program(c: OracleCase, buf: number, text: number): Uint8Array {
  const load = (arg: Arg, i: number): number[] => {
    const reg = i + 1;
    if (arg === 'ctx') return insn(0xbf, reg, 6, 0, 0);
    if (typeof arg === 'object') return 'buf' in arg ? value(reg, buf, BUF + arg.buf) : value(reg, text, arg.text);
    const bits = BigInt.asUintN(64, BigInt(arg));
    return wide(reg, 0, Number(BigInt.asIntN(32, bits)), Number(BigInt.asIntN(32, bits >> 32n)));
  };
  return Uint8Array.from([
    ...insn(0xbf, 6, 1, 0, 0),
    ...c.args.flatMap(load),
    ...insn(0x85, 0, 0, 0, c.helper),
    ...value(1, buf, RESULT),
    ...insn(0x7b, 1, 0, 0, 0),
    ...insn(0xb7, 0, 0, 0, 0),
    ...insn(0x95, 0, 0, 0, 0),
  ]);
}

function array(k: BpfSyscall, bytes: Uint8Array, flags: number): number {
  const fd = k.bpf(BPF_CMD.BPF_MAP_CREATE, {
    map_type: BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY,
    key_size: 4,
    value_size: bytes.length,
    max_entries: 1,
    map_flags: flags,
  });
  k.bpf(BPF_CMD.BPF_MAP_UPDATE_ELEM, { map_fd: fd, key: new Uint8Array(4), value: bytes });
  if (flags) k.bpf(BPF_CMD.BPF_MAP_FREEZE, { map_fd: fd });
  return fd;
}

/** Loads and runs a case through the door of a kernel, Linux or ours. */
function askKernel(k: BpfSyscall, c: OracleCase): Answer {
  const buf = array(k, padded(Uint8Array.from([...new Uint8Array(BUF), ...(c.buf ?? [])]), BUF + BUF_SIZE), 0);
  const text = array(k, textOf(c), BPF_F_RDONLY_PROG);
  const log = new Uint8Array(1 << 16);
  const fd = k.bpf(BPF_CMD.BPF_PROG_LOAD, {
    prog_type: c.progType,
    insns: program(c, buf, text),
    license: 'GPL',
    log_level: 1,
    log_buf: log,
  });
  try {
    if (fd < 0) return { r0: `load ${fd}`, buf: '' };
    const out = new Uint8Array(8192);
    const attr = packets(c)
      ? { test: { prog_fd: fd, data_in: c.packet ?? UDP4, data_out: out, data_size_out: 0 } }
      : { test: { prog_fd: fd } };
    const ran = k.bpf(BPF_CMD.BPF_PROG_TEST_RUN, attr);
    if (ran < 0) return { r0: `run ${ran}`, buf: '' };
    const bytes = new Uint8Array(BUF + BUF_SIZE);
    k.bpf(BPF_CMD.BPF_MAP_LOOKUP_ELEM, { map_fd: buf, key: new Uint8Array(4), value: bytes });
    const r0 = new DataView(bytes.buffer).getBigInt64(0, true).toString();
    const size = (attr.test as { data_size_out?: number }).data_size_out ?? 0;
    return { r0, buf: trimmed(bytes.subarray(BUF)), ...(packets(c) ? { packet: hex(out.subarray(0, size)) } : {}) };
  } finally {
    for (const open of [fd, buf, text]) if (open >= 0) k.close(open);
  }
}

const s = setupHelpers();
const runtime = createRuntime({ memory: 64 << 20, kernelBtf, sharedMemory: sharedMemory() });

test.each(ORACLE_CASES)('$name', (c) => {
  if (kernel && process.env.BLESS) recorded[c.name] = askKernel(kernel, c);
  else if (kernel) expect(askKernel(kernel, c)).toEqual(recorded[c.name]);
  const expected = recorded[c.name];
  expect(expected, 'recorded').toBeDefined();
  expect(isRefused(expected) ? askKernel(runtime, c) : askSkep(s, c)).toEqual(expected);
});
