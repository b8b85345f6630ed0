/** Pointers of union bpf_attr that lead to no bytes: to nothing, or to memory that cannot be read. */

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

/** The length that the caller gave, whether or not there are bytes. */
export function claimedLength(buffer: Uint8Array | undefined): number {
  return buffer instanceof BadBuffer ? buffer.claimed : (buffer?.length ?? 0);
}

/** Whether the pointer is null. */
export function isNullBuffer(buffer: Uint8Array | undefined): boolean {
  return buffer === undefined || (buffer instanceof BadBuffer && buffer.isNull);
}

/** Whether following the pointer faults: there is a length and no memory behind it. */
export function faults(buffer: Uint8Array | undefined): boolean {
  return buffer instanceof BadBuffer && buffer.claimed > 0;
}
