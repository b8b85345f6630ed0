/**
 * Helpers against Linux 6.18: r0, the buffer and the packet after one call. Answers are recorded in test/recorded/helpers/oracle-6.18.json;
 * where bpf(2) can be called the kernel is asked again. `BLESS=1` records anew.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { createRuntime } from '../../../src/kernel/boot/runtime.ts';
import type { BpfSyscall } from '../../../src/uapi/attr.ts';
import { BPF_CMD } from '../../../src/uapi/cmd.ts';
import { BPF_F_RDONLY_PROG } from '../../../src/uapi/flags.ts';
import { BPF_MAP_TYPE } from '../../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE as T } from '../../../src/uapi/prog-types.ts';
import { kernelAbsent, liveKernel } from '../../host/live-kernel.ts';
import { sharedMemory } from '../memory-kind.ts';
import { type Arg, BUF_SIZE, ORACLE_CASES, type OracleCase, UDP4 } from './oracle-cases.ts';
import { kernelBtf } from '../syscall/embedded.ts';
import { setupHelpers } from './setup.ts';

interface Answer {
  /** r0, signed; or why the program did not load. */
  readonly r0: string;
  readonly buf: string;
  readonly packet?: string;
}

const kernel = await liveKernel();
if (kernel === undefined) console.log(`live kernel comparisons skipped: ${kernelAbsent}`);
const file = new URL('../../recorded/helpers/oracle-6.18.json', import.meta.url);
const recorded: Record<string, Answer> = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
afterAll(() => {
  kernel?.[Symbol.dispose]();
  if (process.env.BLESS && kernel) {
    const lines = Object.entries(recorded).map(([name, a]) => `${JSON.stringify(name)}:${JSON.stringify(a)}`);
    writeFileSync(file, `{\n${lines.join(',\n')}\n}\n`);
  }
});

const TEXT_SIZE = 64;
const RESULT = 0;
const BUF = 16;
const hex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
/** Without the zeros at the end. */
const trimmed = (bytes: Uint8Array): string => hex(bytes).replace(/(00)+$/, '');
const padded = (bytes: Uint8Array | undefined, size: number): Uint8Array => {
  const out = new Uint8Array(size);
  if (bytes) out.set(bytes);
  return out;
};
const textOf = (c: OracleCase): Uint8Array => padded(new TextEncoder().encode(c.text ?? ''), TEXT_SIZE);
const packets = (c: OracleCase): boolean => c.progType !== T.BPF_PROG_TYPE_RAW_TRACEPOINT;

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

function askSkep(c: OracleCase): Answer {
  const buf = s.put(padded(c.buf, BUF_SIZE));
  const text = s.put(textOf(c));
  s.env.cpu.run.progType = c.progType;
  const isXdp = c.progType === T.BPF_PROG_TYPE_XDP;
  const packet = c.packet ?? UDP4;
  const ctx = !packets(c) ? undefined : isXdp ? s.xdp(packet) : s.skb(packet);
  const args = c.args.map((arg) => {
    if (arg === 'ctx') return ctx?.addr ?? 0;
    if (typeof arg === 'object') return 'buf' in arg ? buf + arg.buf : text + arg.text;
    return arg;
  });
  const r0 = s.call(c.helper, ...args).toString();
  const after = trimmed(s.env.mem.u8.subarray(buf, buf + BUF_SIZE));
  if (ctx === undefined) return { r0, buf: after };
  // A test run gives XDP metadata out before the packet.
  const meta = 'dataMeta' in ctx ? s.env.mem.u8.slice(ctx.dataMeta, ctx.data) : new Uint8Array(0);
  const packetOut = hex(meta) + hex(ctx.packet());
  ctx.dispose();
  return { r0, buf: after, packet: packetOut };
}

test.each(ORACLE_CASES)('$name', (c) => {
  if (kernel && process.env.BLESS) recorded[c.name] = askKernel(kernel, c);
  else if (kernel) expect(askKernel(kernel, c)).toEqual(recorded[c.name]);
  const expected = recorded[c.name];
  expect(expected, 'recorded').toBeDefined();
  const refused = expected.r0.startsWith('load') || expected.r0.startsWith('run');
  expect(refused ? askKernel(runtime, c) : askSkep(c)).toEqual(expected);
});
