/** Readers of ring buffers and perf event arrays over the door: bytes, values by BTF, iteration, and what they refuse. */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { assemble } from '../../src/isa/asm/assemble.ts';
import { encodeInsns } from '../../src/isa/encode.ts';
import { createRuntime } from '../../src/kernel/boot/runtime.ts';
import { EventReader } from '../../src/lib/events.ts';
import { parseObject } from '../../src/lib/parse-object.ts';
import { BPF_CMD as C } from '../../src/uapi/cmd.ts';
import { ERRNO } from '../../src/uapi/errno.ts';
import { BPF_MAP_TYPE as M } from '../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE as T } from '../../src/uapi/prog-types.ts';
import { kernelBtf } from '../kernel/syscall/embedded.ts';

const object = readFileSync(new URL('../../examples/firewall/firewall.bpf.o', import.meta.url));
const runtime = createRuntime({ memory: 64 << 20, kernelBtf, cpus: 2 });
afterAll(() => runtime[Symbol.dispose]());

const denied = new Uint8Array(64);
denied.set([0x08, 0x00, 0x45], 12);
denied.set([10, 1, 2, 3], 26);

function firewall() {
  const collection = parseObject(object, { name: 'firewall' }).load(runtime);
  collection.map('acl').update({ prefixlen: 8, addr: [10, 0, 0, 0] }, { deny: 1, port: 0, pad: 0 });
  return collection;
}

describe('a ring buffer', () => {
  test('gives bytes, and values of a named type', () => {
    using collection = firewall();
    using bytes = collection.map('drops').events();
    using typed = collection.map('drops').events({ type: 'drop_event' });
    const program = collection.program('firewall');
    const sizes: number[] = [];
    for (let i = 0; i < 3; i++) program.testRun({ data: denied });
    expect(bytes.consume((data) => sizes.push(data.length))).toBe(3);
    expect(sizes).toEqual([24, 24, 24]);
    program.testRun({ data: denied });
    expect(typed.read()).toMatchObject([{ saddr: [10, 1, 2, 3], length: 64 }]);
    expect(typed.read()).toEqual([]);
  });

  test('goes round many times', () => {
    using collection = firewall();
    using reader = collection.map('drops').events();
    using runner = collection.program('firewall').runner();
    const size = collection.map('drops').spec.maxEntries;
    let records = 0;
    for (let sent = 0; sent * 32 < 3 * size; sent++) {
      runner.run(denied);
      if (sent % 50 === 0) records += reader.consume(() => undefined);
    }
    records += reader.consume(() => undefined);
    expect(records * 32).toBeGreaterThanOrEqual(3 * size);
  });

  test('a callback that throws loses no other record', () => {
    using collection = firewall();
    using reader = collection.map('drops').events();
    for (let i = 0; i < 3; i++) collection.program('firewall').testRun({ data: denied });
    expect(() =>
      reader.consume(() => {
        throw new RangeError('stop');
      }),
    ).toThrow('stop');
    expect(reader.consume(() => undefined)).toBe(2);
  });

  test('is iterated until it is closed or a signal is given', async () => {
    using collection = firewall();
    const reader = collection.map('drops').events({ type: 'drop_event' });
    const program = collection.program('firewall');
    program.testRun({ data: denied });
    setTimeout(() => program.testRun({ data: denied }), 5);
    const seen: unknown[] = [];
    for await (const record of reader) {
      seen.push(record);
      if (seen.length === 2) reader.close();
    }
    expect(seen).toHaveLength(2);
    using other = collection.map('drops').events();
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 5);
    for await (const record of other.watch({ signal: stop.signal, intervalMs: 60_000 })) seen.push(record);
    expect(seen).toHaveLength(2);
  });

  test('its pages keep the map, are checked as mmap(2) checks them, and are of rings only', () => {
    using collection = firewall();
    const { fd } = collection.map('drops');
    expect(runtime.mmap(fd, 4096, 4096, true)).toBe(-ERRNO.EPERM);
    expect(runtime.mmap(fd, 0, 1 << 30, false)).toBe(-ERRNO.EINVAL);
    expect(runtime.mmap(999, 0, 4096, false)).toBe(-ERRNO.EBADF);
    expect(runtime.mmap(collection.map('sources').fd, 0, 4096, false)).toBe(-ERRNO.ENOTSUPP);
  });
});

test('a perf event array gives the samples of all CPUs and counts the lost', () => {
  const map = { map_type: M.BPF_MAP_TYPE_PERF_EVENT_ARRAY, key_size: 4, value_size: 4, max_entries: 2 };
  const fd = runtime.bpf(C.BPF_MAP_CREATE, map);
  const insns = encodeInsns(
    assemble(
      `r2 = map[m] ll
       r3 = 0xffffffff ll
       r4 = 77
       *(u64 *)(r10 -8) = r4
       r4 = r10
       r4 += -8
       r5 = 8
       call bpf_perf_event_output
       exit`,
      { map: () => fd },
    ),
  );
  const attr = { prog_type: T.BPF_PROG_TYPE_RAW_TRACEPOINT, insns, license: 'GPL' };
  const prog = runtime.bpf(C.BPF_PROG_LOAD, attr);
  expect(prog).toBeGreaterThan(0);
  const spec = { type: map.map_type, maxEntries: 2, valueTypeId: 0 };
  using reader = new EventReader(runtime, { fd, name: 'm', btf: undefined, spec }, { perCpuBytes: 64 });
  const send = () => runtime.bpf(C.BPF_PROG_TEST_RUN, { test: { prog_fd: prog } });
  for (let i = 0; i < 4; i++) send();
  expect(reader.read()).toEqual([77, 77].map((n) => Uint8Array.of(n, 0, 0, 0, 0, 0, 0, 0)));
  expect(reader.lost).toBe(2);
  runtime.close(prog);
  runtime.close(fd);
});

test('other maps and unknown types are refused', () => {
  using collection = firewall();
  expect(() => collection.map('sources').events()).toThrow(/only ring buffers and perf event arrays/);
  expect(() => collection.map('drops').events({ type: 'nothing' })).toThrow(/no struct nothing/);
});
