/** The two error classes that carry no eBPF words: bad input from outside, and a bug of our own. */

/** Input that cannot be read: which format, where in it, and what was expected there. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
  /**
   * @param format the format being read, as its users write it (`ELF`, `BTF`, `pcap`, `hex`)
   * @param offset byte offset of the offending field in the input, or -1 when no single byte is at fault
   * @param detail what was found and what was expected, one sentence without a full stop
   */
  constructor(
    readonly format: string,
    readonly offset: number,
    readonly detail: string,
  ) {
    super(offset < 0 ? `${format}: ${detail}` : `${format}: ${detail} (at offset ${offset})`);
  }
}

/** A broken invariant of Skep itself, never a fault of the input. */
export class InternalError extends Error {
  override readonly name = 'InternalError';
}

/** Throws {@link InternalError} unless `condition` holds. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InternalError(message);
}
