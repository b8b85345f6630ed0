/** Buffers of callers: their bytes, and pointers of union bpf_attr that lead to none: to nothing, or to memory that cannot be read. */

/**
 * A pointer that cannot be followed, in the place of its bytes: it has none, but keeps the length that the caller gave. Commands
 * look at lengths first and follow pointers later, as the kernel does.
 */
export class BadBuffer extends Uint8Array<ArrayBuffer> {
  /**
   * @param claimed bytes that the attribute says to lie there
   * @param isNull the pointer is null
   */
  constructor(
    readonly claimed: number,
    readonly isNull: boolean,
  ) {
    super(new ArrayBuffer(0));
  }

  /** Parts of it are plain and empty. */
  static get [Symbol.species](): Uint8ArrayConstructor {
    return Uint8Array;
  }
}

/** Whether there is a pointer that cannot be followed: only what has no bytes is asked for its class, which is slow. */
export const isBadBuffer = (buffer: Uint8Array | undefined): buffer is BadBuffer =>
  buffer !== undefined && buffer.length === 0 && buffer instanceof BadBuffer;

/** The length that the caller gave, whether or not there are bytes. */
export function claimedLength(buffer: Uint8Array | undefined): number {
  if (buffer === undefined) return 0;
  return isBadBuffer(buffer) ? buffer.claimed : buffer.length;
}

/** Whether the pointer is null. */
export function isNullBuffer(buffer: Uint8Array | undefined): boolean {
  return buffer === undefined || (isBadBuffer(buffer) && buffer.isNull);
}

/** Whether following the pointer faults: there is a length and no memory behind it. */
export function faults(buffer: Uint8Array | undefined): boolean {
  return isBadBuffer(buffer) && buffer.claimed > 0;
}

/**
 * A caller's Uint8Array as it was given, of any realm and subclass: its own properties may be anything and may run code, so only its
 * elements are asked, and the engine's own methods. Longer than what is asked for or shorter, and gone when its memory was detached.
 */
export interface UserBytes {
  readonly [Symbol.toStringTag]: 'Uint8Array';
}

const TypedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;
const getter = (name: string | symbol): (() => unknown) =>
  (Object.getOwnPropertyDescriptor(TypedArray, name) as { get(): unknown }).get;
// Each by its own name: engines inline what a constant calls.
const tagOf = getter(Symbol.toStringTag);
const bufferOf = getter('buffer');
const offsetOf = getter('byteOffset');
const lengthOf = getter('byteLength');
// Copies of bytes look at nothing that a caller can override: neither in what they read nor in what they write.
const setBytes = Uint8Array.prototype.set;

/** Up to here a loop is faster than a call. */
const SHORT = 8;

/** Whether a value is bytes, in memory that may be gone. */
export const isUserBytes = (value: unknown): value is UserBytes => tagOf.call(value as object) === 'Uint8Array';

/** The first bytes of a caller's buffer fill `to` (copy_from_user): whether there are as many. */
export function copyFromUser(to: Uint8Array, from: UserBytes): boolean {
  const size = to.length;
  const bytes = from as Uint8Array;
  if (size === 0) return true;
  // Elements cannot be overridden; those that are not there are undefined.
  if (bytes[size - 1] === undefined) return false;
  if (size === 4) {
    // The size of most keys, without a loop.
    to[0] = bytes[0];
    to[1] = bytes[1];
    to[2] = bytes[2];
    to[3] = bytes[3];
  } else if (size <= SHORT) for (let i = 0; i < size; i++) to[i] = bytes[i];
  else setBytes.call(to, bytes[size] === undefined ? bytes : (viewUser(from) as Uint8Array).subarray(0, size));
  return true;
}

/** All of `from` to the beginning of a caller's buffer (copy_to_user): whether it has room. */
export function copyToUser(to: UserBytes, from: Uint8Array): boolean {
  return copyBytesToUser(to, from, 0, from.length);
}

/** `size` bytes of `from` beginning at `at`, as {@link copyToUser}. */
export function copyBytesToUser(to: UserBytes, from: Uint8Array, at: number, size: number): boolean {
  const bytes = to as Uint8Array;
  if (size === 0) return true;
  if (bytes[size - 1] === undefined) return false;
  if (size <= SHORT) for (let i = 0; i < size; i++) bytes[i] = from[at + i];
  else setBytes.call(bytes, size === from.length ? from : from.subarray(at, at + size));
  return true;
}

/** A plain view of a caller's buffer, or undefined when its memory is gone. */
export function viewUser(bytes: UserBytes): Uint8Array | undefined {
  try {
    return new Uint8Array(
      bufferOf.call(bytes) as ArrayBuffer,
      offsetOf.call(bytes) as number,
      lengthOf.call(bytes) as number,
    );
  } catch {
    return undefined;
  }
}
