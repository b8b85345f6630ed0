/** What programs see of maps: core exports on guest addresses, values in place, per-CPU slots, LRU, rings. */
import { describe, expect, test } from 'vitest';
import type { BtfRecord } from '../../../src/btf/record.ts';
import { createMap } from '../../../src/kernel/maps/make/create.ts';
import type { MapEnv } from '../../../src/kernel/maps/env.ts';
import type { BpfMap } from '../../../src/kernel/object/map.ts';
import { type PerfEventArrayMap, perfOutput } from '../../../src/kernel/maps/perf-event-array.ts';
import { hashElements } from '../../../src/kernel/maps/walk.ts';
import { type ProgArrayMap, progArraySlot } from '../../../src/kernel/maps/prog-array.ts';
import { RINGBUF, type RingbufMap } from '../../../src/kernel/maps/ringbuf.ts';
import { RingPages } from '../../../src/lib/ring-pages.ts';
import type { BpfSyscall, InfoAttr } from '../../../src/uapi/attr/attr.ts';
import { encodeInfo } from '../../../src/uapi/info-layout.ts';
import { ERRNO } from '../../../src/uapi/errno.ts';
import { BPF_F_NO_PREALLOC } from '../../../src/uapi/flags.ts';
import { BPF_MAP_TYPE as T } from '../../../src/uapi/map-types.ts';
import { writeSample } from '../../../src/kernel/maps/perf-ring.ts';
import { FakeFds, mustCreate, perfRing, ringMemory, samplesOf, setupMaps, u32, u64, xorshift } from './setup.ts';

type Export = (...args: number[]) => number;
const core = (env: MapEnv, name: string): Export => env.core[name] as unknown as Export;
const keyAt = (env: MapEnv, bytes: Uint8Array): number => env.scratch.key(bytes);
const word = (env: MapEnv, addr: number): number => env.mem.view.getUint32(addr, true);
const attr = (map_type: number, key_size: number, value_size: number, max_entries: number, map_flags = 0) => ({
  map_type,
  key_size,
  value_size,
  max_entries,
  map_flags,
});

describe('hash', () => {
  test('specialised and generic lookups agree', () => {
    for (const type of [T.BPF_MAP_TYPE_HASH, T.BPF_MAP_TYPE_LRU_HASH, T.BPF_MAP_TYPE_PERCPU_HASH]) {
      for (const size of [4, 8, 16, 12]) {
        const env = setupMaps();
        const map = mustCreate(env, attr(type, size, 8, 64));
        const lookup = core(env, map.desc.core?.lookup ?? '');
        for (let i = 0; i < 64; i++) {
          const key = new Uint8Array(size).fill(i);
          map.update(key, new Uint8Array(map.userValueSize).fill(i), 0);
          const at = lookup(map.addr, keyAt(env, key));
          expect(at).toBe(env.core.map_lookup_elem(map.addr, keyAt(env, key)));
          expect(env.mem.u8[at]).toBe(i);
        }
        expect(lookup(map.addr, keyAt(env, new Uint8Array(size).fill(200)))).toBe(0);
      }
    }
  });

  test('a pointer to a replaced value keeps the old bytes, and updates in a full map succeed', () => {
    const env = setupMaps();
    const map = mustCreate(env, attr(T.BPF_MAP_TYPE_HASH, 4, 8, 2));
    map.update(u32(1), u64(11), 0);
    map.update(u32(2), u64(22), 0);
    const old = env.core.map_lookup_elem(map.addr, keyAt(env, u32(1)));
    expect(map.update(u32(1), u64(12), 0)).toBe(0);
    expect(word(env, old)).toBe(11);
    expect(word(env, env.core.map_lookup_elem(map.addr, keyAt(env, u32(1))))).toBe(12);
  });

  test('without preallocation memory grows with the elements and is charged', () => {
    const env = setupMaps();
    const used = env.allocator.used;
    const map = mustCreate(env, attr(T.BPF_MAP_TYPE_HASH, 4, 64, 100_000, BPF_F_NO_PREALLOC));
    const empty = env.allocator.used;
    for (let i = 0; i < 1000; i++) expect(map.update(u32(i), new Uint8Array(64).fill(i), 0)).toBe(0);
    expect(env.allocator.used - empty).toBeGreaterThan(64_000);
    env.allocator.budget = env.allocator.used;
    let result = 0;
    for (let i = 1000; result === 0 && i < 5000; i++) result = map.update(u32(i), new Uint8Array(64), 0);
    expect(result).toBe(-ERRNO.ENOMEM);
    map.free();
    expect(env.allocator.used).toBeLessThanOrEqual(used + 4096);
  });

  test('a walk survives the deletion of the element at hand', () => {
    const env = setupMaps();
    const map = mustCreate(env, attr(T.BPF_MAP_TYPE_HASH, 4, 8, 128));
    for (let i = 0; i < 100; i++) map.update(u32(i), u64(i), 0);
    let seen = 0;
    for (const { key } of hashElements(env.mem.u32, map.addr, 0)) {
      seen++;
      expect(env.core.map_delete_elem(map.addr, key)).toBe(0);
    }
    expect(seen).toBe(100);
    expect([...map.entries()]).toHaveLength(0);
  });

  test('against a model: 20,000 random steps', () => {
    const env = setupMaps();
    const map = mustCreate(env, attr(T.BPF_MAP_TYPE_HASH, 8, 8, 500));
    const model = new Map<number, number>();
    const random = xorshift(3);
    for (let i = 0; i < 20_000; i++) {
      const k = random() % 700;
      const v = random();
      switch (random() % 3) {
        case 0: {
          const want = model.has(k) || model.size < 500 ? 0 : -ERRNO.E2BIG;
          expect(map.update(u64(k), u64(v), 0)).toBe(want);
          if (want === 0) model.set(k, v);
          break;
        }
        case 1:
          expect(map.delete(u64(k))).toBe(model.delete(k) ? 0 : -ERRNO.ENOENT);
          break;
        default:
          expect(map.lookup(u64(k))).toEqual(model.has(k) ? u64(model.get(k)!) : -ERRNO.ENOENT);
      }
    }
    expect(new Map([...map.entries()].map(([k, v]) => [word32(k), word32(v)]))).toEqual(model);
  });
});
const word32 = (b: Uint8Array): number => new DataView(b.buffer).getUint32(0, true);

describe('LRU', () => {
  test('never full: the entries in use stay', () => {
    const env = setupMaps();
    const map = mustCreate(env, attr(T.BPF_MAP_TYPE_LRU_HASH, 4, 8, 100));
    const lookup = core(env, 'lru4_lookup');
    for (let i = 0; i < 10_000; i++) {
      expect(map.update(u32(i + 1000), u64(i), 0)).toBe(0);
      if (i === 0) for (let hot = 0; hot < 10; hot++) map.update(u32(hot), u64(hot), 0);
      for (let hot = 0; hot < 10; hot++) expect(lookup(map.addr, keyAt(env, u32(hot)))).not.toBe(0);
    }
    expect([...map.entries()]).toHaveLength(100);
  });
});

describe('per CPU', () => {
  test.each([T.BPF_MAP_TYPE_PERCPU_ARRAY, T.BPF_MAP_TYPE_PERCPU_HASH, T.BPF_MAP_TYPE_LRU_PERCPU_HASH])(
    'type %i',
    (type) => {
      const env = setupMaps({ nrCpus: 3 });
      const map = mustCreate(env, attr(type, 4, 4, 10));
      expect(map.userValueSize).toBe(24);
      for (let cpu = 0; cpu < 3; cpu++) {
        env.core.set_cpu(cpu);
        const value = env.scratch.value(u32(100 + cpu), 4);
        expect(env.core.map_update_elem(map.addr, keyAt(env, u32(2)), value, 0)).toBe(0);
      }
      expect(map.lookup(u32(2))).toEqual(Uint8Array.from([...u64(100), ...u64(101), ...u64(102)]));
      const other = core(env, 'map_lookup_percpu_elem');
      expect(word(env, other(map.addr, keyAt(env, u32(2)), 1))).toBe(101);
      expect(other(map.addr, keyAt(env, u32(2)), 3)).toBe(0);
      env.core.set_cpu(0);
      const at = env.core.map_lookup_elem(map.addr, keyAt(env, u32(2)));
      expect(word(env, at)).toBe(100);
    },
  );
});

describe('special fields', () => {
  const record: BtfRecord = {
    fields: [{ type: 1, offset: 4, size: 4 }],
    mask: 1,
    spinLockOff: 4,
    resSpinLockOff: -1,
    timerOff: -1,
    wqOff: -1,
    taskWorkOff: -1,
    refcountOff: -1,
  };
  test.each([T.BPF_MAP_TYPE_ARRAY, T.BPF_MAP_TYPE_HASH])('an update leaves the lock of type %i alone', (type) => {
    const env = setupMaps();
    const map = createMap(env, attr(type, 4, 16, 4), new FakeFds(), { record }) as BpfMap;
    expect(map.update(u32(1), new Uint8Array(16).fill(7), 0)).toBe(0);
    const at = env.core.map_lookup_elem(map.addr, keyAt(env, u32(1)));
    expect(word(env, at + 4)).toBe(0);
    env.mem.view.setUint32(at + 4, 1, true);
    expect(map.update(u32(1), new Uint8Array(16).fill(9), 4)).toBe(0);
    expect(word(env, at + 4)).toBe(1);
    expect(word(env, at)).toBe(0x09090909);
    const read = map.lookup(u32(1)) as Uint8Array;
    expect([...read]).toEqual([9, 9, 9, 9, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9]);
  });
});

describe('ring buffer', () => {
  const make = (size = 4096): { env: MapEnv; ring: RingbufMap } => {
    const env = setupMaps();
    return { env, ring: mustCreate(env, attr(T.BPF_MAP_TYPE_RINGBUF, 0, 0, size)) as RingbufMap };
  };
  /** Reads as users of the loader do, from pages that it shares. */
  const read = (env: MapEnv, { ring, desc }: RingbufMap): string[] => {
    const out: string[] = [];
    const sys = {
      kernel: { possibleCpus: 1, pageSize: 4096, types: undefined },
      bpf(_cmd: number, { info }: InfoAttr): number {
        info.info.set(encodeInfo('map', { max_entries: desc.maxEntries }).subarray(0, info.info.length));
        return 0;
      },
      close: () => 0,
      mmap: (_fd: number, offset: number, length: number) => ({
        bytes: env.mem.u8.subarray(ring + RINGBUF.consumer + offset, ring + RINGBUF.consumer + offset + length),
        [Symbol.dispose]() {},
      }),
    };
    using pages = new RingPages(sys as BpfSyscall, 3, 'ring');
    pages.consume((data) => out.push(new TextDecoder().decode(data)));
    return out;
  };

  test('samples come out in order; discarded ones do not; one in progress holds back those behind it', () => {
    const { env, ring } = make();
    const put = (text: string): number => {
      const bytes = new TextEncoder().encode(text);
      return env.core.ringbuf_output(ring.addr, env.scratch.value(bytes, bytes.length), bytes.length, 0);
    };
    expect(put('one')).toBe(0);
    const held = env.core.ringbuf_reserve(ring.addr, 3, 0);
    expect(put('three')).toBe(0);
    expect(read(env, ring)).toEqual(['one']);
    env.mem.u8.set(new TextEncoder().encode('two'), held);
    env.core.ringbuf_submit(held, 0);
    env.core.ringbuf_discard(env.core.ringbuf_reserve(ring.addr, 8, 0), 0);
    expect(read(env, ring)).toEqual(['two', 'three']);
    expect(read(env, ring)).toEqual([]);
    expect(env.mem.u32[(ring.ring + RINGBUF.wakeups) >>> 2]).toBeGreaterThan(0);
  });

  test('wraps around for 10,000 records of changing size', () => {
    const { env, ring } = make();
    const random = xorshift(9);
    const expected: string[] = [];
    const got: string[] = [];
    for (let i = 0; i < 10_000; i++) {
      const text = String.fromCharCode(97 + (i % 26)).repeat(random() % 300);
      const bytes = new TextEncoder().encode(text);
      while (env.core.ringbuf_output(ring.addr, env.scratch.value(bytes, bytes.length), bytes.length, 0) !== 0)
        got.push(...read(env, ring));
      expected.push(text);
    }
    got.push(...read(env, ring));
    expect(got).toEqual(expected);
  });

  test('refuses what does not fit, as the kernel does', () => {
    const { env, ring } = make();
    expect(env.core.ringbuf_reserve(ring.addr, 4096, 0)).toBe(0);
    expect(env.core.ringbuf_reserve(ring.addr, 0x40000000, 0)).toBe(0);
    expect(env.core.ringbuf_reserve(ring.addr, 8, 1)).toBe(0);
    expect(env.core.ringbuf_output(ring.addr, 70000, 8, 4)).toBe(-ERRNO.EINVAL);
    // The last byte is never used: producer and consumer may not meet from behind.
    expect(env.core.ringbuf_reserve(ring.addr, 4096 - 8, 0)).toBe(0);
    expect(env.core.ringbuf_reserve(ring.addr, 4096 - 16, 0)).not.toBe(0);
    expect(env.core.ringbuf_output(ring.addr, 70000, 8, 0)).toBe(-ERRNO.EAGAIN);
  });
});

describe('references', () => {
  const prog = (id: number, slot: number, tag = 'xdp') => {
    const p = {
      id,
      slot,
      type: 6,
      attachType: 0,
      ownerTag: tag,
      refs: 0,
      hold: () => void p.refs++,
      drop: () => void p.refs--,
      enter: () => (p.refs++, 0),
      leave: () => void p.refs--,
    };
    return p;
  };

  test('prog array: slots, owner, and the last user', () => {
    const env = setupMaps();
    const fds = new FakeFds();
    const a = prog(7, 70);
    const b = prog(8, 80, 'tc');
    fds.progs.set(3, a).set(4, b);
    const map = mustCreate(env, attr(T.BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4), fds) as ProgArrayMap;
    expect(map.update(u32(1), u32(3), 0)).toBe(0);
    expect(map.update(u32(2), u32(4), 0)).toBe(-ERRNO.EINVAL);
    expect(map.update(u32(2), u32(9), 0)).toBe(-ERRNO.EBADF);
    expect(map.lookup(u32(1))).toEqual(u32(7));
    expect(progArraySlot(env.mem, map.addr, 1)).toBe(70);
    expect(word(env, map.desc.valuesAddr + 8)).toBe(70);
    expect(a.refs).toBe(1);
    map.releaseUser();
    expect(progArraySlot(env.mem, map.addr, 1)).toBe(0);
    expect(a.refs).toBe(0);
  });

  test.each([T.BPF_MAP_TYPE_ARRAY_OF_MAPS, T.BPF_MAP_TYPE_HASH_OF_MAPS])('map in map, type %i', (type) => {
    const env = setupMaps();
    const fds = new FakeFds();
    const inner = attr(T.BPF_MAP_TYPE_ARRAY, 4, 8, 2);
    const first = mustCreate(env, inner);
    const second = mustCreate(env, inner);
    const other = mustCreate(env, attr(T.BPF_MAP_TYPE_ARRAY, 4, 8, 3));
    fds.maps.set(3, first).set(4, second).set(5, other);
    const outer = mustCreate(env, { ...attr(type, 4, 4, 4), inner_map_fd: 3 }, fds);
    expect(outer.update(u32(1), u32(3), 0)).toBe(0);
    expect(outer.update(u32(1), u32(5), 0)).toBe(-ERRNO.EINVAL);
    expect(outer.lookup(u32(1))).toEqual(u32(first.desc.id));
    expect(env.core.map_lookup_elem(outer.addr, keyAt(env, u32(1)))).toBe(first.addr);
    expect(env.core.map_lookup_elem(outer.addr, keyAt(env, u32(2)))).toBe(0);
    expect(outer.update(u32(1), u32(4), 0)).toBe(0);
    expect(env.core.map_lookup_elem(outer.addr, keyAt(env, u32(1)))).toBe(second.addr);
    expect(fds.held).toBe(1);
    expect(outer.delete(u32(1))).toBe(0);
    expect(outer.delete(u32(1))).toBe(-ERRNO.ENOENT);
    expect(fds.held).toBe(0);
    outer.update(u32(0), u32(3), 0);
    outer.free();
    expect(fds.held).toBe(0);
  });

  test('perf event array: samples, missing rings, lost ones', () => {
    const env = setupMaps();
    const map = mustCreate(env, attr(T.BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 2)) as PerfEventArrayMap;
    const ring = perfRing(env, 64);
    map.setRing(1, ring);
    const data = env.allocator.alloc(4);
    const output = (index: number, n: number): number => {
      env.mem.u32[data >>> 2] = n;
      return perfOutput(ringMemory(env), map.addr, index, { data, size: 4 });
    };
    expect(output(0, 1)).toBe(-ERRNO.ENOENT);
    expect(output(2, 1)).toBe(-ERRNO.E2BIG);
    for (let i = 0; i < 4; i++) expect(output(1, i)).toBe(0);
    expect(output(1, 4)).toBe(-ERRNO.ENOSPC);
    expect(samplesOf(env, ring)).toEqual({ samples: [0, 1, 2, 3].map((n) => [...u32(n)]), lost: 1 });
    expect(output(1, 5)).toBe(0);
    expect(samplesOf(env, ring)).toEqual({ samples: [[...u32(5)]], lost: 0 });
    map.takeRing(1, 4);
    expect(output(1, 6)).toBe(0);
    map.takeRing(1, ring);
    expect(output(1, 6)).toBe(-ERRNO.ENOENT);
  });

  test('a perf ring against a queue: 3,000 random samples with packet bytes, over its end', () => {
    const env = setupMaps();
    const ring = perfRing(env, 512);
    // Its counters pass the end of 32 bits.
    env.mem.u32[ring >>> 2] = env.mem.u32[(ring >>> 2) + 1] = -1024 >>> 0;
    const random = xorshift(9);
    const data = env.allocator.alloc(128);
    const queue: number[][] = [];
    let lost = 0;
    for (let i = 0; i < 3000; i++) {
      const bytes = Uint8Array.from({ length: random() % 100 }, () => random());
      const packet = random() % 2 ? Uint8Array.from({ length: random() % 100 }, () => random()) : undefined;
      env.mem.u8.set(bytes, data);
      if (writeSample(ringMemory(env), ring, { data, size: bytes.length, packet }))
        queue.push([...bytes, ...(packet ?? [])]);
      else lost++;
      if (random() % 8 !== 0) continue;
      expect(samplesOf(env, ring)).toEqual({ samples: queue.splice(0), lost });
      lost = 0;
    }
  });
});

test('a bloom filter has no false negatives and few false positives', () => {
  const env = setupMaps();
  const map = mustCreate(env, attr(T.BPF_MAP_TYPE_BLOOM_FILTER, 0, 8, 1000));
  const none = new Uint8Array(0);
  for (let i = 0; i < 1000; i++) expect(map.update(none, u64(i), 0)).toBe(0);
  for (let i = 0; i < 1000; i++) expect(map.lookup(none, 0, u64(i))).toEqual(u64(i));
  let wrong = 0;
  for (let i = 1000; i < 11_000; i++) if (map.lookup(none, 0, u64(i)) !== -ERRNO.ENOENT) wrong++;
  expect(wrong).toBeLessThan(500);
});

test('the trie finds what a scan finds', () => {
  const env = setupMaps();
  const map = mustCreate(env, attr(T.BPF_MAP_TYPE_LPM_TRIE, 8, 4, 2000, BPF_F_NO_PREALLOC));
  const random = xorshift(5);
  const rules = new Map<string, { len: number; net: number; value: number }>();
  const keyOf = (len: number, ip: number): Uint8Array => {
    const key = new Uint8Array(8);
    new DataView(key.buffer).setUint32(0, len, true);
    new DataView(key.buffer).setUint32(4, ip, false);
    return key;
  };
  const cut = (ip: number, len: number): number => (len === 0 ? 0 : (ip & (-1 << (32 - len))) >>> 0);
  for (let i = 0; i < 3000; i++) {
    const len = random() % 33;
    const net = cut((random() & 0xff0f0f0f) >>> 0, len);
    const name = `${net}/${len}`;
    if (random() % 4 === 0) expect(map.delete(keyOf(len, net))).toBe(rules.delete(name) ? 0 : -ERRNO.ENOENT);
    else if (rules.size < 2000 || rules.has(name)) {
      expect(map.update(keyOf(len, net), u32(i), 0)).toBe(0);
      rules.set(name, { len, net, value: i });
    }
  }
  for (let i = 0; i < 3000; i++) {
    const ip = (random() & 0xff0f0f0f) >>> 0;
    let best: { len: number; value: number } | undefined;
    for (const rule of rules.values()) if (cut(ip, rule.len) === rule.net && rule.len >= (best?.len ?? 0)) best = rule;
    expect(map.lookup(keyOf(32, ip))).toEqual(best ? u32(best.value) : -ERRNO.ENOENT);
  }
  expect([...map.entries()]).toHaveLength(rules.size);
});

test('every hash map has a seed of its own, and none where BPF_F_ZERO_SEED asks for none', () => {
  const env = setupMaps();
  const SEED = -80;
  const seedOf = (flags: number): bigint => {
    const map = mustCreate(env, { map_type: 1, key_size: 8, value_size: 8, max_entries: 64, map_flags: flags });
    return env.mem.view.getBigUint64(map.addr + SEED, true);
  };
  const seeds = Array.from({ length: 8 }, () => seedOf(0));
  expect(new Set(seeds).size).toBe(8);
  expect(seedOf(1 << 6)).toBe(0n);
});
