/**
 * Bytes of a function's frame that may be read before the function wrote them: backward data flow over its blocks, a bit a byte.
 * Privileged programs may do that, and get what was left there.
 */
import type { Cfg } from '../shape/cfg.ts';

const WORDS = 16;

export class StackReads {
  /** By block: bytes read before the block writes them, and bytes that it writes. Bit k is the byte at r10 - 1 - k. */
  readonly #use: Uint32Array;
  readonly #def: Uint32Array;
  /** Words in use. */
  #words = 0;
  #exposed = false;

  constructor(readonly cfg: Cfg) {
    this.#use = new Uint32Array(cfg.count * WORDS);
    this.#def = new Uint32Array(cfg.count * WORDS);
  }

  /** Notes that block `b`, seen from its start, reads `size` bytes at r10 + off. */
  read(b: number, off: number, size: number): void {
    for (let k = -off - size; k < -off; k++) {
      const at = b * WORDS + (k >> 5);
      const fresh = (1 << (k & 31)) & ~this.#def[at];
      if (fresh === 0) continue;
      this.#use[at] |= fresh;
      this.#exposed = true;
    }
    this.#reach(off);
  }

  /** Notes that block `b` writes `size` bytes at r10 + off. */
  write(b: number, off: number, size: number): void {
    for (let k = -off - size; k < -off; k++) this.#def[b * WORDS + (k >> 5)] |= 1 << (k & 31);
    this.#reach(off);
  }

  #reach(off: number): void {
    const words = (-off + 31) >> 5;
    if (words > this.#words) this.#words = words;
  }

  /** Tells of bytes at r10 + off, off below 0, whether they may be read before they are written; undefined when none is. */
  unwritten(): ((off: number, size: number) => boolean) | undefined {
    if (!this.#exposed) return undefined;
    const { cfg } = this;
    const use = this.#use;
    const queued = new Uint8Array(cfg.count).fill(1);
    const work = Array.from({ length: cfg.count }, (_, b) => b);
    while (work.length > 0) {
      const b = work.pop()!;
      queued[b] = 0;
      for (let e = cfg.predRow[b]; e < cfg.predRow[b + 1]; e++) {
        const p = cfg.preds[e];
        if (this.#flow(b, p) && queued[p] === 0) {
          queued[p] = 1;
          work.push(p);
        }
      }
    }
    const entry = use.subarray(0, WORDS);
    if (entry.every((word) => word === 0)) return undefined;
    return (off, size) => {
      for (let k = -off - size; k < -off; k++) if ((entry[k >> 5] >>> (k & 31)) & 1) return true;
      return false;
    };
  }

  /** What block `b` reads and its predecessor `p` does not write is read by `p` as well; whether that was new. */
  #flow(b: number, p: number): boolean {
    let changed = false;
    for (let k = 0; k < this.#words; k++) {
      const more = this.#use[b * WORDS + k] & ~this.#def[p * WORDS + k] & ~this.#use[p * WORDS + k];
      if (more === 0) continue;
      this.#use[p * WORDS + k] |= more;
      changed = true;
    }
    return changed;
  }
}
