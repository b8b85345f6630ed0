/** Special fields of a map value or allocated object, found by BTF (struct btf_record, btf_parse_fields). */
import { ERRNO } from '../uapi/errno.ts';
import type { Btf } from './btf.ts';
import { BTF_KIND, type BtfType } from './types.ts';

/** enum btf_field_type. */
export const BPF_SPIN_LOCK = 1 << 0;
export const BPF_TIMER = 1 << 1;
export const BPF_KPTR_UNREF = 1 << 2;
export const BPF_KPTR_REF = 1 << 3;
export const BPF_KPTR_PERCPU = 1 << 4;
export const BPF_LIST_HEAD = 1 << 5;
export const BPF_LIST_NODE = 1 << 6;
export const BPF_RB_ROOT = 1 << 7;
export const BPF_RB_NODE = 1 << 8;
export const BPF_REFCOUNT = 1 << 9;
export const BPF_WORKQUEUE = 1 << 10;
export const BPF_UPTR = 1 << 11;
export const BPF_RES_SPIN_LOCK = 1 << 12;
export const BPF_TASK_WORK = 1 << 13;

export interface BtfField {
  readonly type: number;
  /** Bytes from the start of the value. */
  readonly offset: number;
  readonly size: number;
  /** kptr: kernel BTF type id (in `btf` unless program-local); graph roots: value type id in the program's BTF. */
  readonly typeId?: number;
  readonly typeName?: string;
  /** kptr: `typeId` lies in the program's BTF, not in the kernel's. */
  readonly local?: boolean;
  /** The BTF that `typeId` lies in, when that is not the kernel's. */
  readonly btf?: Btf;
  /** Graph roots: offset of the node member in the contained type. */
  readonly nodeOffset?: number;
}
export interface BtfRecord {
  /** In order of offset. */
  readonly fields: readonly BtfField[];
  /** Union of the fields' types. */
  readonly mask: number;
  /** Offset of the spin lock, timer and so on, of the last one where structs within have more; or -1. */
  readonly spinLockOff: number;
  readonly resSpinLockOff: number;
  readonly timerOff: number;
  readonly wqOff: number;
  readonly taskWorkOff: number;
  readonly refcountOff: number;
}

/** The kernel's part in the question of {@link parseRecord}. */
export interface RecordOptions {
  /** Types that kptrs point to; without them the ids of the program's own BTF stand. */
  readonly kernelBtf?: () => Btf | undefined;
  /** Fields to look for, by default all. */
  readonly mask?: number;
  /** Size of the value, which all fields must lie in; by default the type's own. */
  readonly valueSize?: number;
  /** Known structs, shared by questions of one mask about one BTF object. */
  readonly memo?: RecordMemo;
}

/** A type whose special fields the kernel refuses: `record` is undefined and `errno` positive. */
export interface RecordResult {
  readonly record: BtfRecord | undefined;
  readonly errno: number;
}

const { ENOENT, E2BIG, EFAULT, EEXIST, EINVAL } = ERRNO;

/** Most fields of one value (BTF_FIELDS_MAX), deepest nesting (MAX_RESOLVE_DEPTH). */
const MAX_FIELDS = 11;
const MAX_DEPTH = 32;

const ALL = (1 << 14) - 1;
const KPTRS = BPF_KPTR_UNREF | BPF_KPTR_REF | BPF_KPTR_PERCPU | BPF_UPTR;
const ROOTS = BPF_LIST_HEAD | BPF_RB_ROOT;

interface Row {
  readonly type: number;
  readonly size: number;
  readonly align: number;
  /** At most one in a struct; one more may be in a struct within. */
  readonly unique: boolean;
}

/** Structs whose name makes a field special. */
const SPECIAL_STRUCTS: ReadonlyMap<string, Row> = new Map([
  ['bpf_spin_lock', { type: BPF_SPIN_LOCK, size: 4, align: 4, unique: true }],
  ['bpf_res_spin_lock', { type: BPF_RES_SPIN_LOCK, size: 4, align: 4, unique: true }],
  ['bpf_timer', { type: BPF_TIMER, size: 16, align: 8, unique: true }],
  ['bpf_wq', { type: BPF_WORKQUEUE, size: 16, align: 8, unique: true }],
  ['bpf_task_work', { type: BPF_TASK_WORK, size: 8, align: 8, unique: true }],
  ['bpf_refcount', { type: BPF_REFCOUNT, size: 4, align: 4, unique: false }],
  ['bpf_list_head', { type: BPF_LIST_HEAD, size: 16, align: 8, unique: false }],
  ['bpf_list_node', { type: BPF_LIST_NODE, size: 24, align: 8, unique: false }],
  ['bpf_rb_root', { type: BPF_RB_ROOT, size: 16, align: 8, unique: false }],
  ['bpf_rb_node', { type: BPF_RB_NODE, size: 32, align: 8, unique: false }],
]);

const KPTR_TAGS: ReadonlyMap<string, number> = new Map([
  ['kptr_untrusted', BPF_KPTR_UNREF],
  ['kptr', BPF_KPTR_REF],
  ['percpu_kptr', BPF_KPTR_PERCPU],
  ['uptr', BPF_UPTR],
]);

/** Kernel types that a map can give back when an element goes: those with a destructor (btf_find_dtor_kfunc). */
const DESTRUCTIBLE: ReadonlySet<string> = new Set([
  'task_struct',
  'cgroup',
  'bpf_cpumask',
  'bpf_crypto_ctx',
  'prog_test_ref_kfunc',
  'prog_test_member',
]);

/** More of them, in kernels that have the function which does it. */
const DESTRUCTIBLE_BY: ReadonlyMap<string, string> = new Map([['sk_buff', 'bpf_kfree_skb']]);

function isDestructible(typeName: string, kernel: Btf | undefined): boolean {
  const by = DESTRUCTIBLE_BY.get(typeName);
  return by === undefined ? DESTRUCTIBLE.has(typeName) : (kernel?.find(by, BTF_KIND.FUNC) ?? 0) !== 0;
}

class RecordError extends Error {
  constructor(readonly errno: number) {
    super(`special fields: errno ${errno}`);
  }
}

/** Special fields of a struct or data section; undefined when it has none or the kernel would not take them (btf_parse_fields). */
export function parseRecord(btf: Btf, valueTypeId: number, options: RecordOptions = {}): BtfRecord | undefined {
  return parseRecordResult(btf, valueTypeId, options).record;
}

/** As {@link parseRecord}, with the reason why there is no record. */
export function parseRecordResult(btf: Btf, valueTypeId: number, options: RecordOptions = {}): RecordResult {
  try {
    const finder = new FieldFinder(btf, options.mask ?? ALL, options.memo ?? new Map());
    const fields = finder.find(valueTypeId);
    if (fields.length === 0) return { record: undefined, errno: 0 };
    return { record: finish(btf, fields, options, options.valueSize ?? btf.sizeOf(valueTypeId)), errno: 0 };
  } catch (e) {
    if (e instanceof RecordError) return { record: undefined, errno: e.errno };
    throw e;
  }
}

/** A field as it is found, before what it points to is looked up. */
interface Found {
  readonly type: number;
  readonly size: number;
  readonly offset: number;
  /** kptr: the struct pointed to, in the program's BTF. */
  readonly typeId: number;
  /** Graph roots: `contains:` names of the value type and its node member. */
  readonly contains?: readonly [type: string, node: string];
}

/** One struct or section whose parts are looked at. */
interface Scope {
  readonly id: number;
  readonly level: number;
  /** Field types that it may have once and has: those within its structs are theirs. */
  seen: number;
  /** Levels of structs below it. */
  height: number;
}

/** A struct that was walked: its fields from its own start, and the levels below it. */
interface Walked {
  readonly fields: readonly Found[];
  readonly height: number;
}

/** Structs by type id: each is walked once, however often hostile types repeat it. */
export type RecordMemo = Map<number, Walked>;

class FieldFinder {
  constructor(
    readonly btf: Btf,
    readonly mask: number,
    readonly memo: RecordMemo,
  ) {}

  /** btf_find_field */
  find(typeId: number): Found[] {
    const t = this.btf.type(typeId);
    if (t?.kind === BTF_KIND.STRUCT) return [...this.#members(t, 0).fields];
    if (t?.kind !== BTF_KIND.DATASEC) throw new RecordError(EINVAL);
    const out: Found[] = [];
    let seen = 0;
    for (const v of t.vars) {
      const scope: Scope = { id: v.type, level: 0, seen, height: 0 };
      add(out, this.#one(scope, -1, this.btf.type(v.type)?.type ?? 0, v.offset, v.size));
      seen = scope.seen;
    }
    return out;
  }

  #members(t: BtfType, level: number): Walked {
    const fields: Found[] = [];
    const scope: Scope = { id: t.id, level, seen: 0, height: 0 };
    t.members.forEach((m, i) => {
      if (m.bitOffset % 8 !== 0) throw new RecordError(EINVAL);
      add(fields, this.#one(scope, i, m.type, m.bitOffset / 8, 0));
    });
    return { fields, height: scope.height };
  }

  /** btf_find_field_one: a member, variable or array of them, at `offset` of its struct. */
  #one(scope: Scope, component: number, typeId: number, offset: number, expectedSize: number): Found[] {
    const { btf } = this;
    let nelems = 1;
    let t = btf.type(typeId);
    for (let i = 0; t?.array; i++) {
      if (i >= MAX_DEPTH) throw new RecordError(E2BIG);
      nelems *= t.array.nelems;
      t = btf.type(t.array.elemType);
    }
    if (t === undefined || nelems === 0) return [];
    const row = this.#row(t, scope);
    if (row === undefined) return t.kind === BTF_KIND.STRUCT ? this.#nested(t, offset, nelems, scope) : [];
    if (expectedSize !== 0 && expectedSize !== row.size * nelems) return [];
    if (offset % row.align !== 0) return [];
    const found = this.#describe(row, t, scope.id, component, offset);
    return found === undefined ? [] : repeat([found], nelems, row.size);
  }

  #row(t: BtfType, scope: Scope): Row | undefined {
    const row = SPECIAL_STRUCTS.get(t.name);
    if (row !== undefined && (row.type & this.mask) !== 0 && t.kind === BTF_KIND.STRUCT) {
      if (row.unique && scope.seen & row.type) throw new RecordError(E2BIG);
      if (row.unique) scope.seen |= row.type;
      return row;
    }
    return (this.mask & KPTRS) !== 0 && t.kind !== BTF_KIND.STRUCT
      ? { type: BPF_KPTR_REF, size: 8, align: 8, unique: false }
      : undefined;
  }

  /** btf_find_nested_struct. The depth is bounded by MAX_DEPTH. */
  #nested(t: BtfType, offset: number, nelems: number, scope: Scope): Found[] {
    const level = scope.level + 1;
    if (level >= MAX_DEPTH) throw new RecordError(E2BIG);
    let walked = this.memo.get(t.id);
    if (walked === undefined) this.memo.set(t.id, (walked = this.#members(t, level)));
    if (level + walked.height >= MAX_DEPTH) throw new RecordError(E2BIG);
    scope.height = Math.max(scope.height, walked.height + 1);
    return repeat(
      walked.fields.map((f) => ({ ...f, offset: f.offset + offset })),
      nelems,
      t.size,
    );
  }

  #describe(row: Row, t: BtfType, ownerId: number, component: number, offset: number): Found | undefined {
    if (row.type === BPF_KPTR_REF) return findKptr(this.btf, t, offset, this.mask);
    if (t.size !== row.size) return undefined;
    if ((row.type & ROOTS) === 0) return { type: row.type, size: row.size, offset, typeId: 0 };
    const tags = this.btf.declTags(ownerId, component).filter((v) => v.startsWith('contains:'));
    if (tags.length !== 1) throw new RecordError(EINVAL);
    const [type, node] = tags[0].slice('contains:'.length).split(/:(.*)/s);
    if (node === undefined) throw new RecordError(EINVAL);
    if (this.btf.find(type, BTF_KIND.STRUCT) === 0) throw new RecordError(ENOENT);
    if (node === '') throw new RecordError(EINVAL);
    return { type: row.type, size: row.size, offset, typeId: 0, contains: [type, node] };
  }
}

/** btf_find_kptr: `struct x __kptr *p`, possibly volatile. No other modifier or typedef is looked behind. */
function findKptr(btf: Btf, t: BtfType, offset: number, mask: number): Found | undefined {
  const pointer = t.kind === BTF_KIND.VOLATILE ? btf.type(t.type) : t;
  if (pointer?.kind !== BTF_KIND.PTR) return undefined;
  const tag = btf.type(pointer.type);
  if (tag?.kind !== BTF_KIND.TYPE_TAG || tag.kindFlag) return undefined;
  if (btf.kind(tag.type) === BTF_KIND.TYPE_TAG) throw new RecordError(EINVAL);
  const type = KPTR_TAGS.get(tag.name);
  if (type === undefined) throw new RecordError(EINVAL);
  if ((type & mask) === 0) return undefined;
  const typeId = btf.skipModifiers(tag.type);
  if (btf.kind(typeId) !== BTF_KIND.STRUCT) throw new RecordError(EINVAL);
  return { type, size: 8, offset, typeId };
}

/** Whether a member of exactly this type is a kptr that programs may keep in objects of their own. */
export function isKptr(btf: Btf, typeId: number): boolean {
  const t = btf.type(typeId);
  try {
    return t !== undefined && findKptr(btf, t, 0, KPTRS & ~BPF_UPTR) !== undefined;
  } catch (e) {
    if (e instanceof RecordError) return false;
    throw e;
  }
}

function add(out: Found[], more: readonly Found[]): void {
  out.push(...more);
  if (out.length > MAX_FIELDS) throw new RecordError(E2BIG);
}

/** btf_repeat_fields: kptrs and graph roots may be in arrays, other fields may not. */
function repeat(fields: readonly Found[], nelems: number, stride: number): Found[] {
  if (nelems === 1 || fields.length === 0) return [...fields];
  if (fields.some((f) => (f.type & (KPTRS | ROOTS)) === 0)) throw new RecordError(EINVAL);
  if (fields.length * nelems > MAX_FIELDS) throw new RecordError(E2BIG);
  return Array.from({ length: nelems }, (_, i) => fields.map((f) => ({ ...f, offset: f.offset + i * stride }))).flat();
}

function finish(btf: Btf, found: readonly Found[], options: RecordOptions, valueSize: number): BtfRecord {
  let end = 0;
  let mask = 0;
  for (const f of found) {
    if (f.offset + f.size > valueSize) throw new RecordError(EFAULT);
    if (f.offset < end) throw new RecordError(EEXIST);
    end = f.offset + f.size;
    mask |= f.type;
  }
  const fields = found.map((f) => resolve(btf, f, options)).sort((a, b) => a.offset - b.offset);
  const last = (type: number): number => found.findLast((f) => f.type === type)?.offset ?? -1;
  const spinLockOff = last(BPF_SPIN_LOCK);
  const resSpinLockOff = last(BPF_RES_SPIN_LOCK);
  if (spinLockOff >= 0 && resSpinLockOff >= 0) throw new RecordError(EINVAL);
  if (mask & ROOTS && spinLockOff < 0 && resSpinLockOff < 0) throw new RecordError(EINVAL);
  const refcountOff = last(BPF_REFCOUNT);
  if (refcountOff < 0 && mask & BPF_LIST_NODE && mask & BPF_RB_NODE) throw new RecordError(EINVAL);
  return {
    fields,
    mask,
    spinLockOff,
    resSpinLockOff,
    timerOff: last(BPF_TIMER),
    wqOff: last(BPF_WORKQUEUE),
    taskWorkOff: last(BPF_TASK_WORK),
    refcountOff,
  };
}

function resolve(btf: Btf, f: Found, options: RecordOptions): BtfField {
  const base = { type: f.type, offset: f.offset, size: f.size };
  if (f.type & KPTRS) {
    const typeName = btf.name(f.typeId);
    const kernelId = f.type === BPF_UPTR ? 0 : (options.kernelBtf?.()?.find(typeName, BTF_KIND.STRUCT) ?? 0);
    if (kernelId === 0) return { ...base, typeId: f.typeId, typeName, local: true, btf };
    if (f.type === BPF_KPTR_REF && !isDestructible(typeName, options.kernelBtf?.())) throw new RecordError(ENOENT);
    return { ...base, typeId: kernelId, typeName, local: false };
  }
  if (f.contains === undefined) return base;
  const [typeName, nodeName] = f.contains;
  const typeId = btf.find(typeName, BTF_KIND.STRUCT);
  const nodeType = f.type === BPF_LIST_HEAD ? 'bpf_list_node' : 'bpf_rb_node';
  const node = btf.type(typeId)?.members.find((m) => m.name === nodeName);
  if (typeId === 0 || node === undefined) throw new RecordError(ENOENT);
  if (btf.kind(node.type) !== BTF_KIND.STRUCT || btf.name(node.type) !== nodeType || node.bitOffset % 64 !== 0)
    throw new RecordError(EINVAL);
  return { ...base, typeId, typeName, btf, nodeOffset: node.bitOffset / 8 };
}
