/** Packet pointers compared by their low halves: the same verdicts as the interpreter, near and far from the packet. */
import { expect, test } from 'vitest';
import { assemble } from '../../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../../src/isa/encode.ts';
import { packetPointerOffsets } from '../../../../src/kernel/jit/facts/pointers.ts';
import { buildRuntime, createRuntime } from '../../../../src/kernel/boot/runtime.ts';
import { KernelLayouts } from '../../../../src/kernel/world/layouts.ts';
import { BPF_CMD } from '../../../../src/uapi/cmd.ts';
import { BPF_PROG_TYPE } from '../../../../src/uapi/prog-types.ts';
import { kernelBtf } from '../../syscall/embedded.ts';
import { trustingVerify } from '../../syscall/trusting-verify.ts';

type Type = 'XDP' | 'SCHED_CLS';
const runtimes = (['jit', 'interp'] as const).map((engine) => createRuntime({ memory: 64 << 20, kernelBtf, engine }));

/** What both engines return for a packet; the program is verified. Empty when it is rejected. */
function verdicts(source: string, type: Type): number[] {
  return runtimes.flatMap((runtime) => {
    const fd = runtime.bpf(BPF_CMD.BPF_PROG_LOAD, {
      prog_type: BPF_PROG_TYPE[`BPF_PROG_TYPE_${type}`],
      insns: encodeInsns(assemble(source)),
      license: 'GPL',
    });
    if (fd < 0) return [];
    using runner = runtime.program(fd)!.runner();
    return [runner.run(Uint8Array.from({ length: 100 }, (_, i) => i))];
  });
}

const LOAD: Record<Type, string> = {
  XDP: 'r2 = *(u32 *)(r1 +0)\n r3 = *(u32 *)(r1 +4)\n',
  SCHED_CLS: 'r2 = *(u32 *)(r1 +76)\n r3 = *(u32 *)(r1 +80)\n',
};
const compare = (change: string, op: string): string =>
  `${change}\n r0 = 1\n if r2 ${op} r3 goto pc+1\n r0 = 2\n exit\n`;

test.each(['XDP', 'SCHED_CLS'] as const)('%s', (type) => {
  const seen = new Map<number, number>();
  for (const change of [
    '',
    'r2 += 100',
    'r2 += 101',
    'r2 += 0x1ffffffe',
    'r2 += -0x1ffffffe',
    'r3 += -0x1ffffffe',
    'r4 = 99\n r4 += r2\n r2 = r4',
    'r4 = r2\n r2 = r3\n r3 = r4',
  ])
    for (const op of ['>', '>=', '<', '<=', '==', '!=']) {
      const [jit, interp] = verdicts(LOAD[type] + compare(change, op), type);
      expect(`${change} ${op} ${jit}`).toBe(`${change} ${op} ${interp}`);
      if (jit !== undefined) seen.set(jit, (seen.get(jit) ?? 0) + 1);
    }
  expect(seen.get(1)).toBeGreaterThan(8);
  expect(seen.get(2)).toBeGreaterThan(8);
});

test('a loop of pointers', () => {
  const source = `${LOAD.XDP} r0 = 0\n r4 = r2\n r4 += 4\n if r4 > r3 goto pc+3\n r0 += 1\n r2 = r4\n if r0 < 40 goto pc-6\n exit\n`;
  const [jit, interp] = verdicts(source, 'XDP');
  expect([jit, interp]).toEqual([25, 25]);
});

test('wasm compares 32 bits where both are packet pointers, and 64 where one is not', () => {
  const wide = (source: string): number => {
    const bytes: Uint8Array[] = [];
    const original = WebAssembly.Module;
    class Spy extends original {
      constructor(code: BufferSource) {
        super(code);
        bytes.push(code as Uint8Array);
      }
    }
    WebAssembly.Module = Spy;
    try {
      const runtime = buildRuntime({ memory: 64 << 20, kernelBtf, engine: 'jit' }, trustingVerify);
      bytes.length = 0;
      runtime.bpf(BPF_CMD.BPF_PROG_LOAD, {
        prog_type: BPF_PROG_TYPE.BPF_PROG_TYPE_XDP,
        insns: encodeInsns(assemble(source)),
        license: 'GPL',
      });
    } finally {
      WebAssembly.Module = original;
    }
    // i64.gt_u and i64.le_u
    return bytes[0].filter((b) => b === 0x56 || b === 0x58).length;
  };
  const start = 'r2 = *(u64 *)(r1 +0)\n r3 = *(u64 *)(r1 +8)\n r2 += 14\n r0 = 0\n';
  expect(wide(`${start} if r2 > r3 goto pc+1\n r0 = 1\n exit`)).toBe(0);
  expect(wide(`${start} r3 = *(u64 *)(r2 +0)\n if r2 > r3 goto pc+1\n r0 = 1\n exit`)).toBeGreaterThan(0);
  expect(wide(`${start} r2 *= 3\n if r2 > r3 goto pc+1\n r0 = 1\n exit`)).toBeGreaterThan(0);
});

test('none in a memory of more than 2 GiB, none without layouts, none for other types', () => {
  const XDP = BPF_PROG_TYPE.BPF_PROG_TYPE_XDP;
  expect(packetPointerOffsets(XDP, undefined, 1 << 20)).toEqual([]);
  const layouts = new KernelLayouts(kernelBtf);
  const xdp = layouts.struct('xdp_buff');
  const pointers = ['data', 'data_end', 'data_meta'].map((field) => xdp.offset(field));
  expect(packetPointerOffsets(XDP, layouts, 2 ** 31)).toEqual(expect.arrayContaining(pointers));
  expect(packetPointerOffsets(XDP, layouts, 2 ** 31)).toHaveLength(pointers.length);
  expect(packetPointerOffsets(XDP, layouts, 2 ** 31 + 65536)).toEqual([]);
  expect(packetPointerOffsets(BPF_PROG_TYPE.BPF_PROG_TYPE_KPROBE, layouts, 1 << 20)).toEqual([]);
});
