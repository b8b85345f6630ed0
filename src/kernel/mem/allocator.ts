/** The kernel's allocator: blocks of the heap with a byte budget that is charged before anything is taken. */
import { invariant } from '../../util/errors.ts';
import type { KernelMemory } from './memory.ts';
import { type Restore, type Saved, saveMap } from './saved.ts';
import { Spans } from './spans.ts';

const SMALL_MAX = 2048;
const SMALL_STEP = 16;
/** Alignment of what programs see: a line of the processor's cache. */
const LINE = 64;
const SLAB = 0x1_0000;

/**
 * Blocks come zeroed. Sizes up to 2 KiB are binned by 16 bytes, aligned ones apart; larger ones are the best of {@link Spans}.
 * Memory above the high-water mark was never written, so it is not touched to clear it.
 * All bookkeeping is outside the guest memory: no program can corrupt it.
 */
export class Allocator implements Saved {
  readonly #mem: KernelMemory;
  readonly #end: number;
  readonly #capacity: number;
  readonly #sizes = new Map<number, number>();
  readonly #bins: number[][] = Array.from({ length: SMALL_MAX / SMALL_STEP + 1 }, () => []);
  /** Of blocks aligned to {@link LINE}. */
  readonly #lineBins: number[][] = Array.from({ length: SMALL_MAX / SMALL_STEP + 1 }, () => []);
  readonly #spans: Spans;
  #slabAt = 0;
  #slabEnd = 0;
  /** First byte that no block has covered yet. */
  #fresh: number;
  #used = 0;
  /** Most bytes that may be in use at once. */
  budget: number;

  constructor(mem: KernelMemory, start: number, end: number, budget = Number.POSITIVE_INFINITY) {
    this.#mem = mem;
    this.#end = end;
    this.#capacity = end - start;
    this.#fresh = start;
    this.#spans = new Spans(start, end - start);
    this.budget = budget;
  }

  /** Bytes in use, rounding included. */
  get used(): number {
    return this.#used;
  }

  get blocks(): number {
    return this.#sizes.size;
  }

  /** Whether `size` more bytes fit the budget; alloc() may still fail on fragmentation. */
  fits(size: number): boolean {
    return this.#used + size <= this.budget && size <= this.#capacity - this.#used;
  }

  /** A zeroed block, or 0 when the budget or the memory is spent. `align` is a power of two. */
  alloc(size: number, align = 8): number {
    if (!(size >= 0) || size > this.#end) return 0;
    const small = size <= SMALL_MAX && align <= LINE;
    const step = align > SMALL_STEP ? LINE : SMALL_STEP;
    const want = small ? Math.max(step, roundUp(size, step)) : roundUp(Math.max(size, 8), 8);
    if (this.#used + want > this.budget) return 0;
    const addr = small ? this.#takeSmall(want, step) : this.#spans.take(want, Math.max(align, 8));
    if (addr === 0) return 0;
    this.#used += want;
    this.#sizes.set(addr, want);
    this.#clear(addr, want);
    return addr;
  }

  /** Gives back a block of alloc(); 0 is ignored. */
  free(addr: number): void {
    if (addr === 0) return;
    const size = this.#sizes.get(addr);
    invariant(size !== undefined, `free of ${addr}, which is no block`);
    this.#sizes.delete(addr);
    this.#used -= size;
    if (size > SMALL_MAX || !this.#isSlab(addr)) this.#spans.give(addr, size);
    else if (addr % LINE === 0 && size % LINE === 0) this.#lineBins[size / SMALL_STEP].push(addr);
    else this.#bins[size / SMALL_STEP].push(addr);
  }

  /** End of what was ever written. */
  get written(): number {
    return this.#fresh;
  }

  save(): Restore {
    const sizes = saveMap(this.#sizes);
    const spans = this.#spans.save();
    const bins = [...this.#bins, ...this.#lineBins].map((bin) => [bin, bin.slice()] as const);
    const slabs = [...this.#slabs];
    const [at, end, fresh, used, budget] = [this.#slabAt, this.#slabEnd, this.#fresh, this.#used, this.budget];
    return () => {
      sizes();
      spans();
      for (const [bin, blocks] of bins) bin.splice(0, bin.length, ...blocks);
      this.#slabs.clear();
      for (const slab of slabs) this.#slabs.add(slab);
      this.#slabAt = at;
      this.#slabEnd = end;
      this.#fresh = fresh;
      this.#used = used;
      this.budget = budget;
    };
  }

  /** Size of the live block at an address, undefined when there is none. */
  sizeOf(addr: number): number | undefined {
    return this.#sizes.get(addr);
  }

  readonly #slabs = new Set<number>();

  #isSlab(addr: number): boolean {
    return this.#slabs.has(Math.floor(addr / SLAB));
  }

  #takeSmall(size: number, step: number): number {
    const bin = size / SMALL_STEP;
    const reused = (step === LINE ? undefined : this.#bins[bin].pop()) ?? this.#lineBins[bin].pop();
    if (reused !== undefined) return reused;
    this.#slabAt = roundUp(this.#slabAt, step);
    if (this.#slabAt + size > this.#slabEnd) {
      const slab = this.#spans.take(SLAB, SLAB);
      if (slab === 0) return 0;
      this.#slabs.add(slab / SLAB);
      this.#slabAt = slab;
      this.#slabEnd = slab + SLAB;
    }
    const addr = this.#slabAt;
    this.#slabAt += size;
    return addr;
  }

  #clear(addr: number, size: number): void {
    const end = addr + size;
    if (addr < this.#fresh) this.#mem.u8.fill(0, addr, Math.min(end, this.#fresh));
    if (end > this.#fresh) this.#fresh = end;
  }
}

function roundUp(n: number, step: number): number {
  return Math.ceil(n / step) * step;
}
