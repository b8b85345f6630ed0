/** The cost limit of reading one input: work that hostile input multiplies is counted, and bounded by the bytes that were read. */
import { FormatError } from './errors.ts';

/** Bytes of work for each byte of input; what compilers write stays below 3. */
const PER_BYTE = 8;
/** The allowance of small inputs. */
const LEAST = 1 << 20;

export class Budget {
  readonly limit: number;
  #left: number;

  /** @param format the format that is read, for the message */
  constructor(
    readonly format: string,
    inputBytes: number,
    perByte = PER_BYTE,
  ) {
    this.limit = LEAST + perByte * inputBytes;
    this.#left = this.limit;
  }

  /** Counts work; throws FormatError where it grows out of proportion. `what` names it in the plural: `names`. */
  spend(bytes: number, what: string, offset = -1): void {
    this.#left -= bytes;
    if (!(this.#left >= 0))
      throw new FormatError(
        this.format,
        offset,
        `${what} repeat or overlap: they come to more than ${this.limit} bytes in all`,
      );
  }
}
