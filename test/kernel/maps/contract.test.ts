/**
 * The contract of every map type: one random, reproducible sequence of element commands, and the kernel's answer to each.
 * Answers of Linux 6.18 are recorded in test/recorded/maps/contract-6.18.json; where bpf(2) can be called the kernel is asked again.
 * `BLESS=1` records anew.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type KernelTransport, openKernelTransport } from '../../../src/host/kernel-transport.ts';
import type { BpfMap } from '../../../src/kernel/object/map.ts';
import type { MapCreateAttr } from '../../../src/uapi/attr/attr.ts';
import { BPF_CMD } from '../../../src/uapi/cmd.ts';
import { BPF_MAP_TYPE as T } from '../../../src/uapi/map-types.ts';
import { FakeFds, mustCreate, setupMaps, xorshift } from './setup.ts';

/** Element commands, results as 0, -errno or hex bytes. */
interface Subject {
  run(op: Op): string | number;
}
interface Op {
  readonly kind: 'update' | 'lookup' | 'delete' | 'next' | 'take';
  readonly key: Uint8Array | null;
  readonly value: Uint8Array;
  readonly flags: number;
}
interface Case {
  readonly name: string;
  readonly attr: MapCreateAttr;
  readonly keys: (random: () => number) => Uint8Array;
  /** Results of `next` with a key depend on the hash seed: only their errno counts. */
  readonly unordered?: boolean;
  readonly perCpu?: boolean;
}

const NR_CPUS = 2;
const OPS = 400;
const small =
  (n: number, size = 4) =>
  (random: () => number) => {
    const key = new Uint8Array(size);
    key[0] = random() % n;
    if (random() % 40 === 0) key[size - 1] = 255;
    return key;
  };
const noKey = () => new Uint8Array(0);
const lpmKey = (bytes: number) => (random: () => number) => {
  const key = new Uint8Array(4 + bytes);
  key[0] = random() % 12 === 0 ? random() % (bytes * 8 + 2) : (random() % (bytes * 2 + 1)) * 4;
  for (let i = 0; i < bytes; i++) key[4 + i] = [0, 10, 192, 255][random() % 4];
  return key;
};
const attr = (map_type: number, key_size: number, value_size: number, max_entries: number, map_flags = 0) => ({
  map_type,
  key_size,
  value_size,
  max_entries,
  map_flags,
});
const hash = { unordered: true } as const;
const CASES: readonly Case[] = [
  { name: 'hash 4', attr: attr(T.BPF_MAP_TYPE_HASH, 4, 8, 6), keys: small(9), ...hash },
  { name: 'hash 8', attr: attr(T.BPF_MAP_TYPE_HASH, 8, 12, 6), keys: small(9, 8), ...hash },
  { name: 'hash 16 no prealloc', attr: attr(T.BPF_MAP_TYPE_HASH, 16, 4, 6, 1), keys: small(9, 16), ...hash },
  { name: 'hash 7', attr: attr(T.BPF_MAP_TYPE_HASH, 7, 5, 6), keys: small(9, 7), ...hash },
  { name: 'lru hash', attr: attr(T.BPF_MAP_TYPE_LRU_HASH, 4, 8, 1024), keys: small(12), ...hash },
  { name: 'percpu hash', attr: attr(T.BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 6), keys: small(9), perCpu: true, ...hash },
  {
    name: 'percpu hash 5 no prealloc',
    attr: attr(T.BPF_MAP_TYPE_PERCPU_HASH, 5, 16, 6, 1),
    keys: small(9, 5),
    perCpu: true,
    ...hash,
  },
  {
    name: 'lru percpu hash',
    attr: attr(T.BPF_MAP_TYPE_LRU_PERCPU_HASH, 4, 8, 1024),
    keys: small(12),
    perCpu: true,
    ...hash,
  },
  { name: 'array', attr: attr(T.BPF_MAP_TYPE_ARRAY, 4, 8, 6), keys: small(8) },
  { name: 'array of 5 bytes', attr: attr(T.BPF_MAP_TYPE_ARRAY, 4, 5, 6), keys: small(8) },
  { name: 'percpu array', attr: attr(T.BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 6), keys: small(8), perCpu: true },
  { name: 'lpm ipv4', attr: attr(T.BPF_MAP_TYPE_LPM_TRIE, 8, 8, 20, 1), keys: lpmKey(4) },
  { name: 'lpm ipv6', attr: attr(T.BPF_MAP_TYPE_LPM_TRIE, 20, 4, 30, 1), keys: lpmKey(16) },
  { name: 'lpm one byte', attr: attr(T.BPF_MAP_TYPE_LPM_TRIE, 5, 4, 60, 1), keys: lpmKey(1) },
  { name: 'lpm seven bytes', attr: attr(T.BPF_MAP_TYPE_LPM_TRIE, 11, 4, 60, 1), keys: lpmKey(7) },
  { name: 'queue', attr: attr(T.BPF_MAP_TYPE_QUEUE, 0, 8, 3), keys: noKey },
  { name: 'stack', attr: attr(T.BPF_MAP_TYPE_STACK, 0, 6, 3), keys: noKey },
  { name: 'prog array', attr: attr(T.BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 6), keys: small(8) },
  { name: 'cgroup array', attr: attr(T.BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, 6), keys: small(8) },
  { name: 'perf event array', attr: attr(T.BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 6), keys: small(8) },
  { name: 'ring buffer', attr: attr(T.BPF_MAP_TYPE_RINGBUF, 0, 0, 4096), keys: noKey },
  { name: 'stack trace', attr: attr(T.BPF_MAP_TYPE_STACK_TRACE, 4, 64, 6), keys: small(8) },
  { name: 'devmap', attr: attr(T.BPF_MAP_TYPE_DEVMAP, 4, 8, 6), keys: small(8) },
  { name: 'devmap hash', attr: attr(T.BPF_MAP_TYPE_DEVMAP_HASH, 4, 4, 6), keys: small(8) },
  { name: 'cpumap', attr: attr(T.BPF_MAP_TYPE_CPUMAP, 4, 4, 6), keys: small(8) },
  { name: 'xskmap', attr: attr(T.BPF_MAP_TYPE_XSKMAP, 4, 4, 6), keys: small(8) },
];

function sequence(c: Case): Op[] {
  const random = xorshift(1000 + CASES.indexOf(c));
  const size = c.perCpu ? Math.ceil(c.attr.value_size / 8) * 8 * NR_CPUS : c.attr.value_size;
  const kinds = ['update', 'update', 'update', 'lookup', 'lookup', 'delete', 'next', 'take'] as const;
  return Array.from({ length: OPS }, () => {
    const kind = kinds[random() % kinds.length];
    const key = kind === 'next' && random() % 4 === 0 ? null : c.keys(random);
    // Values that name nothing of the kernel: as descriptor, device and CPU queue they are refused.
    const value = new Uint8Array(size).map((_, i) =>
      c.perCpu && i % 8 >= c.attr.value_size ? 0 : (random() % 200) + 50,
    );
    const flags = kind === 'update' ? [0, 0, 0, 1, 2, 2, 3, 4, 8][random() % 9] : 0;
    return { kind, key, value, flags };
  });
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
const show = (result: Uint8Array | number): string | number => (typeof result === 'number' ? result : hex(result));

function skepSubject(map: BpfMap): Subject {
  return {
    run({ kind, key, value, flags }) {
      const k = key ?? new Uint8Array(map.desc.keySize);
      if (kind === 'update') return map.update(k, value, flags);
      if (kind === 'lookup') return show(map.lookup(k));
      if (kind === 'delete') return map.delete(k);
      if (kind === 'take') return show(map.lookupAndDelete(k));
      return show(map.nextKey(key));
    },
  };
}

function kernelSubject(kernel: KernelTransport, fd: number, c: Case): Subject {
  const size = c.perCpu ? Math.ceil(c.attr.value_size / 8) * 8 * NR_CPUS : c.attr.value_size;
  return {
    run({ kind, key, value, flags }) {
      const keyed = key === null || key.length === 0 ? {} : { key };
      const out = new Uint8Array(kind === 'next' ? c.attr.key_size : size);
      const result =
        kind === 'update'
          ? kernel.bpf(BPF_CMD.BPF_MAP_UPDATE_ELEM, { map_fd: fd, ...keyed, value, flags: BigInt(flags) })
          : kind === 'lookup'
            ? kernel.bpf(BPF_CMD.BPF_MAP_LOOKUP_ELEM, { map_fd: fd, ...keyed, value: out })
            : kind === 'delete'
              ? kernel.bpf(BPF_CMD.BPF_MAP_DELETE_ELEM, { map_fd: fd, ...keyed })
              : kind === 'take'
                ? kernel.bpf(BPF_CMD.BPF_MAP_LOOKUP_AND_DELETE_ELEM, { map_fd: fd, ...keyed, value: out })
                : kernel.bpf(BPF_CMD.BPF_MAP_GET_NEXT_KEY, { map_fd: fd, ...keyed, next_key: out });
      return result < 0 || kind === 'update' || kind === 'delete' ? result : hex(out);
    },
  };
}

/** The answers to a sequence; those that depend on the hash seed are left out. */
function answers(c: Case, subject: Subject): (string | number)[] {
  return sequence(c).map((op) => {
    const result = subject.run(op);
    return c.unordered && op.kind === 'next' ? 'seed' : result;
  });
}

const file = new URL('../../recorded/maps/contract-6.18.json', import.meta.url);
const recorded: Record<string, (string | number)[]> = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
let kernel: KernelTransport | undefined;
let asked = 0;

beforeAll(async () => {
  const possible = existsSync('/sys/devices/system/cpu/possible')
    ? readFileSync('/sys/devices/system/cpu/possible', 'utf8').trim()
    : '';
  if (possible !== `0-${NR_CPUS - 1}`) return;
  kernel = await openKernelTransport().catch(() => undefined);
});
afterAll(() => {
  kernel?.[Symbol.dispose]();
  if (process.env.BLESS) writeFileSync(file, `${JSON.stringify(recorded, null, 0).replaceAll('],', '],\n')}\n`);
  console.log(`maps: ${asked} of ${CASES.length} sequences compared with the live kernel`);
});

describe.each(CASES)('$name', (c) => {
  test('answers as Linux 6.18 did', () => {
    const map = mustCreate(setupMaps({ nrCpus: NR_CPUS }), c.attr, new FakeFds());
    const got = answers(c, skepSubject(map));
    if (kernel) {
      const fd = kernel.bpf(BPF_CMD.BPF_MAP_CREATE, c.attr);
      if (fd >= 0) {
        const live = answers(c, kernelSubject(kernel, fd, c));
        kernel.close(fd);
        if (process.env.BLESS) recorded[c.name] = live;
        expect(got).toEqual(live);
        asked++;
      }
    }
    expect(got).toEqual(recorded[c.name]);
  });
});
