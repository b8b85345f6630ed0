/** The kernel's allocator: blocks of the heap with a byte budget that is charged before anything is taken. */
import { invariant } from '../../util/errors.ts';
import { BLOCK, Books, FREE_SMALL, MOST_RECORDS, SMALL_BLOCK, SPAN } from './books.ts';
import type { KernelMemory } from './memory.ts';
import type { Restore, Saved } from './saved.ts';
import { SPAN_CLASSES, Spans } from './spans.ts';

const SMALL_MAX = 2048;
const SMALL_STEP = 16;
/** Alignment of what programs see: a line of the processor's cache. */
const LINE = 64;
const SLAB = 0x1_0000;

/** Words of the books: counters, then lists of free small blocks by size, those on a line of the cache apart, then of spans. */
const USED = 0;
const BLOCKS = 1;
const FRESH = 2;
const SLAB_AT = 3;
const SLAB_END = 4;
const BUDGET = 5;
const BINS = 6;
const LINE_BINS = BINS + SMALL_MAX / SMALL_STEP + 1;
const SPANS = LINE_BINS + SMALL_MAX / SMALL_STEP + 1;
const WORDS = SPANS + SPAN_CLASSES;

/** More than any memory has. */
const NO_BUDGET = 0xffff_ffff;

/**
 * Blocks come zeroed. Sizes up to 2 KiB are binned by 16 bytes, aligned ones apart; larger ones are the best of {@link Spans}.
 * Memory above the high-water mark was never written, so it is not touched to clear it.
 * All bookkeeping is outside the guest memory, in {@link Books}: no program can corrupt it.
 */
export class Allocator implements Saved {
  readonly #mem: KernelMemory;
  readonly #end: number;
  readonly #capacity: number;
  readonly #books: Books;
  readonly #spans: Spans;

  /** @param records small blocks, free ones among them, that its books hold at most */
  constructor(mem: KernelMemory, start: number, end: number, budget = NO_BUDGET, records = MOST_RECORDS) {
    this.#mem = mem;
    this.#end = end;
    this.#capacity = end - start;
    this.#books = new Books(WORDS, mem.shared, records);
    this.#books.set(FRESH, start);
    this.#spans = new Spans(this.#books, SPANS);
    this.#spans.give(start, end - start);
    this.budget = budget;
  }

  /** Most bytes that may be in use at once. */
  get budget(): number {
    return this.#books.get(BUDGET);
  }
  set budget(bytes: number) {
    this.#books.set(BUDGET, Math.min(bytes, NO_BUDGET));
  }

  /** Bytes in use, rounding included. */
  get used(): number {
    return this.#books.get(USED);
  }

  get blocks(): number {
    return this.#books.get(BLOCKS);
  }

  /** End of what was ever written: first byte that no block has covered yet. */
  get written(): number {
    return this.#books.get(FRESH);
  }

  /** Whether `size` more bytes fit the budget; alloc() may still fail on fragmentation. */
  fits(size: number): boolean {
    return this.used + size <= this.budget && size <= this.#capacity - this.used;
  }

  /** A zeroed block, or 0 when the budget, the memory or the books are spent. `align` is a power of two. */
  alloc(size: number, align = 8): number {
    if (!(size >= 0) || size > this.#end) return 0;
    const small = size <= SMALL_MAX && align <= LINE;
    const step = align > SMALL_STEP ? LINE : SMALL_STEP;
    const want = small ? Math.max(step, roundUp(size, step)) : roundUp(Math.max(size, 8), 8);
    const used = this.used + want;
    if (used > this.budget) return 0;
    const addr = small ? this.#takeSmall(want, step) : this.#takeLarge(want, Math.max(align, 8));
    if (addr === 0) return 0;
    this.#books.set(USED, used);
    this.#books.set(BLOCKS, this.blocks + 1);
    this.#clear(addr, want);
    return addr;
  }

  /** Gives back a block of alloc(); 0 is ignored. */
  free(addr: number): void {
    if (addr === 0) return;
    const books = this.#books;
    const block = books.find(addr);
    const state = block === 0 ? SPAN : books.state(block);
    invariant(state === BLOCK || state === SMALL_BLOCK, `free of ${addr}, which is no block`);
    const size = books.size(block);
    books.set(USED, this.used - size);
    books.set(BLOCKS, this.blocks - 1);
    if (state === BLOCK) {
      books.drop(block);
      this.#spans.give(addr, size);
    } else {
      books.setState(block, FREE_SMALL);
      books.push((addr % LINE === 0 && size % LINE === 0 ? LINE_BINS : BINS) + size / SMALL_STEP, block);
    }
  }

  save(): Restore {
    return this.#books.save();
  }

  #takeLarge(size: number, align: number): number {
    const addr = this.#spans.take(size, align);
    if (addr !== 0) this.#books.add(addr, size, BLOCK);
    return addr;
  }

  #takeSmall(size: number, step: number): number {
    const bin = size / SMALL_STEP;
    return (step === LINE ? 0 : this.#reuse(BINS + bin)) || this.#reuse(LINE_BINS + bin) || this.#fromSlab(size, step);
  }

  #reuse(list: number): number {
    const books = this.#books;
    const block = books.get(list);
    if (block === 0) return 0;
    books.remove(list, block);
    books.setState(block, SMALL_BLOCK);
    return books.addr(block);
  }

  #fromSlab(size: number, step: number): number {
    const books = this.#books;
    // Large blocks are too few to fill the books.
    if (books.full) return 0;
    let addr = roundUp(books.get(SLAB_AT), step);
    if (addr + size > books.get(SLAB_END)) {
      addr = this.#spans.take(SLAB, SLAB);
      if (addr === 0) return 0;
      books.set(SLAB_END, addr + SLAB);
    }
    books.set(SLAB_AT, addr + size);
    books.add(addr, size, SMALL_BLOCK);
    return addr;
  }

  #clear(addr: number, size: number): void {
    const end = addr + size;
    const fresh = this.written;
    if (addr < fresh) this.#mem.u8.fill(0, addr, Math.min(end, fresh));
    if (end > fresh) this.#books.set(FRESH, end);
  }
}

function roundUp(n: number, step: number): number {
  return Math.ceil(n / step) * step;
}
