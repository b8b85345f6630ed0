/** A bound on walks through types by value: hostile BTF nests without end, or doubles itself at every level. */
import { FormatError } from '../util/errors.ts';
import type { BtfEnumValue, BtfType } from './types.ts';

const MAX_DEPTH = 64;
/** Parts of a small value: structs without members, unions that show the same bytes in many ways. */
const LEAST_PARTS = 1 << 14;
/** Parts for each byte of a value. */
const PARTS_PER_BYTE = 8;
/** No walk takes more, however large the value. */
const MOST_PARTS = 4_000_000;

/** Parts that a value of so many bytes may have. */
export const partsOf = (bytes: number): number => Math.min(MOST_PARTS, LEAST_PARTS + PARTS_PER_BYTE * bytes);

export class Walk {
  #depth = 0;
  #steps = 0;
  readonly #enums = new Map<number, Enumerators>();

  constructor(readonly maxSteps = MOST_PARTS) {}

  /** Parts that were met. */
  get steps(): number {
    return this.#steps;
  }

  /** Goes one level in; each call needs its {@link leave}. */
  enter(): void {
    if (++this.#depth > MAX_DEPTH) throw new FormatError('BTF', -1, `types nest more than ${MAX_DEPTH} deep`);
    this.step(1);
  }

  /** Counts parts that need no level of their own. */
  step(parts: number): void {
    this.#steps += parts;
    if (this.#steps > this.maxSteps)
      throw new FormatError('BTF', -1, `a value or declaration has more than ${this.maxSteps} parts`);
  }

  leave(): void {
    this.#depth--;
  }

  /** Enumerators by name and by value, made once. */
  enumerators(t: BtfType): Enumerators {
    let known = this.#enums.get(t.id);
    if (known === undefined) {
      this.step(t.vlen);
      known = { byName: new Map(), byValue: new Map() };
      for (const v of t.values) {
        if (!known.byName.has(v.name)) known.byName.set(v.name, v);
        if (!known.byValue.has(v.value)) known.byValue.set(v.value, v);
      }
      this.#enums.set(t.id, known);
    }
    return known;
  }
}

export interface Enumerators {
  readonly byName: Map<string, BtfEnumValue>;
  readonly byValue: Map<bigint, BtfEnumValue>;
}
