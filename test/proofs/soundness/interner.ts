/** Keeps each distinct tuple of int32 words once and numbers the tuples from 1 on. */
export class Interner {
  /** All tuples, one behind the other. */
  words = new Int32Array(1 << 10);
  /** Where tuple `id` begins, and the next one. */
  #starts = new Int32Array(1 << 8);
  /** Open addressing; 0 is free. */
  #table = new Int32Array(1 << 8);
  #count = 0;

  /** Number of tuples. */
  get size(): number {
    return this.#count;
  }

  /** Words in use. */
  get used(): number {
    return this.#starts[this.#count + 1];
  }

  start(id: number): number {
    return this.#starts[id];
  }

  length(id: number): number {
    return this.#starts[id + 1] - this.#starts[id];
  }

  /** The number of the tuple of `length` words at the beginning of `from`. */
  of(from: Int32Array, length: number): number {
    let h = length;
    for (let i = 0; i < length; i++) {
      h = Math.imul(h ^ from[i], 0x9e3779b1);
      h ^= h >>> 15;
    }
    const mask = this.#table.length - 1;
    let slot = h & mask;
    for (let id = this.#table[slot]; id !== 0; id = this.#table[slot]) {
      if (this.#equals(id, from, length)) return id;
      slot = (slot + 1) & mask;
    }
    const id = this.#append(from, length);
    this.#table[slot] = id;
    if (this.#count * 2 > this.#table.length) this.#rehash();
    return id;
  }

  #equals(id: number, from: Int32Array, length: number): boolean {
    const at = this.#starts[id];
    if (this.#starts[id + 1] - at !== length) return false;
    const { words } = this;
    for (let i = 0; i < length; i++) if (words[at + i] !== from[i]) return false;
    return true;
  }

  #append(from: Int32Array, length: number): number {
    const id = ++this.#count;
    if (id + 2 > this.#starts.length) this.#starts = grown(this.#starts, id + 2);
    const at = this.#starts[id];
    if (at + length > this.words.length) this.words = grown(this.words, at + length);
    for (let i = 0; i < length; i++) this.words[at + i] = from[i];
    this.#starts[id + 1] = at + length;
    return id;
  }

  #rehash(): void {
    const table = new Int32Array(this.#table.length * 2);
    const mask = table.length - 1;
    for (let id = 1; id <= this.#count; id++) {
      let h = this.length(id);
      for (let i = this.#starts[id]; i < this.#starts[id + 1]; i++) {
        h = Math.imul(h ^ this.words[i], 0x9e3779b1);
        h ^= h >>> 15;
      }
      let slot = h & mask;
      while (table[slot] !== 0) slot = (slot + 1) & mask;
      table[slot] = id;
    }
    this.#table = table;
  }
}

function grown(array: Int32Array, least: number): Int32Array<ArrayBuffer> {
  const out = new Int32Array(Math.max(least, array.length * 2));
  out.set(array);
  return out;
}
