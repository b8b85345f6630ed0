/** A bound on walks through types by value: hostile BTF nests without end, or doubles itself at every level. */
import { FormatError } from '../util/errors.ts';

const MAX_DEPTH = 64;

export class Walk {
  #depth = 0;
  #steps = 0;

  constructor(readonly maxSteps = 4_000_000) {}

  /** Goes one level in; each call needs its {@link leave}. */
  enter(): void {
    if (++this.#depth > MAX_DEPTH) throw new FormatError('BTF', -1, `types nest more than ${MAX_DEPTH} deep`);
    if (++this.#steps > this.maxSteps)
      throw new FormatError('BTF', -1, `a value or declaration has more than ${this.maxSteps} parts`);
  }

  leave(): void {
    this.#depth--;
  }
}
