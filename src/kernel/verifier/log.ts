/** The verifier's log: level 1 (what happened), 2 (every state), 4 (statistics); keeps the end when it grows beyond its limit. */

export const BPF_LOG_LEVEL1 = 1;
export const BPF_LOG_LEVEL2 = 2;
export const BPF_LOG_STATS = 4;
export const BPF_LOG_FIXED = 8;

/** Bytes kept at level 0, where only messages are written: enough for the last line. */
const MESSAGES = 4096;
const FIRST_CAPACITY = 1024;
const NEWLINE = 10;

/**
 * Text is kept as UTF-16 units in one ring: a million instructions write a hundred megabytes of short strings, which as
 * objects keep the garbage collector busy for longer than the verification takes.
 */
export class VerifierLog {
  readonly level: number;
  /** Instructions and states are printed, beside messages and statistics. */
  readonly enabled: boolean;
  readonly verbose: boolean;
  readonly #limit: number;
  #ring = new Uint16Array(FIRST_CAPACITY);
  /** Positions of the first unit that is kept and behind the last; unit `p` lies at `p % ring.length`. */
  #start = 0;
  #end = 0;
  #message = '';

  /** `limit`: characters that are kept, a power of two. */
  constructor(level: number, limit = 1 << 24) {
    this.level = level;
    this.enabled = (level & (BPF_LOG_LEVEL1 | BPF_LOG_LEVEL2)) !== 0;
    this.verbose = (level & BPF_LOG_LEVEL2) !== 0;
    this.#limit = level === 0 ? MESSAGES : limit;
  }

  /** Appends a whole line. */
  line(text: string): void {
    this.write(text);
    this.write('\n');
  }

  /** Appends text that may hold parts of lines (verbose()). */
  write(text: string): void {
    const { length } = text;
    this.#message = '';
    if (this.#end - this.#start + length > this.#ring.length) this.#grow(length);
    const ring = this.#ring;
    const mask = ring.length - 1;
    const end = this.#end;
    for (let i = 0; i < length; i++) ring[(end + i) & mask] = text.charCodeAt(i);
    this.#end = end + length;
    this.#start = Math.max(this.#start, this.#end - ring.length);
  }

  /** Appends the line that says why the program is refused; it may end a line that was begun. */
  reason(text: string): void {
    this.line(text);
    this.#message = text.slice(text.lastIndexOf('\n') + 1);
  }

  /** Last complete line that is neither empty nor a source line, known at any level: the message of a rejection. */
  get lastLine(): string {
    if (this.#message !== '') return this.#message;
    let stop = this.#newlineBefore(this.#end);
    while (stop >= this.#start) {
      const before = this.#newlineBefore(stop);
      const line = this.#slice(before + 1, stop);
      if (line !== '' && !line.startsWith('; ')) return line;
      stop = before;
    }
    return '';
  }

  /** Length of the log so far; {@link truncate} goes back to it. */
  position(): number {
    return this.#end;
  }

  /** Forgets everything after `position` (bpf_vlog_reset): a path that ended well leaves no trace at level 1. */
  truncate(position: number): void {
    if (this.level !== 0) this.#end = Math.max(this.#start, Math.min(position, this.#end));
  }

  text(): string {
    return this.level === 0 ? '' : this.#slice(this.#start, this.#end);
  }

  /** Room for `length` units more, up to the limit; beyond it the oldest fall off. */
  #grow(length: number): void {
    const old = this.#ring;
    let capacity = old.length;
    while (capacity < this.#limit && capacity < this.#end - this.#start + length) capacity *= 2;
    if (capacity === old.length) return;
    const ring = new Uint16Array(capacity);
    for (let p = this.#start; p < this.#end; p++) ring[p & (capacity - 1)] = old[p & (old.length - 1)];
    this.#ring = ring;
  }

  /** Position of the last newline before `position`, or one before the start. */
  #newlineBefore(position: number): number {
    const ring = this.#ring;
    let p = position - 1;
    while (p >= this.#start && ring[p & (ring.length - 1)] !== NEWLINE) p--;
    return p;
  }

  #slice(from: number, to: number): string {
    const ring = this.#ring;
    const mask = ring.length - 1;
    let text = '';
    for (let p = from; p < to; ) {
      // To the end of the ring, and not more arguments than a call takes.
      const n = Math.min(to - p, ring.length - (p & mask), 8192);
      text += String.fromCharCode.apply(null, ring.subarray(p & mask, (p & mask) + n) as unknown as number[]);
      p += n;
    }
    return text;
  }
}
