/** Programs on plain contexts: raw tracepoints and syscall programs by TEST_RUN, the others by the runtime's own door. */
import { describe, expect, test } from 'vitest';
import { BtfBuilder } from '../../../src/btf/encode.ts';
import { assemble } from '../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import { createRuntime, type Engine, type Runtime } from '../../../src/kernel/boot/runtime.ts';
import { BPF_F_TEST_RUN_ON_CPU } from '../../../src/uapi/flags.ts';
import { BPF_CMD } from '../../../src/uapi/cmd.ts';
import { ERRNO } from '../../../src/uapi/errno.ts';
import { BPF_F_SLEEPABLE } from '../../../src/uapi/flags.ts';
import { BPF_MAP_TYPE } from '../../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE as T } from '../../../src/uapi/prog-types.ts';
import { kernelBtf } from '../syscall/embedded.ts';

const runtime = (engine: Engine, more = {}): Runtime => createRuntime({ memory: 64 << 20, kernelBtf, engine, ...more });
const load = (sys: Runtime, prog_type: number, asm: string, prog_flags = 0): number =>
  sys.bpf(BPF_CMD.BPF_PROG_LOAD, { prog_type, insns: encodeInsns(assemble(asm)), license: 'GPL', prog_flags });

/** BTF and func_info of static functions `int f(unsigned int, void *)` at these instructions. */
function functions(sys: Runtime, starts: readonly number[]) {
  const builder = new BtfBuilder();
  const int = builder.int('int', 4, 1);
  const unsigned = builder.int('unsigned int', 4);
  const params = [
    { name: 'index', type: unsigned },
    { name: 'ctx', type: builder.ptr(0) },
  ];
  const proto = builder.funcProto(int, params);
  const records = starts.flatMap((start, i) => [start, builder.func(`f${i}`, proto, 0)]);
  const prog_btf_fd = sys.bpf(BPF_CMD.BPF_BTF_LOAD, { btf: builder.encode() });
  return { prog_btf_fd, func_info_rec_size: 8, func_info: new Uint8Array(Uint32Array.from(records).buffer) };
}

describe.each(['jit', 'interp'] as const)('%s', (engine) => {
  test('a kprobe reads pt_regs', () => {
    const sys = runtime(engine);
    const fd = load(sys, T.BPF_PROG_TYPE_KPROBE, 'r0 = *(u64 *)(r1 +112)\nexit');
    const regs = new Uint8Array(168);
    new DataView(regs.buffer).setBigUint64(112, 0x1234_5678_9abc_def0n, true);
    expect(sys.program(fd)?.runContext(regs).r0).toEqual([0x9abc_def0, 0x1234_5678]);
    expect(sys.bpf(BPF_CMD.BPF_PROG_TEST_RUN, { test: { prog_fd: fd } })).toBe(-ERRNO.ENOTSUPP);
  });

  test('a raw tracepoint adds its arguments', () => {
    const sys = runtime(engine);
    const fd = load(sys, T.BPF_PROG_TYPE_RAW_TRACEPOINT, 'r0 = *(u64 *)(r1 +0)\nr2 = *(u64 *)(r1 +8)\nr0 += r2\nexit');
    const test = { prog_fd: fd, ctx_in: new Uint8Array(BigUint64Array.of(40n, 2n).buffer), retval: 0 };
    expect(sys.bpf(BPF_CMD.BPF_PROG_TEST_RUN, { test })).toBe(0);
    expect(test.retval).toBe(42);
  });

  test('a syscall program writes its context back', () => {
    const sys = runtime(engine);
    const fd = load(sys, T.BPF_PROG_TYPE_SYSCALL, 'r2 = 7\n*(u64 *)(r1 +8) = r2\nr0 = 0\nexit', BPF_F_SLEEPABLE);
    const ctx_in = new Uint8Array(16);
    expect(sys.bpf(BPF_CMD.BPF_PROG_TEST_RUN, { test: { prog_fd: fd, ctx_in } })).toBe(0);
    expect(ctx_in[8]).toBe(7);
  });

  test('a loop that outlives its deadline is stopped, and the runtime goes on', () => {
    const sys = runtime(engine, { deadlineMs: 50 });
    const endless = `
      r1 = 8388608
      r2 = &inner
      r3 = 0
      r4 = 0
      call bpf_loop
      r0 = 0
      exit
    inner:
      r1 = 8388608
      r2 = &body
      r3 = 0
      r4 = 0
      call bpf_loop
      r0 = 0
      exit
    body:
      r0 = 0
      exit
    `;
    const fd = sys.bpf(BPF_CMD.BPF_PROG_LOAD, {
      prog_type: T.BPF_PROG_TYPE_RAW_TRACEPOINT,
      insns: encodeInsns(assemble(endless)),
      license: 'GPL',
      ...functions(sys, [0, 8, 16]),
    });
    expect(fd).toBeGreaterThan(0);
    const test: { prog_fd: number; aborted?: string } = { prog_fd: fd };
    expect(sys.bpf(BPF_CMD.BPF_PROG_TEST_RUN, { test })).toBe(-ERRNO.EINTR);
    expect(test.aborted).toContain('50 ms');
  });
});

test('a run asked for on a CPU that programs do not run on is refused by name', () => {
  const sys = createRuntime({ memory: 16 << 20, kernelBtf, cpus: 3, cpu: 1 });
  const fd = load(sys, T.BPF_PROG_TYPE_RAW_TRACEPOINT, 'call bpf_get_smp_processor_id\nexit');
  const on = (cpu: number) => {
    const test: { prog_fd: number; flags: number; cpu: number; retval?: number; aborted?: string } = {
      ...{ prog_fd: fd, flags: BPF_F_TEST_RUN_ON_CPU, cpu },
    };
    return [sys.bpf(BPF_CMD.BPF_PROG_TEST_RUN, { test }), test.aborted ?? test.retval];
  };
  expect(on(1)).toEqual([0, 1]);
  expect(on(2)).toEqual([-ERRNO.EOPNOTSUPP, expect.stringContaining('on CPU 2 is not simulated')]);
  expect(on(3)[0]).toBe(-ERRNO.ENXIO);
});

test('a verify-only runtime describes maps of any size and runs nothing', () => {
  const sys = createRuntime({ memory: 16 << 20, kernelBtf, verifyOnly: true });
  const map = sys.bpf(BPF_CMD.BPF_MAP_CREATE, {
    map_type: BPF_MAP_TYPE.BPF_MAP_TYPE_LRU_HASH,
    key_size: 64,
    value_size: 1024,
    max_entries: 100_000_000,
  });
  expect(map).toBeGreaterThan(0);
  const fd = load(sys, T.BPF_PROG_TYPE_XDP, 'r0 = 2\nexit');
  expect(fd).toBeGreaterThan(0);
  const test = { prog_fd: fd, data_in: new Uint8Array(64), aborted: '' };
  expect(sys.bpf(BPF_CMD.BPF_PROG_TEST_RUN, { test })).toBe(-ERRNO.EINTR);
  expect(test.aborted).toContain('verified only');
});
