/** Free spans of memory: the smallest class that has room is asked first, neighbours are joined; nothing walks all spans. */
import { type Books, SPAN } from './books.ts';

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

/** Lists of spans, one a class. */
export const SPAN_CLASSES = 32 * STEPS;

export class Spans {
  readonly #books: Books;
  /** The word of the books in which the first class's list begins. */
  readonly #lists: number;

  constructor(books: Books, lists: number) {
    this.#books = books;
    this.#lists = lists;
  }

  /** The address of `size` bytes, or 0 when no span holds them. `align` is a power of two. */
  take(size: number, align: number): number {
    const own = classOf(size);
    // From here on every span is large enough wherever it begins.
    const sure = classOf(size + align) + 1;
    for (let c = own; c < SPAN_CLASSES; c++) {
      const found = this.#search(c, size, align, c >= sure ? 1 : TRIES);
      if (found !== 0) return found;
    }
    for (let c = own; c < Math.min(sure, SPAN_CLASSES); c++) {
      const found = this.#search(c, size, align, Number.POSITIVE_INFINITY);
      if (found !== 0) return found;
    }
    return 0;
  }

  /** Gives back what {@link take} gave, or memory that is new. */
  give(addr: number, size: number): void {
    const books = this.#books;
    const before = books.endingAt(addr);
    const behind = books.find(addr + size);
    const after = behind !== 0 && books.state(behind) === SPAN ? behind : 0;
    const start = before === 0 ? addr : books.addr(before);
    const end = addr + size + (after === 0 ? 0 : books.size(after));
    if (before !== 0) this.#remove(before);
    if (after !== 0) this.#remove(after);
    this.#add(start, end - start);
  }

  #search(c: number, size: number, align: number, tries: number): number {
    const books = this.#books;
    let span = books.get(this.#lists + c);
    for (let left = tries; span !== 0 && left > 0; span = books.next(span), left--) {
      const start = books.addr(span);
      const addr = Math.ceil(start / align) * align;
      const end = start + books.size(span);
      if (addr + size > end) continue;
      this.#remove(span);
      if (addr > start) this.#add(start, addr - start);
      if (end > addr + size) this.#add(addr + size, end - addr - size);
      return addr;
    }
    return 0;
  }

  #add(addr: number, size: number): void {
    this.#books.push(this.#lists + classOf(size), this.#books.add(addr, size, SPAN));
  }

  #remove(span: number): void {
    this.#books.remove(this.#lists + classOf(this.#books.size(span)), span);
    this.#books.drop(span);
  }
}
