/**
 * What a kernel has: map types, instructions and limits, asked by probing loads of this kernel's rules and compared with what
 * the kernel of that version said. Attach types are in attach-types.test.ts, helpers in tables.test.ts, kfuncs in kfuncs.test.ts.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { describe, expect, test } from 'vitest';
import { loadPackagedBtf } from '../../../src/btf/vmlinux/index.ts';
import { openKernelTransport } from '../../../src/host/kernel-transport.ts';
import { assemble } from '../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import { createRuntime } from '../../../src/kernel/boot/runtime.ts';
import type { BpfSyscall } from '../../../src/uapi/attr/attr.ts';
import { BPF_CMD } from '../../../src/uapi/cmd.ts';
import { errnoName } from '../../../src/uapi/errno.ts';
import { BPF_MAP_TYPE as M } from '../../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE as P } from '../../../src/uapi/prog-types.ts';
import { KERNELS, recordingOf } from './kernels.ts';

const PAGE = 4096;
/** Key, value and entries with which a type can be made; 4, 4 and 1 for types without an entry. */
const SHAPES: Readonly<Record<number, readonly [key: number, value: number, entries: number, flags?: number]>> = {
  [M.BPF_MAP_TYPE_STACK_TRACE]: [4, 8, 1],
  [M.BPF_MAP_TYPE_LPM_TRIE]: [8, 4, 1, 1],
  [M.BPF_MAP_TYPE_CGROUP_STORAGE]: [16, 4, 0],
  [M.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE]: [16, 4, 0],
  [M.BPF_MAP_TYPE_QUEUE]: [0, 4, 1],
  [M.BPF_MAP_TYPE_STACK]: [0, 4, 1],
  [M.BPF_MAP_TYPE_BLOOM_FILTER]: [0, 4, 1],
  [M.BPF_MAP_TYPE_RINGBUF]: [0, 0, PAGE],
  [M.BPF_MAP_TYPE_USER_RINGBUF]: [0, 0, PAGE],
  [M.BPF_MAP_TYPE_ARENA]: [0, 0, 1, 1 << 10],
};
const BEYOND_LAST_MAP_TYPE = 40;

type Answers = Record<string, string>;

function answer(sys: BpfSyscall, fd: number): string {
  if (fd < 0) return errnoName(-fd);
  sys.close(fd);
  return 'yes';
}

function mapTypes(sys: BpfSyscall): Answers {
  const out: Answers = {};
  for (let type = 1; type < BEYOND_LAST_MAP_TYPE; type++) {
    const [key_size, value_size, max_entries, map_flags = 0] = SHAPES[type] ?? [4, 4, 1];
    const attr = { map_type: type, key_size, value_size, max_entries, map_flags };
    out[`map type ${type}`] = answer(sys, sys.bpf(BPF_CMD.BPF_MAP_CREATE, attr));
  }
  return out;
}

const load = (sys: BpfSyscall, insns: Uint8Array, prog_type: number = P.BPF_PROG_TYPE_SOCKET_FILTER): string =>
  answer(sys, sys.bpf(BPF_CMD.BPF_PROG_LOAD, { prog_type, insns, license: 'GPL' }));

/** An instruction between a well-formed beginning and end: r2 points to initialised stack, r3 is 1. */
function around(code: number, regs: number, off: number, imm: number): Uint8Array {
  const before = encodeInsns(assemble('*(u64 *)(r10 - 8) = 1\nr2 = r10\nr2 += -8\nr3 = 1\nr0 = 0'));
  const after = encodeInsns(assemble('r0 = 0\nexit'));
  const insn = new Uint8Array(8);
  const view = new DataView(insn.buffer);
  insn[0] = code;
  insn[1] = regs;
  view.setInt16(2, off, true);
  view.setInt32(4, imm, true);
  return new Uint8Array([...before, ...insn, ...after]);
}

/** Register bytes, offsets and immediates that some instruction needs. */
const FORMS: readonly (readonly [regs: number, off: number, imm: number])[] = [
  [0x00, 0, 0],
  [0x33, 0, 0],
  [0x03, 0, 1],
  [0x33, 8, 0],
  [0x33, 32, 0],
  [0x03, 1, 2],
  [0x33, 1, 0],
  [0x03, 0, 16],
  [0x03, 0, 64],
  [0x32, 0, 0],
  [0x23, 0, 0],
  [0x32, 0, 0x01],
  [0x32, 0, 0xf1],
  [0x23, 0, 0x100],
  [0x32, 0, 0x110],
  [0x00, 0, 1],
];

function instructions(sys: BpfSyscall): Answers {
  const out: Answers = {};
  for (let code = 0; code < 256; code++) {
    const row = FORMS.map(([regs, off, imm]) => load(sys, around(code, regs, off, imm)));
    out[`opcode 0x${code.toString(16).padStart(2, '0')}`] = row.join(' ');
  }
  return out;
}

const bytes = (text: string): Uint8Array => encodeInsns(assemble(text));
/** A chain of `n` functions below the main one, each with `stack` bytes. */
function calls(n: number, stack: number): Uint8Array {
  const use = stack > 0 ? `*(u64 *)(r10 - ${stack}) = 0\n` : '';
  const names = Array.from({ length: n }, (_, i) => `f${i}`);
  const body = ['main', ...names].map((name, i) => {
    const next = i < n ? `call f${i}\n` : '';
    return `${i === 0 ? '' : `${name}: `}${use}${next}r0 = 0\nexit`;
  });
  return bytes(body.join('\n'));
}

function limits(sys: BpfSyscall): Answers {
  const long = (n: number): Uint8Array => {
    const code = new Uint8Array(n * 8);
    for (let i = 0; i < n - 1; i++) code[i * 8] = 0xb7;
    code[(n - 1) * 8] = 0x95;
    return code;
  };
  const branches = (n: number): Uint8Array =>
    bytes(`call bpf_get_prandom_u32\n${'if r0 > 3 goto +0\n'.repeat(n)}r0 = 0\nexit`);
  const functions = (n: number): Uint8Array =>
    bytes(
      `${Array.from({ length: n }, (_, i) => `call f${i}`).join('\n')}\nr0 = 0\nexit\n${Array.from({ length: n }, (_, i) => `f${i}: r0 = 0\nexit`).join('\n')}`,
    );
  const out: Answers = {};
  for (const n of [0, 1, 2, 4096, 4097]) out[`${n} instructions`] = load(sys, n === 0 ? new Uint8Array(0) : long(n));
  out['1000001 instructions'] = load(sys, long(1_000_001));
  for (const n of [255, 256]) out[`${n} functions below main`] = load(sys, functions(n));
  for (const n of [7, 8]) out[`${n} nested calls`] = load(sys, calls(n, 0));
  for (const bytesOfStack of [512, 520]) out[`${bytesOfStack} bytes of stack`] = load(sys, calls(0, bytesOfStack));
  for (const [n, size] of [
    [1, 256],
    [1, 264],
    [2, 256],
  ] as const) {
    out[`${n} call with ${size} bytes each`] = load(sys, calls(n, size));
    out[`${n} call with ${size} bytes each, kprobe`] = load(sys, calls(n, size), P.BPF_PROG_TYPE_KPROBE);
  }
  out['8000 branches'] = load(sys, branches(8000));
  for (const n of [64, 65]) out[`${n} maps`] = manyMaps(sys, n);
  return out;
}

function manyMaps(sys: BpfSyscall, n: number): string {
  const attr = { map_type: M.BPF_MAP_TYPE_ARRAY, key_size: 4, value_size: 4, max_entries: 1 };
  const fds = Array.from({ length: n }, () => sys.bpf(BPF_CMD.BPF_MAP_CREATE, attr));
  const code = new Uint8Array(n * 16 + 16);
  const view = new DataView(code.buffer);
  fds.forEach((fd, i) => {
    code.set([0x18, 0x11], i * 16);
    view.setInt32(i * 16 + 4, fd, true);
  });
  code.set([0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95], n * 16);
  const said = load(sys, code);
  for (const fd of fds) sys.close(fd);
  return said;
}

const ask = (sys: BpfSyscall): Answers => ({ ...mapTypes(sys), ...instructions(sys), ...limits(sys) });

describe.each(KERNELS)('$name', ({ name, recorded }) => {
  test('has the map types, instructions and limits that the kernel has', async () => {
    using runtime = createRuntime({
      kernelBtf: await loadPackagedBtf(),
      kernel: name,
      verifyOnly: true,
      memory: 64 << 20,
    });
    expect(ask(runtime)).toEqual(recorded('availability.json'));
  });

  test('the answers are what the live kernel says', async ({ skip }) => {
    const kernel = await openKernelTransport().catch(() => undefined);
    if (kernel === undefined || !release().startsWith(`${name}.`)) {
      skip(`no Linux ${name} with bpf(2) here: map types, instructions and limits not compared`);
      return;
    }
    const file = recordingOf(name, 'availability.json');
    if (process.env['BLESS'] === '1') writeFileSync(file, `${JSON.stringify(ask(kernel), null, 1)}\n`);
    expect(ask(kernel)).toEqual(JSON.parse(readFileSync(file, 'utf8')));
  });
});
