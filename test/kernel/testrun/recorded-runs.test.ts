/**
 * Programs in assembler by PROG_TEST_RUN against Linux 6.18: errno, r0, packet, context and what they stored in `map[out]`. Answers are
 * recorded in test/recorded/testrun/runs-6.18.json; where bpf(2) can be called the kernel is asked again. `BLESS=1` records anew.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { assembleProgram } from '../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import { createRuntime } from '../../../src/kernel/boot/runtime.ts';
import type { BpfSyscall, TestRunAttr } from '../../../src/uapi/attr/attr.ts';
import { BPF_CMD } from '../../../src/uapi/cmd.ts';
import { ERRNO } from '../../../src/uapi/errno.ts';
import { BPF_MAP_TYPE as M } from '../../../src/uapi/map-types.ts';
import { kernelAbsent, liveKernel } from '../../host/live-kernel.ts';
import { kernelBtf } from '../syscall/embedded.ts';
import { RECORDED_RUNS, type RecordedRun } from './recorded-run-cases.ts';

interface Answer {
  /** What PROG_LOAD or PROG_TEST_RUN gave, when it is not 0. */
  readonly load?: number;
  readonly run?: number;
  readonly retval?: number;
  /** The packet: its size, its first bytes, a hash of it all. */
  readonly data?: string;
  readonly ctx?: string;
  readonly out?: string;
}

const kernel = await liveKernel();
if (kernel === undefined) console.log(`${RECORDED_RUNS.length} runs on the live kernel skipped: ${kernelAbsent}`);
const file = new URL('../../recorded/testrun/runs-6.18.json', import.meta.url);
const recorded: Record<string, Answer> = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
const blessing = kernel !== undefined && process.env.BLESS !== undefined;
if (blessing) for (const name of Object.keys(recorded)) delete recorded[name];
afterAll(() => {
  kernel?.[Symbol.dispose]();
  if (!blessing) return;
  const lines = Object.entries(recorded).map(([name, a]) => `${JSON.stringify(name)}:${JSON.stringify(a)}`);
  writeFileSync(file, `{\n${lines.join(',\n')}\n}\n`);
});

/** FNV-1a over the bytes. */
function hash(bytes: Uint8Array): string {
  let sum = 0x811c9dc5;
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x01000193);
  return (sum >>> 0).toString(16);
}
const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
/** Without the zeros at the end. */
const trimmed = (bytes: Uint8Array): string => hex(bytes).replace(/(00)+$/, '');

const OUT_SIZE = 64;
/** Bytes that a packet may grow by. */
const ROOM = 4200;
/** Maps that a case may name. */
const MAPS = {
  out: [M.BPF_MAP_TYPE_ARRAY, 4, OUT_SIZE, 1],
  array: [M.BPF_MAP_TYPE_ARRAY, 4, 8, 4],
  hash: [M.BPF_MAP_TYPE_HASH, 4, 8, 4],
  lru: [M.BPF_MAP_TYPE_LRU_HASH, 4, 8, 64],
  lpm: [M.BPF_MAP_TYPE_LPM_TRIE, 8, 8, 4, 1],
  percpu_array: [M.BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 4],
  percpu_hash: [M.BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 4],
  queue: [M.BPF_MAP_TYPE_QUEUE, 0, 8, 4],
  stack: [M.BPF_MAP_TYPE_STACK, 0, 8, 4],
  bloom: [M.BPF_MAP_TYPE_BLOOM_FILTER, 0, 8, 4],
  ring: [M.BPF_MAP_TYPE_RINGBUF, 0, 0, 4096],
  perf: [M.BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 4],
  stacks: [M.BPF_MAP_TYPE_STACK_TRACE, 4, 64, 4],
  devmap: [M.BPF_MAP_TYPE_DEVMAP, 4, 4, 4],
} as const;

function mapMaker(sys: BpfSyscall) {
  const fds = new Map<string, number>();
  return {
    fds,
    make(name: string): number {
      const known = fds.get(name);
      if (known !== undefined) return known;
      const [map_type, key_size, value_size, max_entries, map_flags = 0] = MAPS[name as keyof typeof MAPS];
      const fd = sys.bpf(BPF_CMD.BPF_MAP_CREATE, { map_type, key_size, value_size, max_entries, map_flags });
      expect(fd, name).toBeGreaterThan(0);
      fds.set(name, fd);
      return fd;
    },
  };
}

/** A packet whose bytes tell where they lie. */
function packetOf(c: RecordedRun): Uint8Array | undefined {
  if (c.data === undefined || typeof c.data === 'object') return c.data;
  const packet = Uint8Array.from({ length: c.data }, (_, i) => (i * 7 + (i >> 8)) & 255);
  if (c.ethertype !== undefined && packet.length >= 15) packet.set([c.ethertype >> 8, c.ethertype, 0x45], 12);
  return packet;
}

function ask(sys: BpfSyscall, c: RecordedRun): Answer {
  const maps = mapMaker(sys);
  const { insns } = assembleProgram(c.asm, { map: maps.make });
  const prog_fd = sys.bpf(BPF_CMD.BPF_PROG_LOAD, {
    prog_type: c.progType,
    insns: encodeInsns(insns),
    license: 'GPL',
    prog_flags: c.progFlags ?? 0,
    expected_attach_type: c.attachType ?? 0,
  });
  try {
    if (prog_fd < 0) return { load: prog_fd };
    const data_in = packetOf(c);
    const room = c.room ?? (data_in?.length ?? 0) + ROOM;
    const test: TestRunAttr['test'] = {
      prog_fd,
      ...(data_in === undefined ? {} : { data_in, data_out: new Uint8Array(room) }),
      ...(c.ctx === undefined ? {} : { ctx_in: Uint8Array.from(c.ctx) }),
      ...(c.ctxOut === undefined ? {} : { ctx_out: new Uint8Array(c.ctxOut) }),
      ...c.attr,
    };
    const run = sys.bpf(BPF_CMD.BPF_PROG_TEST_RUN, { test });
    const out = new Uint8Array(OUT_SIZE);
    const outFd = maps.fds.get('out');
    if (outFd !== undefined)
      sys.bpf(BPF_CMD.BPF_MAP_LOOKUP_ELEM, { map_fd: outFd, key: new Uint8Array(4), value: out });
    if (run !== 0 && run !== -ERRNO.ENOSPC) return { run };
    // Where Linux tells no size, what the caller wrote there stays: its room.
    const size = test.data_size_out ?? room;
    const left = (test.data_out ?? out).subarray(0, Math.min(size, room));
    return {
      ...(run === 0 ? {} : { run }),
      retval: test.retval ?? 0,
      ...(test.data_out === undefined ? {} : { data: `${size}:${hex(left.subarray(0, 32))}:${hash(left)}` }),
      ...(c.ctxOut === undefined ? {} : { ctx: trimmed(test.ctx_out!) }),
      ...(c.ctxBack ? { ctx: hash(test.ctx_in!) } : {}),
      ...(outFd === undefined ? {} : { out: trimmed(out) }),
    };
  } finally {
    for (const fd of [prog_fd, ...maps.fds.values()]) if (fd >= 0) sys.close(fd);
  }
}

describe.each(['jit', 'interp'] as const)('embedded kernel, %s', (engine) => {
  const runtime = createRuntime({ memory: 64 << 20, kernelBtf, engine });
  test.each(RECORDED_RUNS)('$name', (c) => {
    if (blessing && engine === 'jit') recorded[c.name] = ask(kernel, c);
    expect(recorded[c.name], 'recorded').toBeDefined();
    expect(ask(runtime, c)).toEqual(recorded[c.name]);
  });
});

describe.skipIf(kernel === undefined)('live kernel', () => {
  test.each(RECORDED_RUNS)('$name', (c) => {
    expect(ask(kernel!, c)).toEqual(recorded[c.name]);
  });
});
