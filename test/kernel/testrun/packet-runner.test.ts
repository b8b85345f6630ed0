/** The fast path over packets: buffers are refilled, verdicts and packets come back, in both engines. */
import { describe, expect, test } from 'vitest';
import { assemble } from '../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import { buildRuntime } from '../../../src/kernel/boot/runtime.ts';
import { BPF_CMD } from '../../../src/uapi/cmd.ts';
import { BPF_PROG_TYPE } from '../../../src/uapi/prog-types.ts';
import { kernelBtf } from '../syscall/embedded.ts';
import { trustingVerify } from '../syscall/trusting-verify.ts';

// What context conversion leaves of a program that sets byte 0 to 0xaa and returns the packet's length.
const XDP = `
  r2 = *(u64 *)(r1 +0)
  r0 = *(u64 *)(r1 +8)
  r0 -= r2
  w3 = 170
  *(u8 *)(r2 +0) = r3
  exit
`;

describe.each(['jit', 'interp'] as const)('%s', (engine) => {
  const runtime = buildRuntime({ memory: 64 << 20, kernelBtf, engine }, trustingVerify);
  const fd = runtime.bpf(BPF_CMD.BPF_PROG_LOAD, {
    prog_type: BPF_PROG_TYPE.BPF_PROG_TYPE_XDP,
    insns: encodeInsns(assemble(XDP)),
    license: 'GPL',
  });
  const program = runtime.program(fd)!;

  test('run', () => {
    expect(program.engine).toBe(engine);
    using runner = program.runner();
    expect(runner.run(new Uint8Array(60))).toBe(60);
    expect(runner.packet()).toHaveLength(60);
    expect(runner.packet()[0]).toBe(0xaa);
    expect(runner.run(new Uint8Array(1500))).toBe(1500);
  });

  test('packets that do not fit are refused', () => {
    using runner = program.runner({ capacity: 100 });
    expect(() => runner.run(new Uint8Array(101))).toThrow(RangeError);
    expect(() => program.runner({ ifindex: 77 })).toThrow('no network device');
  });

  test('runBatch over more packets than a batch holds', () => {
    using runner = program.runner({ capacity: 2048 });
    const packets = Array.from({ length: 150 }, (_, i) => new Uint8Array(60 + i));
    const verdicts = new Uint32Array(packets.length);
    runner.runBatch(packets, verdicts);
    expect([...verdicts]).toEqual(packets.map((packet) => packet.length));
    expect(runner.batchPacket(0)[0]).toBe(0xaa);
  });

  test('a prepared capture runs in place, in parts, and is put back', () => {
    using runner = program.runner();
    const packets = Array.from({ length: 150 }, (_, i) => new Uint8Array(60 + i).fill(i));
    using prepared = runner.prepare(packets);
    prepared.run(0, 10);
    expect([...prepared.verdicts.subarray(0, 12)]).toEqual([60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 0, 0]);
    prepared.run();
    expect([...prepared.verdicts]).toEqual(packets.map((packet) => packet.length));
    expect(prepared.packet(149)).toHaveLength(209);
    expect([...prepared.packet(3).subarray(0, 2)]).toEqual([0xaa, 3]);
    prepared.reset();
    expect(prepared.packet(3)[0]).toBe(3);
    expect(() => prepared.run(0, 151)).toThrow(RangeError);
    prepared[Symbol.dispose]();
    expect(() => prepared.run()).toThrow(RangeError);
  });

  test('PROG_TEST_RUN gives the packet and the context back', () => {
    const attr = {
      test: {
        prog_fd: fd,
        retval: 0,
        data_in: new Uint8Array(100).fill(1),
        data_out: new Uint8Array(100),
        data_size_out: 0,
        ctx_in: new Uint8Array(Uint32Array.of(0, 100, 0, 0, 0, 0).buffer),
        repeat: 3,
      },
    };
    expect(runtime.bpf(BPF_CMD.BPF_PROG_TEST_RUN, attr)).toBe(0);
    expect(attr.test.retval).toBe(100);
    expect(attr.test.data_size_out).toBe(100);
    expect([...attr.test.data_out.subarray(0, 2)]).toEqual([0xaa, 1]);
  });
});
