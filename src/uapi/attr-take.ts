/** Typed attributes as a caller gave them, of whatever types, to attributes of the declared types: each field is read once. */
import { type AttrField, ATTR_LAYOUTS, type AttrLayout } from './attr-layout.ts';
import type { BpfAttrs } from './attr.ts';
import { ERRNO } from './errno.ts';

type Fields = Record<string, unknown>;

/** A caller's attribute, checked and copied; buffers are views of the caller's memory. */
export interface TakenAttr {
  readonly attr: BpfAttrs[keyof BpfAttrs];
  /** Writes outputs to the caller's object: 0, or -EFAULT when it does not take them. */
  finish(): number;
}

interface Plan {
  readonly group: AttrLayout['group'];
  /** A command on one element, and which of its fields the command has. */
  readonly elem: boolean;
  readonly takes: Readonly<Record<'key' | 'value' | 'next_key' | 'flags', boolean>>;
  /** What 32-bit fields are that the caller leaves out. */
  readonly zeros: Readonly<Record<string, number>>;
  readonly scalars: readonly { readonly name: string; readonly kind: AttrField['kind'] }[];
  readonly buffers: readonly string[];
  readonly outputs: readonly string[];
}

/** Outputs that only the embedded kernel has. */
const OWN_OUTPUTS: Readonly<Record<AttrLayout['group'], readonly string[]>> = {
  '': ['unsupported'],
  batch: [],
  test: ['aborted'],
  info: [],
  raw_tracepoint: ['unsupported'],
  link_update: [],
  link_detach: [],
};
const NONE: readonly string[] = [];

function planOf(layout: AttrLayout): Plan {
  const { group, fields } = layout;
  const isBuffer = (f: AttrField): boolean => f.kind === 'buf' || f.kind === 'log';
  const lengths = fields.flatMap((f) => (f.lenName === undefined ? [] : [f.lenName]));
  const has = (name: string): boolean => fields.some((f) => f.name === name);
  const numbers = fields.filter((f) => f.kind === 'u32' || f.kind === 's32').map((f): [string, number] => [f.name, 0]);
  return {
    group,
    elem: group === '' && fields.some((f) => f.name === 'map_fd'),
    takes: { key: has('key'), value: has('value'), next_key: has('next_key'), flags: has('flags') },
    zeros: Object.fromEntries(numbers),
    scalars: [
      ...fields.filter((f) => !isBuffer(f)).map(({ name, kind }) => ({ name, kind })),
      ...lengths.map((name) => ({ name, kind: 'u32' as const })),
    ],
    buffers: fields.filter(isBuffer).map((f) => f.name),
    outputs: [
      ...fields.filter((f) => f.dir !== 'in' && !isBuffer(f)).map((f) => f.name),
      ...lengths,
      ...OWN_OUTPUTS[group],
    ],
  };
}

const PLANS: ReadonlyMap<unknown, Plan> = new Map(
  Object.entries(ATTR_LAYOUTS).map(([cmd, layout]) => [Number(cmd), planOf(layout)]),
);

/**
 * Copies an attribute: -EFAULT when it is no object, when reading it throws, or when a buffer is no bytes; -EINVAL when a value does
 * not fit its field. Numbers may be given as signed or unsigned.
 */
export function takeAttr(cmd: unknown, given: unknown): TakenAttr | number {
  const plan = PLANS.get(cmd);
  if (plan === undefined) return -ERRNO.EINVAL;
  try {
    return take(plan, given);
  } catch {
    // A getter or a proxy of the caller's threw.
    return -ERRNO.EFAULT;
  }
}

const NOTHING_TO_WRITE = (): number => 0;

/** The same for commands on one element, which are asked most: an attribute of one shape, and no outputs but buffers. */
function takeElem(plan: Plan, source: Fields): TakenAttr | number {
  const { key, value, next_key: next, map_fd: fd, flags } = source;
  const map_fd = fd === undefined || fd === null ? 0 : scalar('u32', fd);
  const wideFlags = !plan.takes.flags || flags === undefined || flags === null ? 0n : wide(flags);
  if (map_fd === undefined || wideFlags === undefined) return -ERRNO.EINVAL;
  const attr = {
    map_fd: map_fd as number,
    key: bytesOrNone(key, plan.takes.key),
    value: bytesOrNone(value, plan.takes.value),
    next_key: bytesOrNone(next, plan.takes.next_key),
    flags: wideFlags,
  };
  if (attr.key === null || attr.value === null || attr.next_key === null) return -ERRNO.EFAULT;
  return { attr: attr as unknown as TakenAttr['attr'], finish: NOTHING_TO_WRITE };
}

/** Undefined where there is nothing, or the command takes none; null for what is no bytes. */
function bytesOrNone(value: unknown, takes: boolean): Uint8Array | undefined | null {
  if (!takes || value === undefined || value === null) return undefined;
  return bytesOf(value) ?? null;
}

function take(plan: Plan, given: unknown): TakenAttr | number {
  if (plan.elem && isObject(given)) return takeElem(plan, given);
  const source = plan.group === '' || !isObject(given) ? given : given[plan.group];
  if (!isObject(source)) return -ERRNO.EFAULT;
  const fields: Fields = { ...plan.zeros };
  // Whatever runs a caller's code comes first: afterwards no buffer can be detached any more.
  const buffers = plan.buffers.map((name) => source[name]);
  const extra = plan.group === 'info' ? takeExtra(source) : undefined;
  for (const { name, kind } of plan.scalars) {
    const value = source[name];
    if (value === undefined || value === null) continue;
    const taken = scalar(kind, value);
    if (taken === undefined) return -ERRNO.EINVAL;
    fields[name] = taken;
  }
  for (let i = 0; i < buffers.length; i++) {
    const value = buffers[i];
    if (value === undefined || value === null) continue;
    const bytes = bytesOf(value);
    if (bytes === undefined) return -ERRNO.EFAULT;
    fields[plan.buffers[i]] = bytes;
  }
  if (extra !== undefined) {
    const bad = putExtra(fields, extra);
    if (bad < 0) return bad;
  }
  const before = { ...fields };
  const attr = (plan.group === '' ? fields : { [plan.group]: fields }) as unknown as TakenAttr['attr'];
  return { attr, finish: () => finish(plan.outputs, fields, before, source) };
}

/** Names and values of the buffers of an info struct. */
function takeExtra(source: Fields): { readonly kind: unknown; readonly buffers: [string, unknown][] } {
  const { kind, buffers } = source;
  return { kind, buffers: isObject(buffers) ? Object.entries(buffers) : [] };
}

function putExtra(fields: Fields, extra: ReturnType<typeof takeExtra>): number {
  const { kind } = extra;
  if (kind !== undefined && kind !== 'prog' && kind !== 'map' && kind !== 'btf') return -ERRNO.EINVAL;
  if (kind !== undefined) fields.kind = kind;
  if (extra.buffers.length === 0) return 0;
  const buffers: Record<string, Uint8Array> = Object.create(null) as Record<string, Uint8Array>;
  for (const [name, value] of extra.buffers) {
    const bytes = bytesOf(value);
    if (bytes === undefined) return -ERRNO.EFAULT;
    buffers[name] = bytes;
  }
  fields.buffers = buffers;
  return 0;
}

const isObject = (value: unknown): value is Fields =>
  (typeof value === 'object' && value !== null) || typeof value === 'function';

/** A value as its field holds it, or undefined when the field cannot. */
function scalar(kind: AttrField['kind'], value: unknown): unknown {
  switch (kind) {
    case 'u32':
    case 's32':
      if (typeof value !== 'number' || !Number.isInteger(value) || value < -0x8000_0000 || value > 0xffff_ffff)
        return undefined;
      return kind === 'u32' ? value >>> 0 : value | 0;
    case 'u64':
      return wide(value);
    default:
      return typeof value === 'string' ? untilNul(value) : undefined;
  }
}

const MIN_S64 = -(1n << 63n);
const MAX_U64 = (1n << 64n) - 1n;

function wide(value: unknown): bigint | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt.asUintN(64, BigInt(value)) : undefined;
  if (typeof value !== 'bigint' || value < MIN_S64 || value > MAX_U64) return undefined;
  return value < 0n ? BigInt.asUintN(64, value) : value;
}

function untilNul(text: string): string {
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

const TypedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;
const intrinsic = (name: string | symbol): ((of: unknown) => unknown) => {
  const { get } = Object.getOwnPropertyDescriptor(TypedArray, name) as { get(): unknown };
  return (of) => get.call(of);
};
const tagOf = intrinsic(Symbol.toStringTag);
const bufferOf = intrinsic('buffer');
const offsetOf = intrinsic('byteOffset');
const lengthOf = intrinsic('byteLength');

/**
 * A plain view of a caller's Uint8Array, of any realm and subclass: nothing that the caller overrides runs. Undefined for what is
 * none, and for one whose memory is gone.
 */
function bytesOf(value: unknown): Uint8Array | undefined {
  if (tagOf(value) !== 'Uint8Array') return undefined;
  try {
    return new Uint8Array(bufferOf(value) as ArrayBuffer, offsetOf(value) as number, lengthOf(value) as number);
  } catch {
    return undefined;
  }
}

function finish(outputs: readonly string[], fields: Fields, before: Fields, to: Fields): number {
  try {
    for (const name of outputs.length === 0 ? NONE : outputs) {
      const value = fields[name];
      if (value !== undefined && value !== before[name]) to[name] = value;
    }
    return 0;
  } catch {
    return -ERRNO.EFAULT;
  }
}
