/** MAP_CREATE from all sides: a sound attribute of each map type, with one field or two set to something else. */
import type { BpfSyscall, MapCreateAttr } from '../../../src/uapi/attr/attr.ts';
import { BPF_CMD as C } from '../../../src/uapi/cmd.ts';
import { BPF_MAP_TYPE as T } from '../../../src/uapi/map-types.ts';
import { xorshift } from '../maps/setup.ts';

/** An attribute whose descriptors are named: each kernel has its own numbers. */
export type GridAttr = Omit<MapCreateAttr, 'btf_fd' | 'inner_map_fd'> & {
  btf_fd?: FdName;
  inner_map_fd?: FdName;
};
type FdName = keyof GridFds | 'closed';

/** What the named descriptors are. */
export interface GridFds {
  readonly btf: number;
  readonly array: number;
  readonly outer: number;
  readonly prog: number;
}
const CLOSED = 999_999;

const base = (
  map_type: number,
  key_size: number,
  value_size: number,
  max_entries: number,
  map_flags = 0,
): GridAttr => ({
  ...{ map_type, key_size, value_size, max_entries },
  ...(map_flags === 0 ? {} : { map_flags }),
});
const storage = (type: number): GridAttr => ({
  ...base(type, 4, 8, 0, 1),
  ...{ btf_fd: 'btf', btf_key_type_id: 1, btf_value_type_id: 2 },
});

const BASES: readonly GridAttr[] = [
  base(T.BPF_MAP_TYPE_HASH, 4, 8, 4),
  base(T.BPF_MAP_TYPE_ARRAY, 4, 8, 4),
  base(T.BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4),
  base(T.BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 4),
  base(T.BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 4),
  base(T.BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 4),
  base(T.BPF_MAP_TYPE_STACK_TRACE, 4, 80, 4),
  base(T.BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, 4),
  base(T.BPF_MAP_TYPE_LRU_HASH, 4, 8, 4),
  base(T.BPF_MAP_TYPE_LRU_PERCPU_HASH, 4, 8, 4),
  base(T.BPF_MAP_TYPE_LPM_TRIE, 8, 8, 4, 1),
  { ...base(T.BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 4), inner_map_fd: 'array' },
  { ...base(T.BPF_MAP_TYPE_HASH_OF_MAPS, 4, 4, 4), inner_map_fd: 'array' },
  base(T.BPF_MAP_TYPE_DEVMAP, 4, 4, 4),
  base(T.BPF_MAP_TYPE_SOCKMAP, 4, 4, 4),
  base(T.BPF_MAP_TYPE_CPUMAP, 4, 4, 4),
  base(T.BPF_MAP_TYPE_XSKMAP, 4, 4, 4),
  base(T.BPF_MAP_TYPE_SOCKHASH, 4, 4, 4),
  base(T.BPF_MAP_TYPE_CGROUP_STORAGE, 16, 8, 0),
  base(T.BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 8, 4),
  base(T.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, 16, 8, 0),
  base(T.BPF_MAP_TYPE_QUEUE, 0, 8, 4),
  base(T.BPF_MAP_TYPE_STACK, 0, 8, 4),
  storage(T.BPF_MAP_TYPE_SK_STORAGE),
  base(T.BPF_MAP_TYPE_DEVMAP_HASH, 4, 4, 4),
  base(T.BPF_MAP_TYPE_STRUCT_OPS, 4, 64, 1),
  base(T.BPF_MAP_TYPE_RINGBUF, 0, 0, 4096),
  storage(T.BPF_MAP_TYPE_INODE_STORAGE),
  storage(T.BPF_MAP_TYPE_TASK_STORAGE),
  base(T.BPF_MAP_TYPE_BLOOM_FILTER, 0, 8, 4),
  base(T.BPF_MAP_TYPE_USER_RINGBUF, 0, 0, 4096),
  storage(T.BPF_MAP_TYPE_CGRP_STORAGE),
  base(T.BPF_MAP_TYPE_ARENA, 0, 0, 1, 1 << 10),
  base(0, 4, 8, 4),
  base(34, 4, 8, 4),
  base(0xffff_ffff, 4, 8, 4),
];

// No size here makes a map of more than some megabytes, on a kernel that would make it.
const VALUES: { readonly [F in keyof GridAttr]?: readonly GridAttr[F][] } = {
  key_size: [0, 1, 4, 5, 8, 16, 260, 261, 512, 513, 0x40_0000, 0x8000_0000, 0xffff_ffff],
  value_size: [0, 1, 4, 8, 12, 32, 1016, 1024, 32768, 32769, 65407, 65408, 0xffff_ffff],
  max_entries: [0, 1, 2, 3, 4096, 8192, 12288],
  map_flags: [...Array.from({ length: 22 }, (_, bit) => (1 << bit) >>> 0), 0x8000_0000, 3, 0x18, 0x180, 0x408],
  numa_node: [0, 1, 999, 0xffff_ffff],
  map_name: ['ok', 'a.b_C9', 'a b', 'fifteen_bytes_x', 'sixteen_bytes_xx', 'å', 'a\0 b'],
  map_ifindex: [1, 777],
  btf_fd: ['btf', 'array', 'closed'],
  btf_key_type_id: [1, 2, 3, 99],
  btf_value_type_id: [1, 2, 3, 99],
  btf_vmlinux_value_type_id: [1],
  map_extra: [1n, 15n, 16n, 1n << 32n, (1n << 64n) - 1n],
  inner_map_fd: ['array', 'outer', 'btf', 'prog', 'closed'],
  value_type_btf_obj_fd: [1, -1],
  map_token_fd: [1, -1],
  excl_prog_hash: [new Uint8Array(0), new Uint8Array(31), new Uint8Array(32), new Uint8Array(33)],
};

type Change = readonly [field: keyof GridAttr, value: unknown];
const CHANGES: readonly Change[] = Object.entries(VALUES).flatMap(([field, values]) =>
  values.map((value): Change => [field as keyof GridAttr, value]),
);

/** Every single change of every type, then `pairs` random pairs, the same ones each time. */
export function mapCreateGrid(pairs: number): GridAttr[] {
  const out: GridAttr[] = [...BASES];
  for (const sound of BASES) for (const [field, value] of CHANGES) out.push({ ...sound, [field]: value });
  const random = xorshift(0x5eed);
  const pick = <V>(of: readonly V[]): V => of[random() % of.length];
  while (out.length < BASES.length * (1 + CHANGES.length) + pairs) {
    const [a, b] = [pick(CHANGES), pick(CHANGES)];
    if (a[0] !== b[0]) out.push({ ...pick(BASES), [a[0]]: a[1], [b[0]]: b[1] });
  }
  return out;
}

/** What a kernel answers: 1 for a map, which is closed, or -errno. */
export function askMapCreate(sys: BpfSyscall, fds: GridFds, { btf_fd, inner_map_fd, ...rest }: GridAttr): number {
  const number = (name: FdName): number => (name === 'closed' ? CLOSED : fds[name]);
  const fd = sys.bpf(C.BPF_MAP_CREATE, {
    ...rest,
    ...(btf_fd === undefined ? {} : { btf_fd: number(btf_fd) }),
    ...(inner_map_fd === undefined ? {} : { inner_map_fd: number(inner_map_fd) }),
  });
  if (fd <= 0) return fd;
  sys.close(fd);
  return 1;
}

/** BTF with [1] u32, [2] u64, [3] a struct of two u32. */
function gridBtf(): Uint8Array {
  const strings = new TextEncoder().encode('\0u32\0u64\0s\0a\0b\0');
  const types = Uint32Array.of(1, 1 << 24, 4, 32, 5, 1 << 24, 8, 64, 9, (4 << 24) | 2, 8, 11, 1, 0, 13, 1, 32);
  const bytes = new Uint8Array(24 + types.byteLength + strings.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0xeb9f, true);
  bytes[2] = 1;
  [24, 0, types.byteLength, types.byteLength, strings.length].forEach((n, i) => view.setUint32(4 + i * 4, n, true));
  bytes.set(new Uint8Array(types.buffer), 24);
  bytes.set(strings, 24 + types.byteLength);
  return bytes;
}

/** Opens the named descriptors in a kernel. */
export function openGridFds(sys: BpfSyscall): GridFds {
  const array = sys.bpf(C.BPF_MAP_CREATE, base(T.BPF_MAP_TYPE_ARRAY, 4, 8, 1) as MapCreateAttr);
  const fds: GridFds = {
    array,
    btf: sys.bpf(C.BPF_BTF_LOAD, { btf: gridBtf() }),
    outer: sys.bpf(C.BPF_MAP_CREATE, {
      ...(base(T.BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 1) as MapCreateAttr),
      inner_map_fd: array,
    }),
    prog: sys.bpf(C.BPF_PROG_LOAD, {
      prog_type: 1,
      insns: Uint8Array.of(0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0),
      license: 'GPL',
    }),
  };
  for (const [name, fd] of Object.entries(fds)) if (fd <= 0) throw new Error(`${name}: ${fd}`);
  return fds;
}
