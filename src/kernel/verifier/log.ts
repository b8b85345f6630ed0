/** The verifier's log: level 1 (what happened), 2 (every state), 4 (statistics); keeps the end when it grows beyond its limit. */

export const BPF_LOG_LEVEL1 = 1;
export const BPF_LOG_LEVEL2 = 2;
export const BPF_LOG_STATS = 4;
export const BPF_LOG_FIXED = 8;

export class VerifierLog {
  readonly level: number;
  readonly #limit: number;
  #chunks: string[] = [];
  #size = 0;
  /** Characters that fell off the front. */
  #dropped = 0;
  /** Last complete non-empty line, kept at any level: it is the message of a rejection. */
  lastLine = '';
  #partial = '';

  constructor(level: number, limit = 16 * 1024 * 1024) {
    this.level = level;
    this.#limit = limit;
  }

  /** Instructions and states are printed, beside messages and statistics. */
  get enabled(): boolean {
    return (this.level & (BPF_LOG_LEVEL1 | BPF_LOG_LEVEL2)) !== 0;
  }
  get verbose(): boolean {
    return (this.level & BPF_LOG_LEVEL2) !== 0;
  }

  /** Appends a whole line. */
  line(text: string): void {
    this.write(`${text}\n`);
  }

  /** Appends text that may hold parts of lines (verbose()). */
  write(text: string): void {
    this.#partial += text;
    const end = this.#partial.lastIndexOf('\n');
    if (end >= 0) {
      const done = this.#partial.slice(0, end);
      const line = done.slice(done.lastIndexOf('\n') + 1);
      // Source lines only accompany messages.
      if (line !== '' && !line.startsWith('; ')) this.lastLine = line;
      this.#partial = this.#partial.slice(end + 1);
    }
    if (this.level === 0) return;
    this.#chunks.push(text);
    this.#size += text.length;
    if (this.#size > this.#limit * 2) this.#trim();
  }

  /** Length of the log so far; {@link truncate} goes back to it. */
  position(): number {
    return this.#dropped + this.#size;
  }

  /** Forgets everything after `position` (bpf_vlog_reset): a path that ended well leaves no trace at level 1. */
  truncate(position: number): void {
    const chunks = this.#chunks;
    position = Math.max(0, position - this.#dropped);
    while (this.#size > position) {
      const last = chunks.pop();
      if (last === undefined) break;
      this.#size -= last.length;
      const keep = position - this.#size;
      if (keep <= 0) continue;
      chunks.push(last.slice(0, keep));
      this.#size += keep;
    }
    this.#partial = '';
  }

  text(): string {
    this.#trim();
    return this.#chunks.join('');
  }

  #trim(): void {
    if (this.#size <= this.#limit) return;
    const text = this.#chunks.join('').slice(-this.#limit);
    this.#chunks = [text];
    this.#dropped += this.#size - text.length;
    this.#size = text.length;
  }
}
