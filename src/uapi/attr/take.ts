/** Typed attributes as a caller gave them, of whatever types, to attributes of the declared types: each field is read once. */
import { type AttrField, ATTR_LAYOUTS, type AttrLayout } from './layout.ts';
import { FAST, type TakenAttr, type Taker } from './take-fast.ts';
import { bytesOf, elements, type Fields, isObject, scalar } from './values.ts';
import { INFO_LAYOUTS } from '../info-layout.ts';
import { lazyRow } from '../../util/lazy.ts';
import { ERRNO } from '../errno.ts';

interface Parts {
  /** The value of 32-bit fields that the caller leaves out. */
  readonly zeros: Readonly<Record<string, number>>;
  readonly scalars: readonly { readonly name: string; readonly kind: AttrField['kind'] }[];
  readonly buffers: readonly string[];
}

interface Plan extends Parts {
  readonly group: AttrLayout['group'];
  readonly fast: Taker | undefined;
  readonly arms: readonly { readonly name: string; readonly parts: Parts }[];
  readonly outputs: readonly string[];
}

/** Outputs that only the embedded kernel has. */
const OWN_OUTPUTS: Readonly<Record<AttrLayout['group'], readonly string[]>> = {
  '': ['unsupported'],
  batch: [],
  test: ['aborted'],
  info: [],
  query: ['unsupported'],
  raw_tracepoint: ['unsupported'],
  task_fd_query: [],
  link_create: ['unsupported'],
  link_update: [],
  link_detach: [],
  enable_stats: [],
  iter_create: ['unsupported'],
  prog_bind_map: [],
  token_create: [],
  prog_stream_read: [],
};

const isBuffer = (f: AttrField): boolean => f.kind === 'buf' || f.kind === 'log';
const lengthsOf = (fields: readonly AttrField[]): readonly string[] =>
  fields.flatMap((f) => (f.lenName === undefined ? [] : [f.lenName]));

/** @param zeroed outputs are 0 before, where a result of 0 is then no news */
function partsOf(fields: readonly AttrField[], zeroed = false): Parts {
  const numbers = fields
    .filter((f) => (f.kind === 'u32' || f.kind === 's32') && (zeroed || f.dir === 'in'))
    .map((f): [string, number] => [f.name, 0]);
  return {
    zeros: Object.fromEntries(numbers),
    scalars: [
      ...fields.filter((f) => !isBuffer(f)).map(({ name, kind }) => ({ name, kind })),
      ...lengthsOf(fields).map((name) => ({ name, kind: 'u32' as const })),
    ],
    buffers: fields.filter(isBuffer).map((f) => f.name),
  };
}

function planOf({ group, fields, arms = {} }: AttrLayout): Plan {
  return {
    group,
    fast: FAST[group],
    ...partsOf(fields, FAST[group] !== undefined),
    arms: Object.entries(arms).map(([name, of]) => ({ name, parts: partsOf(of) })),
    outputs: [
      ...fields.filter((f) => f.dir !== 'in' && !isBuffer(f)).map((f) => f.name),
      ...lengthsOf(fields),
      ...OWN_OUTPUTS[group],
    ],
  };
}

/** By the number of the command. */
const planFor = lazyRow((cmd): Plan | undefined => {
  const layout = (ATTR_LAYOUTS as Readonly<Record<number, AttrLayout | undefined>>)[cmd];
  return layout === undefined ? undefined : planOf(layout);
});

/**
 * Copies an attribute: -EFAULT when it is no object, when reading it throws, or when a buffer is no bytes; -EINVAL when a value does
 * not fit its field. Numbers may be given as signed or unsigned.
 */
export function takeAttr(cmd: unknown, given: unknown): TakenAttr | number {
  const plan = typeof cmd === 'number' ? planFor(cmd) : undefined;
  if (plan === undefined) return -ERRNO.EINVAL;
  try {
    return plan.fast !== undefined && isObject(given) ? plan.fast(given) : take(plan, given);
  } catch {
    // A getter or a proxy of the caller's threw.
    return -ERRNO.EFAULT;
  }
}

/** The same by nothing but the layout of the command, which is slower: what all takers must agree with. */
export function takeByLayout(cmd: keyof typeof ATTR_LAYOUTS, given: unknown): TakenAttr | number {
  try {
    return take(planFor(cmd) as Plan, given);
  } catch {
    return -ERRNO.EFAULT;
  }
}

function take(plan: Plan, given: unknown): TakenAttr | number {
  const source = plan.group === '' || !isObject(given) ? given : given[plan.group];
  if (!isObject(source)) return -ERRNO.EFAULT;
  const fields: Fields = { ...plan.zeros };
  // Whatever runs a caller's code comes first: afterwards no buffer can be detached any more.
  const buffers = plan.buffers.map((name) => source[name]);
  const arms = plan.arms.map(({ name }) => source[name]);
  const raw = arms.map((arm, i) => (isObject(arm) ? rawFields(plan.arms[i].parts, arm) : undefined));
  const extra = plan.group === 'info' ? takeExtra(source) : undefined;
  const bad = takeParts(plan, fields, (name) => source[name], buffers);
  if (bad < 0) return bad;
  for (let i = 0; i < arms.length; i++) {
    if (arms[i] === undefined || arms[i] === null) continue;
    const { name, parts } = plan.arms[i];
    const given = raw[i];
    if (given === undefined) return -ERRNO.EFAULT;
    const arm: Fields = { ...parts.zeros };
    const wrong = takeParts(
      parts,
      arm,
      (field) => given[field],
      parts.buffers.map((field) => given[field]),
    );
    if (wrong < 0) return wrong;
    fields[name] = arm;
  }
  if (extra !== undefined) {
    const wrong = putExtra(fields, extra);
    if (wrong < 0) return wrong;
  }
  const before = plan.outputs.map((name) => fields[name]);
  const attr = (plan.group === '' ? fields : { [plan.group]: fields }) as unknown as TakenAttr['attr'];
  return { attr, finish: () => finish(plan.outputs, fields, before, source) };
}

/** What a caller's struct holds, as it is. */
function rawFields({ scalars, buffers }: Parts, source: Fields): Fields {
  const raw: Fields = Object.create(null) as Fields;
  for (const { name, kind } of scalars) raw[name] = kind === 'strs' ? elements(source[name]) : source[name];
  for (const name of buffers) raw[name] = source[name];
  return raw;
}

/** Puts what is given into the fields of their kinds: 0 or -errno. */
function takeParts(
  { scalars, buffers: names }: Parts,
  fields: Fields,
  given: (name: string) => unknown,
  buffers: readonly unknown[],
): number {
  for (const { name, kind } of scalars) {
    const value = given(name);
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
    fields[names[i]] = bytes;
  }
  return 0;
}

/** Names and values of the buffers of an info struct. */
function takeExtra(source: Fields): { readonly kind: unknown; readonly buffers: [string, unknown][] } {
  const { kind, buffers } = source;
  return { kind, buffers: isObject(buffers) ? Object.entries(buffers) : [] };
}

function putExtra(fields: Fields, extra: ReturnType<typeof takeExtra>): number {
  const { kind } = extra;
  if (kind !== undefined && !(typeof kind === 'string' && Object.hasOwn(INFO_LAYOUTS, kind))) return -ERRNO.EINVAL;
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

function finish(outputs: readonly string[], fields: Fields, before: readonly unknown[], to: Fields): number {
  try {
    for (let i = 0; i < outputs.length; i++) {
      const value = fields[outputs[i]];
      if (value !== undefined && value !== before[i]) to[outputs[i]] = value;
    }
    return 0;
  } catch {
    return -ERRNO.EFAULT;
  }
}
