/** What PROG_LOAD has resolved stays alive until the program exists, whatever the host closes meanwhile. */
import { expect, test } from 'vitest';
import { assemble } from '../../../src/isa/asm/index.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import { Insns } from '../../../src/isa/insn.ts';
import { BPF_PSEUDO_MAP_VALUE } from '../../../src/isa/opcodes.ts';
import { createRuntime } from '../../../src/kernel/boot/runtime.ts';
import { BPF_CMD as C } from '../../../src/uapi/cmd.ts';
import { BPF_MAP_TYPE as M } from '../../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE as T } from '../../../src/uapi/prog-types.ts';

/** Reads a byte of the first value of the array map behind `fd`. */
function readsValue(fd: number, off: number): Uint8Array {
  const load = { code: BPF_LD_IMM64, dst: 1, src: BPF_PSEUDO_MAP_VALUE, off: 0, imm: fd };
  const insns = new Insns(4);
  insns.set(0, load);
  insns.paste(2, assemble(`r0 = *(u8 *)(r1 +${off})\nexit`));
  return encodeInsns(insns);
}

const BPF_LD_IMM64 = 0x18;

test.each(['jit', 'interp'] as const)(
  '%s: maps that are closed when the verdict is told live on in the program',
  (engine) => {
    let close = (): void => {};
    using sys = createRuntime({ memory: 64 << 20, engine, onVerified: () => close() });
    const array = { map_type: M.BPF_MAP_TYPE_ARRAY, key_size: 4, value_size: 8, max_entries: 1 };
    const map = sys.bpf(C.BPF_MAP_CREATE, array);
    sys.bpf(C.BPF_MAP_UPDATE_ELEM, { map_fd: map, key: new Uint8Array(4), value: new Uint8Array(8).fill(42) });
    close = () => {
      expect(sys.close(map)).toBe(0);
      // Memory of a freed map would be given to this one.
      const other = sys.bpf(C.BPF_MAP_CREATE, array);
      sys.bpf(C.BPF_MAP_UPDATE_ELEM, { map_fd: other, key: new Uint8Array(4), value: new Uint8Array(8).fill(7) });
    };
    const prog = sys.bpf(C.BPF_PROG_LOAD, {
      prog_type: T.BPF_PROG_TYPE_RAW_TRACEPOINT,
      insns: readsValue(map, 0),
      license: 'GPL',
    });
    close = () => {};
    expect(prog).toBeGreaterThan(0);
    const run = { prog_fd: prog, retval: 0 };
    expect(sys.bpf(C.BPF_PROG_TEST_RUN, { test: run })).toBe(0);
    expect(run.retval).toBe(42);
    const next = { start_id: 0, next_id: 0 };
    expect(sys.bpf(C.BPF_MAP_GET_NEXT_ID, next)).toBe(0);
    expect(next.next_id).toBe(1);
    // With the program the map goes as well.
    sys.close(prog);
    sys.bpf(C.BPF_MAP_GET_NEXT_ID, next);
    expect(next.next_id).toBe(2);
  },
);

test('a refused program gives back what it had resolved', () => {
  using sys = createRuntime({ memory: 64 << 20 });
  const map = sys.bpf(C.BPF_MAP_CREATE, { map_type: M.BPF_MAP_TYPE_ARRAY, key_size: 4, value_size: 8, max_entries: 1 });
  const insns = readsValue(map, 8);
  expect(sys.bpf(C.BPF_PROG_LOAD, { prog_type: T.BPF_PROG_TYPE_RAW_TRACEPOINT, insns, license: 'GPL' })).toBeLessThan(
    0,
  );
  sys.close(map);
  expect(sys.bpf(C.BPF_MAP_GET_NEXT_ID, { start_id: 0 })).toBe(-2);
});
