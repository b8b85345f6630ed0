/** A growing buffer of bytes with numbers of either byte order. */

const FIRST = 4096;

export class BytesOut {
  #bytes = new Uint8Array(FIRST);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  readonly #little: boolean;

  constructor(littleEndian: boolean) {
    this.#little = littleEndian;
  }

  get length(): number {
    return this.#length;
  }

  // Making room may replace the view, so it comes first.
  u16(value: number): void {
    const at = this.#room(2);
    this.#view.setUint16(at, value, this.#little);
  }

  u32(value: number): void {
    const at = this.#room(4);
    this.#view.setUint32(at, value, this.#little);
  }

  bytes(from: Uint8Array): void {
    const at = this.#room(from.length);
    this.#bytes.set(from, at);
  }

  zeros(count: number): void {
    const at = this.#room(count);
    this.#bytes.fill(0, at, at + count);
  }

  /** Everything that is there: a view that later writes may leave behind. */
  result(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** The same, taken out: what is written next begins anew, in the same memory. */
  take(): Uint8Array {
    const out = this.result();
    this.#length = 0;
    return out;
  }

  #room(count: number): number {
    const at = this.#length;
    const need = at + count;
    if (need > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(need, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.#length = need;
    return at;
  }
}
