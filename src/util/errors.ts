/** Error classes that everybody throws: bad input from outside, a run that was stopped, and a bug of our own. */

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

/** Something that the simulated kernel cannot do faithfully, so it is not done at all. */
export class NotSimulated extends Error {
  override readonly name = 'NotSimulated';
  /**
   * @param what what was asked for
   * @param detail what it lacks, one sentence without a full stop
   */
  constructor(
    readonly what: string,
    readonly detail: string,
  ) {
    super(`${what}: ${detail}`);
  }
}

/** Why a run ended without a result. */
export type AbortReason =
  | 'out-of-bounds'
  | 'misaligned'
  | 'read-only-register'
  | 'unknown-opcode'
  | 'unknown-helper'
  | 'call-depth'
  | 'stack-overflow'
  | 'bad-jump'
  | 'fuel'
  | 'deadline'
  | 'unsupported';

/** A run that was stopped: by a check of guard mode, by its fuel, or by its deadline. */
export class ProgramAbort extends Error {
  override readonly name = 'ProgramAbort';
  /**
   * @param pc instruction slot, -1 when it is not known
   * @param address guest address of a refused access, as hi and lo halves, undefined otherwise
   */
  constructor(
    readonly reason: AbortReason,
    readonly pc: number,
    detail: string,
    readonly address?: readonly [hi: number, lo: number],
  ) {
    super(pc < 0 ? detail : `insn ${pc}: ${detail}`);
  }
}
