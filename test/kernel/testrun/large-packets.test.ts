/** Packets beyond their first buffer: runners and test runs agree on fragments, grown buffers are given back, copies reach the host. */
import { describe, expect, test } from 'vitest';
import { assemble } from '../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import { createRuntime, type Runtime, type RuntimeOptions } from '../../../src/kernel/boot/runtime.ts';
import type { TestRunAttr } from '../../../src/uapi/attr/attr.ts';
import { BPF_CMD } from '../../../src/uapi/cmd.ts';
import { ERRNO } from '../../../src/uapi/errno.ts';
import { BPF_PROG_TYPE as T } from '../../../src/uapi/prog-types.ts';
import { kernelBtf } from '../syscall/embedded.ts';

const runtime = (more: RuntimeOptions): Runtime => createRuntime({ memory: 16 << 20, kernelBtf, ...more });
const load = (sys: Runtime, prog_type: number, asm: string): number =>
  sys.bpf(BPF_CMD.BPF_PROG_LOAD, { prog_type, insns: encodeInsns(assemble(asm)), license: 'GPL' });
const packet = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => i * 5);

describe.each(['jit', 'interp'] as const)('%s', (engine) => {
  test('a runner sees the fragments that a test run sees', () => {
    const sys = runtime({ engine, memory: 64 << 20 });
    const asm = `
      r6 = r1
      r2 = -3000
      call bpf_xdp_adjust_tail
      r1 = r6
      call bpf_xdp_get_buff_len
      r7 = r0
      r2 = *(u32 *)(r6 +0)
      r3 = *(u32 *)(r6 +4)
      r3 -= r2
      r0 = r3
      r0 <<= 16
      r0 |= r7
      exit
    `;
    const fd = load(sys, T.BPF_PROG_TYPE_XDP, asm);
    const packets = [3200, 60, 3520, 3521, 8001, 5000, 9217, 65_550, 4000].map(packet);
    const wanted = packets.map((data_in) => {
      const test: TestRunAttr['test'] = { prog_fd: fd, data_in, data_out: new Uint8Array(data_in.length) };
      expect(sys.bpf(BPF_CMD.BPF_PROG_TEST_RUN, { test })).toBe(0);
      return { r0: test.retval, left: test.data_out!.subarray(0, test.data_size_out) };
    });
    expect(wanted[4].r0).toBe(((3520 << 16) | 5001) >>> 0);
    using runner = sys.program(fd)!.runner();
    expect(packets.map((p) => ({ r0: runner.run(p), left: runner.packet().slice() }))).toEqual(wanted);
    const verdicts = new Uint32Array(packets.length);
    runner.runBatch(packets, verdicts);
    expect(packets.map((_, i) => ({ r0: verdicts[i], left: runner.batchPacket(i).slice() }))).toEqual(wanted);
    using prepared = runner.prepare(packets);
    for (let round = 0; round < 2; round++) {
      prepared.run();
      expect(packets.map((_, i) => ({ r0: prepared.verdicts[i], left: prepared.packet(i).slice() }))).toEqual(wanted);
      prepared.reset();
    }
  });

  test('no frame holds more than its fragments', () => {
    const sys = runtime({ engine });
    const fd = load(sys, T.BPF_PROG_TYPE_XDP, 'r0 = 2\nexit');
    expect(() => sys.program(fd)!.runner({ capacity: 73_153 }).run(packet(60))).toThrow('at most 73152 bytes');
  });

  test('buffers that packets grew into are given back', () => {
    const sys = runtime({ engine });
    const asm =
      'r6 = r1\nr2 = 9000\nr3 = 0\ncall bpf_skb_change_head\nr1 = r6\nr2 = 16000\nr3 = 0\ncall bpf_skb_change_tail\nexit';
    const fd = load(sys, T.BPF_PROG_TYPE_SCHED_CLS, asm);
    using runner = sys.program(fd)!.runner({ capacity: 2000 });
    for (let i = 0; i < 3000; i++) expect([runner.run(packet(64)), runner.packet().length]).toEqual([0, 16_000]);
    const test = { prog_fd: fd, data_in: packet(64) };
    for (let i = 0; i < 1000; i++) expect(sys.bpf(BPF_CMD.BPF_PROG_TEST_RUN, { test })).toBe(0);
  });

  test('bpf_clone_redirect hands the host a copy, and is refused by name without one', () => {
    const asm = 'r2 = 7\nr3 = 1\ncall bpf_clone_redirect\nexit';
    const interfaces = [{ ifindex: 7, name: 'eth7' }];
    const sent: unknown[] = [];
    const sys = runtime({
      engine,
      interfaces,
      host: {
        transmit(...args) {
          sent.push(args);
          return 5;
        },
      },
    });
    const test = { prog_fd: load(sys, T.BPF_PROG_TYPE_SCHED_CLS, asm), data_in: packet(64), retval: 0 };
    expect(sys.bpf(BPF_CMD.BPF_PROG_TEST_RUN, { test })).toBe(0);
    expect([test.retval, sent]).toEqual([5, [[7, packet(64), true]]]);
    const alone = runtime({ engine, interfaces });
    const refused: TestRunAttr['test'] = {
      prog_fd: load(alone, T.BPF_PROG_TYPE_SCHED_CLS, asm),
      data_in: packet(64),
    };
    expect(alone.bpf(BPF_CMD.BPF_PROG_TEST_RUN, { test: refused })).toBe(-ERRNO.EINTR);
    expect(refused.aborted).toContain('no transmit port');
  });
});

test('frames that would go on to devices are refused by name', () => {
  using sys = runtime({});
  const prog_fd = load(sys, T.BPF_PROG_TYPE_XDP, 'r0 = 2\nexit');
  const run = { prog_fd, data_in: packet(64), flags: 2, aborted: '' };
  expect(sys.bpf(BPF_CMD.BPF_PROG_TEST_RUN, { test: run })).toBe(-ERRNO.EOPNOTSUPP);
  expect(run.aborted).toContain('BPF_F_TEST_XDP_LIVE_FRAMES');
  expect(sys.bpf(BPF_CMD.BPF_PROG_TEST_RUN, { test: { ...run, flags: 8 } })).toBe(-ERRNO.EINVAL);
});
