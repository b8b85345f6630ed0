/** Random cases: types behind chains where a kernel looks at types, and programs that show what it made of them. */
import type { MapCreateAttr } from '../../../src/uapi/attr/attr.ts';
import { BPF_MAP_TYPE as T } from '../../../src/uapi/map-types.ts';
import { BPF_PROG_TYPE as P } from '../../../src/uapi/prog-types.ts';
import { Rng } from '../differential/rng.ts';
import { argumentsCase, forgettingCase } from './arguments.ts';
import { type Sized, Types } from './types.ts';

/** A program of a case. `kfunc(name)` and `kernel(struct)` in its text stand for numbers of the kernel that is asked. */
export interface CaseProgram {
  readonly type: number;
  readonly text: string;
  /** Function types by label; `main` is the first instruction. */
  readonly funcs?: ReadonlyMap<string, number>;
}

export interface Case {
  readonly kind: string;
  readonly btf: Uint8Array;
  readonly map?: MapCreateAttr;
  readonly programs: readonly CaseProgram[];
}

/** Map types with their flags, and whether programs look elements up. */
const VALUE_MAPS: readonly (readonly [weight: number, type: number, flags: number])[] = [
  [30, T.BPF_MAP_TYPE_ARRAY, 0],
  [20, T.BPF_MAP_TYPE_HASH, 0],
  [8, T.BPF_MAP_TYPE_LRU_HASH, 0],
  [5, T.BPF_MAP_TYPE_PERCPU_ARRAY, 0],
  [5, T.BPF_MAP_TYPE_PERCPU_HASH, 0],
  [3, T.BPF_MAP_TYPE_SK_STORAGE, 1],
  [6, T.BPF_MAP_TYPE_TASK_STORAGE, 1],
  [3, T.BPF_MAP_TYPE_CGRP_STORAGE, 1],
  [2, T.BPF_MAP_TYPE_LPM_TRIE, 1],
  [2, T.BPF_MAP_TYPE_QUEUE, 0],
  [2, T.BPF_MAP_TYPE_ARRAY, 128],
];
const LOOKED_UP: readonly number[] = [1, 2, 5, 6, 9];

const LOOKUP = `
  *(u64 *)(r10 -8) = 0
  r2 = r10
  r2 += -8
  r1 = map[m]
  call bpf_map_lookup_elem
  if r0 == 0 goto out
  r6 = r0`;
const END = `
out: r0 = 0
  exit`;

/** What is done to byte \`off\` of a value that r6 points to. */
const USES: readonly ((off: number, rng: Rng) => string)[] = [
  (off) => `*(u32 *)(r6 +${off}) = 7`,
  (off) => `*(u64 *)(r6 +${off & ~7}) = 7`,
  (off) => `r1 = *(u64 *)(r6 +${off & ~7})`,
  (off) => `r1 = *(u32 *)(r6 +${off})`,
  (off) => `r1 = r6\n  r1 += ${off}\n  call bpf_spin_lock`,
  (off) => `r1 = r6\n  r1 += ${off}\n  r2 = map[m]\n  r3 = 1\n  call bpf_timer_init`,
  (off) =>
    `r1 = r6\n  r1 += ${off & ~7}\n  r2 = 0\n  call bpf_kptr_xchg\n  if r0 == 0 goto out\n  r1 = *(u8 *)(r0 +0x7ff0)`,
  (off) => `r1 = r6\n  r1 += ${off & ~3}\n  kfunc bpf_res_spin_lock`,
  (off) => `r1 = r6\n  r1 += ${off & ~7}\n  kfunc bpf_list_pop_front`,
  (off) => `r1 = r6\n  r1 += ${off & ~7}\n  kfunc bpf_rbtree_first`,
  (off) => `r1 = *(u64 *)(r6 +${off & ~7})\n  if r1 == 0 goto out\n  r2 = *(u8 *)(r1 +0x7ff0)`,
];

function valueMap(t: Types, value: Sized, typeId: number): MapCreateAttr {
  const { rng } = t;
  const [, type, flags] = rng.pick(VALUE_MAPS.flatMap((row) => Array.from({ length: row[0] }, () => row)));
  const keyless = type === T.BPF_MAP_TYPE_QUEUE;
  const lpm = type === T.BPF_MAP_TYPE_LPM_TRIE;
  const storage = flags === 1 && !lpm;
  const key = lpm ? t.struct('key', [t.int, t.int]) : t.int;
  return {
    map_type: type,
    key_size: keyless ? 0 : key.size,
    value_size: value.size + (rng.chance(3) ? 8 : 0),
    max_entries: storage ? 0 : 1,
    map_flags: flags,
    btf_key_type_id: keyless ? 0 : t.maybe(key.id, 30, 10),
    btf_value_type_id: typeId,
  };
}

function usesOf(t: Types, map: MapCreateAttr, text: string): CaseProgram[] {
  const { rng } = t;
  if (!LOOKED_UP.includes(map.map_type)) return [];
  return Array.from({ length: 6 }, () => {
    const off = rng.below(Math.max(1, map.value_size / 4)) * 4;
    return { type: P.BPF_PROG_TYPE_SCHED_CLS, text: `${text}\n  ${rng.pick(USES)(off, rng)}${END}` };
  });
}

function valueCase(t: Types): Omit<Case, 'btf'> {
  const value = t.value();
  const map = valueMap(t, value, t.maybe(value.id, 75));
  return { kind: 'value', map, programs: usesOf(t, map, LOOKUP) };
}

/** Key sizes that the types insist on. */
const KEY_SIZES: ReadonlyMap<number, readonly number[]> = new Map([
  [T.BPF_MAP_TYPE_ARRAY, [4]],
  [T.BPF_MAP_TYPE_PERCPU_ARRAY, [4]],
  [T.BPF_MAP_TYPE_SK_STORAGE, [4]],
  [T.BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, [4]],
  [T.BPF_MAP_TYPE_LPM_TRIE, [8, 16]],
  [T.BPF_MAP_TYPE_CGROUP_STORAGE, [8, 16]],
  [T.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, [8, 16]],
]);

/** Keys that array maps, tries and storages look at, and values that are no structs. */
function keyCase(t: Types): Omit<Case, 'btf'> {
  const { rng, b } = t;
  const enumeration: Sized = { id: b.enum('e', 4, [{ name: 'E0', value: 0n }]), size: 4, align: 4 };
  const float: Sized = { id: b.float('float', 4), size: 4, align: 4 };
  const pair = t.struct('pair', [t.wrapped(t.int), t.int]);
  const pointer: Sized = { id: b.ptr(t.maybe(0)), size: 8, align: 8 };
  const any: Sized[] = [t.int, t.int, t.u64, enumeration, float, pair, pointer];
  any.push(t.array(t.wrapped(t.int)), t.struct('u', [t.int, t.u64], true));
  any.push({ id: b.fwd('fwd'), size: 4, align: 4 }, { id: 0, size: 4, align: 1 });
  any.push({ id: b.func('fn', b.funcProto(t.int.id, []), 0), size: 4, align: 1 });
  any.push({ id: b.var('variable', t.maybe(t.int.id), 1), size: 4, align: 1 });
  any.push(t.struct('storage', [t.wrapped(t.u64), t.wrapped(rng.chance(80) ? t.int : enumeration)]));
  const value = rng.pick(any);
  const [type, flags] = rng.pick([
    [T.BPF_MAP_TYPE_ARRAY, 0],
    [T.BPF_MAP_TYPE_ARRAY, 0],
    [T.BPF_MAP_TYPE_HASH, 0],
    [T.BPF_MAP_TYPE_PERCPU_ARRAY, 0],
    [T.BPF_MAP_TYPE_LPM_TRIE, 1],
    [T.BPF_MAP_TYPE_BLOOM_FILTER, 0],
    [T.BPF_MAP_TYPE_SK_STORAGE, 1],
    [T.BPF_MAP_TYPE_CGROUP_STORAGE, 0],
    [T.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, 0],
    [T.BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 0],
  ]);
  const wanted = any.filter((a) => (KEY_SIZES.get(type) ?? [a.size]).includes(a.size));
  const key = rng.pick(rng.chance(90) ? wanted : any);
  const keyId = rng.chance(10) ? 0 : t.maybe(key.id, 80);
  const storage = type === T.BPF_MAP_TYPE_SK_STORAGE || type === T.BPF_MAP_TYPE_CGROUP_STORAGE;
  const unlimited = storage || type === T.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
  const map: MapCreateAttr = {
    map_type: type,
    key_size: type === T.BPF_MAP_TYPE_BLOOM_FILTER ? 0 : key.size,
    value_size: value.size,
    max_entries: unlimited ? 0 : 1,
    map_flags: flags,
    btf_key_type_id: keyId,
    btf_value_type_id: t.maybe(value.id, 60),
  };
  return { kind: 'key', map, programs: [] };
}

/** A data section whose variables are special fields behind chains. */
function sectionCase(t: Types): Omit<Case, 'btf'> {
  const { rng, b } = t;
  t.node('node0');
  const variables = Array.from({ length: rng.between(1, 4) }, () => {
    const type = t.wrapped(t.member(1), 30);
    return { type, id: b.var(t.name('v'), type.id, 1) };
  });
  let offset = 0;
  const rows = variables
    .filter((v) => v.type.size > 0)
    .map(({ type, id }) => {
      const at = Math.ceil(offset / type.align) * type.align;
      offset = at + type.size;
      return { type: id, offset: at, size: type.size };
    });
  const size = Math.max(8, Math.ceil(offset / 8) * 8);
  const section = b.datasec('.data.x', size, rows);
  const map: MapCreateAttr = {
    map_type: T.BPF_MAP_TYPE_ARRAY,
    key_size: 4,
    value_size: size,
    max_entries: rng.chance(5) ? 2 : 1,
    map_flags: 0,
    btf_key_type_id: rng.chance(15) ? t.maybe(t.int.id, 60) : 0,
    btf_value_type_id: section,
  };
  return { kind: 'section', map, programs: usesOf(t, map, '\n  r6 = map[m][0]') };
}

/** Objects of the program's own types: which types may be made, what lies where in them. */
function objectCase(t: Types): Omit<Case, 'btf'> {
  const { rng } = t;
  t.node('node0');
  const struct = t.struct(
    t.name('object'),
    Array.from({ length: rng.between(1, 4) }, () => t.member(2)),
  );
  const id = rng.chance(25) ? t.chain(struct.id) : struct.id;
  const make = rng.chance(12) ? 'bpf_percpu_obj_new_impl' : 'bpf_obj_new_impl';
  const uses = Array.from({ length: 6 }, () => {
    const off = rng.below(Math.max(1, struct.size));
    const bytes = rng.pick([1, 2, 4, 8]);
    const at = rng.chance(80) ? off - (off % bytes) : off;
    const type = `u${bytes * 8}`;
    return rng.weighted([
      [50, `r1 = *(${type} *)(r6 +${at})`],
      [20, `*(${type} *)(r6 +${at}) = 1`],
      [10, `r1 = *(u64 *)(r6 +${at & ~7})\n  r2 = *(u8 *)(r1 +0)`],
      [10, `r1 = r6\n  r1 += ${at & ~7}\n  r2 = 0\n  call bpf_kptr_xchg`],
      [10, `r1 = r6\n  r2 = 0\n  kfunc bpf_refcount_acquire_impl`],
    ]);
  });
  const funcs = new Map([['main', t.b.func('main', t.b.funcProto(t.int.id, [{ name: 'ctx', type: t.b.ptr(0) }]), 1)]]);
  const program = (use: string): CaseProgram => ({
    type: P.BPF_PROG_TYPE_SCHED_CLS,
    funcs,
    text: `
  r1 = ${id}
  r2 = 0
  kfunc ${make}
  if r0 == 0 goto out
  r6 = r0
  ${use}
  r1 = r6
  r2 = 0
  kfunc bpf_obj_drop_impl${END}`,
  });
  return { kind: 'object', programs: uses.map(program) };
}

const KINDS: readonly (readonly [weight: number, make: (t: Types) => Omit<Case, 'btf'>])[] = [
  [40, valueCase],
  [12, keyCase],
  [10, sectionCase],
  [15, objectCase],
  [23, argumentsCase],
];

/** Cases after which a kernel remembers no type by name that other cases asked for. */
export function* forgetting(): Iterable<Case> {
  for (let i = 0; i < 400; i++) {
    const types = new Types(new Rng(i));
    yield { ...forgettingCase(types, i), btf: types.b.encode() };
  }
}

export function makeCase(seed: number): Case {
  const types = new Types(new Rng(seed));
  const made = types.rng.weighted(KINDS)(types);
  return { ...made, btf: types.b.encode() };
}
