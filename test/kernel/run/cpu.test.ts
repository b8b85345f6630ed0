/** The CPU that a runtime's programs run on, and the kind of its memory. */
import { describe, expect, it } from 'vitest';
import { assemble } from '../../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import { BPF_PSEUDO_MAP_FD } from '../../../src/isa/opcodes.ts';
import { createRuntime, type Runtime } from '../../../src/kernel/boot/runtime.ts';
import { BPF_CMD as C } from '../../../src/uapi/cmd.ts';
import { BPF_MAP_TYPE as M } from '../../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE as T } from '../../../src/uapi/prog-types.ts';

/** Loads a program and runs it once; its result. */
function run(sys: Runtime, source: string): number {
  const insns = encodeInsns(assemble(source));
  // Constants of 64 bits stand for maps here.
  for (let at = 0; at < insns.length; at += 8) if (insns[at] === 0x18) insns[at + 1] |= BPF_PSEUDO_MAP_FD << 4;
  const prog_fd = sys.bpf(C.BPF_PROG_LOAD, {
    prog_type: T.BPF_PROG_TYPE_RAW_TRACEPOINT,
    insns,
    license: 'GPL',
  });
  expect(prog_fd).toBeGreaterThan(0);
  const test = { prog_fd, retval: 0 };
  expect(sys.bpf(C.BPF_PROG_TEST_RUN, { test })).toBe(0);
  return test.retval;
}

const words = (bytes: Uint8Array): number[] => [...new BigUint64Array(bytes.slice().buffer)].map(Number);

describe.each(['jit', 'interp'] as const)('%s', (engine) => {
  it.each([0, 2])('programs on CPU %i say so and find its values in per-CPU maps', (cpu) => {
    using sys = createRuntime({ memory: 64 << 20, engine, cpus: 4, cpu });
    expect(sys.cpus.map(({ id }) => id)).toEqual([cpu]);
    expect(run(sys, 'call bpf_get_smp_processor_id\nexit')).toBe(cpu);
    for (const map_type of [M.BPF_MAP_TYPE_PERCPU_ARRAY, M.BPF_MAP_TYPE_PERCPU_HASH]) {
      const map = sys.bpf(C.BPF_MAP_CREATE, { map_type, key_size: 4, value_size: 8, max_entries: 1 });
      const key = new Uint8Array(4);
      sys.bpf(C.BPF_MAP_UPDATE_ELEM, { map_fd: map, key, value: new Uint8Array(32) });
      const source = `
        *(u32 *)(r10 -4) = 0
        r2 = r10
        r2 += -4
        r1 = ${map} ll
        call bpf_map_lookup_elem
        if r0 == 0 goto +1
        *(u64 *)(r0 +0) = 7
        r0 = 0
        exit`;
      run(sys, source);
      const value = new Uint8Array(32);
      expect(sys.bpf(C.BPF_MAP_LOOKUP_ELEM, { map_fd: map, key, value })).toBe(0);
      expect(words(value)).toEqual([0, 1, 2, 3].map((n) => (n === cpu ? 7 : 0)));
    }
  });

  it('a shared memory gives what a plain one gives', () => {
    const results = [false, true].map((sharedMemory) => {
      using sys = createRuntime({ memory: 64 << 20, engine, sharedMemory });
      expect(sys.memory.memory.buffer instanceof SharedArrayBuffer).toBe(sharedMemory);
      return run(sys, '*(u64 *)(r10 -8) = 40\nr1 = 2\nlock *(u64 *)(r10 -8) += r1\nr0 = *(u64 *)(r10 -8)\nexit');
    });
    expect(results).toEqual([42, 42]);
  });
});

it('there is no CPU beyond those that are possible', () => {
  for (const cpu of [-1, 2, 0.5]) expect(() => createRuntime({ cpus: 2, cpu })).toThrow(RangeError);
});
