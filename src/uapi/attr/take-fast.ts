/** Attributes of commands that are asked often, on elements, batches and test runs: taken field by field, by hand. */
import type { BpfAttrs, MapBatchAttr, TestRunAttr } from './attr.ts';
import { bytesOf, type Fields, flags32OrZero, isObject, u32OrZero, wideOrZero } from './values.ts';
import { ERRNO } from '../errno.ts';
import { isUserBytes, type UserBytes } from './user-buffer.ts';

/** A caller's attribute, checked and copied; buffers are views of the caller's memory. */
export interface TakenAttr {
  readonly attr: BpfAttrs[keyof BpfAttrs];
  /** Writes outputs to the caller's object: 0, or -EFAULT when it does not take them. Absent where buffers are the only outputs. */
  finish?(): number;
}

export type Taker = (given: Fields) => TakenAttr | number;

/** Takers by the name of the attribute's struct. */
export const FAST: Readonly<Record<string, Taker | undefined>> = {
  batch: takeBatch,
  test: takeTest,
};

/** Undefined where there is nothing; null for what is no bytes. */
function bytesOrNone(value: unknown): Uint8Array | undefined | null {
  if (value === undefined || value === null) return undefined;
  return bytesOf(value) ?? null;
}

function takeBatch({ batch: source }: Fields): TakenAttr | number {
  if (!isObject(source)) return -ERRNO.EFAULT;
  const { in_batch: from, out_batch: to, keys, values, count, map_fd, elem_flags, flags } = source;
  const batch = {
    in_batch: undefined as Uint8Array | undefined | null,
    out_batch: undefined as Uint8Array | undefined | null,
    keys: undefined as Uint8Array | undefined | null,
    values: undefined as Uint8Array | undefined | null,
    count: u32OrZero(count),
    map_fd: u32OrZero(map_fd),
    elem_flags: wideOrZero(elem_flags),
    flags: wideOrZero(flags),
  };
  if (batch.count === undefined || batch.map_fd === undefined) return -ERRNO.EINVAL;
  if (batch.elem_flags === undefined || batch.flags === undefined) return -ERRNO.EINVAL;
  batch.in_batch = bytesOrNone(from);
  batch.out_batch = bytesOrNone(to);
  batch.keys = bytesOrNone(keys);
  batch.values = bytesOrNone(values);
  if (batch.in_batch === null || batch.out_batch === null || batch.keys === null || batch.values === null)
    return -ERRNO.EFAULT;
  const before = batch.count;
  const finish = (): number => (batch.count === before ? 0 : put(source, 'count', batch.count));
  return { attr: { batch } as unknown as MapBatchAttr, finish };
}

function takeTest({ test: source }: Fields): TakenAttr | number {
  if (!isObject(source)) return -ERRNO.EFAULT;
  const { data_in, data_out, ctx_in, ctx_out } = source;
  const { prog_fd, retval, repeat, duration, flags, cpu, batch_size, data_size_out, ctx_size_out } = source;
  const test = {
    prog_fd: u32OrZero(prog_fd),
    retval: u32OrZero(retval),
    data_in: undefined as Uint8Array | undefined | null,
    data_out: undefined as Uint8Array | undefined | null,
    data_size_out: isGiven(data_size_out) ? u32OrZero(data_size_out) : undefined,
    repeat: u32OrZero(repeat),
    duration: u32OrZero(duration),
    ctx_in: undefined as Uint8Array | undefined | null,
    ctx_out: undefined as Uint8Array | undefined | null,
    ctx_size_out: isGiven(ctx_size_out) ? u32OrZero(ctx_size_out) : undefined,
    flags: u32OrZero(flags),
    cpu: u32OrZero(cpu),
    batch_size: u32OrZero(batch_size),
    aborted: undefined as string | undefined,
  };
  if (test.prog_fd === undefined || test.retval === undefined || test.repeat === undefined) return -ERRNO.EINVAL;
  if (test.duration === undefined || test.flags === undefined || test.cpu === undefined) return -ERRNO.EINVAL;
  if (test.batch_size === undefined) return -ERRNO.EINVAL;
  if (isGiven(data_size_out) && test.data_size_out === undefined) return -ERRNO.EINVAL;
  if (isGiven(ctx_size_out) && test.ctx_size_out === undefined) return -ERRNO.EINVAL;
  test.data_in = bytesOrNone(data_in);
  test.data_out = bytesOrNone(data_out);
  test.ctx_in = bytesOrNone(ctx_in);
  test.ctx_out = bytesOrNone(ctx_out);
  if (test.data_in === null || test.data_out === null || test.ctx_in === null || test.ctx_out === null)
    return -ERRNO.EFAULT;
  const before = [retval, duration, test.data_size_out, test.ctx_size_out] as const;
  return { attr: { test } as unknown as TestRunAttr, finish: () => putTest(source, test, before) };
}

const isGiven = (value: unknown): boolean => value !== undefined && value !== null;

interface TestOutputs {
  readonly retval: number | undefined;
  readonly duration: number | undefined;
  readonly data_size_out: number | undefined;
  readonly ctx_size_out: number | undefined;
  readonly aborted: string | undefined;
}

/** Outputs that differ from what the caller has, in the order of the struct; a result of 0 counts. */
function putTest(to: Fields, test: TestOutputs, before: readonly unknown[]): number {
  try {
    if (test.retval !== before[0]) to['retval'] = test.retval;
    if (test.duration !== before[1]) to['duration'] = test.duration;
    if (test.data_size_out !== before[2]) to['data_size_out'] = test.data_size_out;
    if (test.ctx_size_out !== before[3]) to['ctx_size_out'] = test.ctx_size_out;
    if (test.aborted !== undefined) to['aborted'] = test.aborted;
    return 0;
  } catch {
    return -ERRNO.EFAULT;
  }
}

function put(to: Fields, name: string, value: unknown): number {
  try {
    to[name] = value;
    return 0;
  } catch {
    return -ERRNO.EFAULT;
  }
}

// Commands on one element: their fields become arguments, and no buffer is looked at, since commands copy what they need of it.

/** A buffer of the caller's, when it gave one. */
type Bytes = UserBytes | undefined;

const fits = (value: unknown): value is Bytes | null => value === undefined || value === null || isUserBytes(value);

/** Calls `run` with a key: -EFAULT when there is no attribute to read or the key is no bytes, -EINVAL when a number does not fit. */
export function takeKey<E>(given: unknown, env: E, run: (env: E, fd: number, key: Bytes) => number): number {
  if (!isObject(given)) return -ERRNO.EFAULT;
  let map_fd: unknown;
  let key: unknown;
  try {
    ({ map_fd, key } = given);
  } catch {
    return -ERRNO.EFAULT;
  }
  const fd = u32OrZero(map_fd);
  if (fd === undefined) return -ERRNO.EINVAL;
  return fits(key) ? run(env, fd, key ?? undefined) : -ERRNO.EFAULT;
}

/** As {@link takeKey}, with room for the next key. */
export function takeNextKey<E>(
  given: unknown,
  env: E,
  run: (env: E, fd: number, key: Bytes, next: Bytes) => number,
): number {
  if (!isObject(given)) return -ERRNO.EFAULT;
  let map_fd: unknown;
  let key: unknown;
  let next_key: unknown;
  try {
    ({ map_fd, key, next_key } = given);
  } catch {
    return -ERRNO.EFAULT;
  }
  const fd = u32OrZero(map_fd);
  if (fd === undefined) return -ERRNO.EINVAL;
  if (!fits(key) || !fits(next_key)) return -ERRNO.EFAULT;
  return run(env, fd, key ?? undefined, next_key ?? undefined);
}

/** As {@link takeKey}, with a value or room for it, and flags. */
export function takeValue<E>(
  given: unknown,
  env: E,
  run: (env: E, fd: number, key: Bytes, value: Bytes, flags: number) => number,
): number {
  if (!isObject(given)) return -ERRNO.EFAULT;
  let map_fd: unknown;
  let key: unknown;
  let value: unknown;
  let flags: unknown;
  try {
    ({ map_fd, key, value, flags } = given);
  } catch {
    return -ERRNO.EFAULT;
  }
  const fd = u32OrZero(map_fd);
  const bits = flags32OrZero(flags);
  if (fd === undefined || bits === undefined) return -ERRNO.EINVAL;
  if (!fits(key) || !fits(value)) return -ERRNO.EFAULT;
  return run(env, fd, key ?? undefined, value ?? undefined, bits);
}
