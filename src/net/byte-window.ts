/** A file as its readers see it: all of it, or the part of a stream that is in memory, which moves along. */

/** Where the bytes of a stream come from, from its beginning on. */
export interface ByteSource {
  /** Reads some of the next bytes into the front of `into`; how many, 0 at the end. */
  read(into: Uint8Array): number;
}

/** Bytes that are read at once. */
const STEP = 1 << 20;
/** Most bytes of a stream that are held: no record of a capture is longer. */
export const MOST_RECORD = 1 << 26;

/** Numbers and bytes by their offset in the file; those of a stream only from where {@link ByteWindow.have} was last asked. */
export class ByteWindow {
  #bytes: Uint8Array;
  #view: DataView;
  /** Offset in the file of the first of them, and how many there are. */
  #start = 0;
  #length: number;
  readonly #source: ByteSource | undefined;
  #ended: boolean;

  constructor(from: Uint8Array | ByteSource) {
    const whole = from instanceof Uint8Array ? from : undefined;
    this.#source = whole === undefined ? (from as ByteSource) : undefined;
    this.#bytes = whole ?? new Uint8Array(STEP);
    this.#view = viewOf(this.#bytes);
    this.#length = whole?.length ?? 0;
    this.#ended = whole !== undefined;
  }

  /** Bytes that there are from `at` on: at least `count`, or {@link MOST_RECORD}, or all to the end of the file. What lies before `at` may be gone. */
  have(at: number, count: number): number {
    const here = this.#start + this.#length - at;
    return here >= count || this.#ended ? here : this.#more(at, count);
  }

  /** Whether nothing is gone yet. */
  get atStart(): boolean {
    return this.#start === 0;
  }

  u16(at: number, little: boolean): number {
    return this.#view.getUint16(at - this.#start, little);
  }

  u32(at: number, little: boolean): number {
    return this.#view.getUint32(at - this.#start, little);
  }

  i32(at: number, little: boolean): number {
    return this.#view.getInt32(at - this.#start, little);
  }

  u8(at: number): number {
    return this.#bytes[at - this.#start];
  }

  /** A view of bytes, which stays as it is when the window moves. */
  slice(at: number, count: number): Uint8Array {
    const from = at - this.#start;
    return this.#bytes.subarray(from, from + count);
  }

  /** Moves what is there from `at` on into new memory, since the old may be in use, and reads until `count` bytes are there. */
  #more(at: number, count: number): number {
    const source = this.#source as ByteSource;
    const kept = Math.max(0, this.#start + this.#length - at);
    let skip = Math.max(0, at - (this.#start + this.#length));
    const bytes = new Uint8Array(Math.max(STEP, Math.min(count, MOST_RECORD)));
    if (kept > 0) bytes.set(this.#bytes.subarray(this.#length - kept, this.#length));
    while (skip > 0 && !this.#ended) {
      const read = source.read(bytes.subarray(0, Math.min(skip, bytes.length)));
      this.#ended = read === 0;
      skip -= read;
    }
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
    this.#start = at - skip;
    this.#length = kept;
    while (this.#length < bytes.length && !this.#ended) {
      const read = source.read(bytes.subarray(this.#length));
      this.#ended = read === 0;
      this.#length += read;
    }
    return this.#start + this.#length - at;
  }
}

/** A window for each iteration over a file; the one that its header was looked at through is the first, where nothing is gone yet. */
export function windows(open: () => Uint8Array | ByteSource, head: ByteWindow): () => ByteWindow {
  let first: ByteWindow | undefined = head;
  return () => {
    const window = first?.atStart ? first : new ByteWindow(open());
    first = undefined;
    return window;
  };
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
