/**
 * Constants that were stored to the stack and are still there: keys of map lookups, most of all. Slots are told apart by their
 * offset from r10; a store through any other pointer, and a call that may write, end all knowledge.
 */
const MOST = 16;

export class KnownSlots {
  #count = 0;
  readonly #off = new Int32Array(MOST);
  readonly #size = new Int32Array(MOST);
  readonly #lo = new Int32Array(MOST);
  readonly #hi = new Int32Array(MOST);

  clear(): void {
    this.#count = 0;
  }

  /** Bytes at these offsets changed to something unknown. */
  forget(off: number, size: number): void {
    for (let k = this.#count - 1; k >= 0; k--) {
      if (this.#off[k] + this.#size[k] <= off || off + size <= this.#off[k]) continue;
      const last = --this.#count;
      this.#off[k] = this.#off[last];
      this.#size[k] = this.#size[last];
      this.#lo[k] = this.#lo[last];
      this.#hi[k] = this.#hi[last];
    }
  }

  /** A constant was stored: the `size` lowest bytes of it. */
  note(off: number, size: number, lo: number, hi: number): void {
    this.forget(off, size);
    if (this.#count === MOST) return;
    const k = this.#count++;
    this.#off[k] = off;
    this.#size[k] = size;
    this.#lo[k] = lo;
    this.#hi[k] = hi;
  }

  /** The result of a zero-extending load of `size` bytes, as halves; undefined when it is unknown. */
  load(off: number, size: number): readonly [lo: number, hi: number] | undefined {
    for (let k = 0; k < this.#count; k++) {
      if (this.#off[k] !== off || this.#size[k] < size) continue;
      const lo = this.#lo[k];
      if (size === 8) return [lo, this.#hi[k]];
      return [size === 4 ? lo : lo & ((1 << (8 * size)) - 1), 0];
    }
    return undefined;
  }
}
