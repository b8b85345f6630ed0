/** Free spans of memory: the smallest class that has room is asked first, neighbours are joined; nothing walks all spans. */

import type { Restore, Saved } from './saved.ts';

interface Span {
  addr: number;
  size: number;
  /** Where it stands in the list of its class. */
  at: number;
}

/** Classes for each power of two. */
const STEPS = 4;
/** Spans of the class that may or may not be large enough which are looked at before larger classes are asked. */
const TRIES = 8;

/** Class of a size: spans of a class are at least as large as all that are below it. */
function classOf(size: number): number {
  const log = 31 - Math.clz32(Math.min(size, 0xffff_ffff));
  if (log < 2) return size;
  return log * STEPS + ((size >>> (log - 2)) & (STEPS - 1));
}
const CLASSES = 32 * STEPS;

export class Spans implements Saved {
  readonly #classes: Span[][] = Array.from({ length: CLASSES }, () => []);
  readonly #byStart = new Map<number, Span>();
  readonly #byEnd = new Map<number, Span>();

  constructor(addr: number, size: number) {
    this.#add(addr, size);
  }

  /** The address of `size` bytes, or 0 when no span holds them. `align` is a power of two. */
  take(size: number, align: number): number {
    const own = classOf(size);
    // From here on every span is large enough wherever it begins.
    const sure = classOf(size + align) + 1;
    for (let c = own; c < CLASSES; c++) {
      const found = this.#search(c, size, align, c >= sure ? 1 : TRIES);
      if (found !== 0) return found;
    }
    for (let c = own; c < Math.min(sure, CLASSES); c++) {
      const found = this.#search(c, size, align, Number.POSITIVE_INFINITY);
      if (found !== 0) return found;
    }
    return 0;
  }

  /** Gives back what {@link take} gave. */
  give(addr: number, size: number): void {
    const before = this.#byEnd.get(addr);
    const after = this.#byStart.get(addr + size);
    if (before !== undefined) this.#remove(before);
    if (after !== undefined) this.#remove(after);
    const start = before?.addr ?? addr;
    this.#add(start, (after === undefined ? addr + size : after.addr + after.size) - start);
  }

  save(): Restore {
    const saved = this.#classes.flatMap((list) => list.map(({ addr, size }) => [addr, size] as const));
    return () => {
      for (const list of this.#classes) list.length = 0;
      this.#byStart.clear();
      this.#byEnd.clear();
      for (const [addr, size] of saved) this.#add(addr, size);
    };
  }

  #search(c: number, size: number, align: number, tries: number): number {
    const list = this.#classes[c];
    for (let i = list.length - 1, left = tries; i >= 0 && left > 0; i--, left--) {
      const span = list[i];
      const addr = Math.ceil(span.addr / align) * align;
      const end = span.addr + span.size;
      if (addr + size > end) continue;
      const { addr: start } = span;
      this.#remove(span);
      if (addr > start) this.#add(start, addr - start);
      if (end > addr + size) this.#add(addr + size, end - addr - size);
      return addr;
    }
    return 0;
  }

  #add(addr: number, size: number): void {
    const list = this.#classes[classOf(size)];
    const span = { addr, size, at: list.length };
    list.push(span);
    this.#byStart.set(addr, span);
    this.#byEnd.set(addr + size, span);
  }

  #remove(span: Span): void {
    const list = this.#classes[classOf(span.size)];
    const last = list.pop() as Span;
    if (last !== span) {
      list[span.at] = last;
      last.at = span.at;
    }
    this.#byStart.delete(span.addr);
    this.#byEnd.delete(span.addr + span.size);
  }
}
