/** The kernel's allocator: blocks of the heap with a byte budget that is charged before anything is taken. */
import { invariant } from '../../util/errors.ts';
import type { KernelMemory } from './memory.ts';

const SMALL_MAX = 2048;
const SMALL_STEP = 16;
const SLAB = 0x1_0000;

interface Span {
  addr: number;
  size: number;
}

/**
 * Blocks come zeroed. Sizes up to 2 KiB are binned by 16 bytes; larger ones are first fit in address order with coalescing.
 * Memory above the high-water mark was never written, so it is not touched to clear it.
 * All bookkeeping is outside the guest memory: no program can corrupt it.
 */
export class Allocator {
  readonly #mem: KernelMemory;
  readonly #end: number;
  readonly #capacity: number;
  readonly #sizes = new Map<number, number>();
  readonly #bins: number[][] = Array.from({ length: SMALL_MAX / SMALL_STEP + 1 }, () => []);
  #spans: Span[];
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
    this.#spans = [{ addr: start, size: end - start }];
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
    const small = size <= SMALL_MAX && align <= SMALL_STEP;
    const want = small ? Math.max(SMALL_STEP, roundUp(size, SMALL_STEP)) : roundUp(Math.max(size, 8), 8);
    if (this.#used + want > this.budget) return 0;
    const addr = small ? this.#takeSmall(want) : this.#takeLarge(want, Math.max(align, 8));
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
    const bin = size <= SMALL_MAX && this.#isSlab(addr) ? this.#bins[size / SMALL_STEP] : undefined;
    if (bin) bin.push(addr);
    else this.#release(addr, size);
  }

  /** Size of the live block at an address, undefined when there is none. */
  sizeOf(addr: number): number | undefined {
    return this.#sizes.get(addr);
  }

  readonly #slabs = new Set<number>();

  #isSlab(addr: number): boolean {
    return this.#slabs.has(Math.floor(addr / SLAB));
  }

  #takeSmall(size: number): number {
    const reused = this.#bins[size / SMALL_STEP]?.pop();
    if (reused !== undefined) return reused;
    if (this.#slabAt + size > this.#slabEnd) {
      const slab = this.#takeLarge(SLAB, SLAB);
      if (slab === 0) return 0;
      this.#slabs.add(slab / SLAB);
      this.#slabAt = slab;
      this.#slabEnd = slab + SLAB;
    }
    const addr = this.#slabAt;
    this.#slabAt += size;
    return addr;
  }

  #takeLarge(size: number, align: number): number {
    for (let i = 0; i < this.#spans.length; i++) {
      const span = this.#spans[i] as Span;
      const addr = Math.ceil(span.addr / align) * align;
      const left = addr - span.addr;
      if (left + size > span.size) continue;
      const right = span.size - left - size;
      const rest: Span[] = [];
      if (left > 0) rest.push({ addr: span.addr, size: left });
      if (right > 0) rest.push({ addr: addr + size, size: right });
      this.#spans.splice(i, 1, ...rest);
      return addr;
    }
    return 0;
  }

  #release(addr: number, size: number): void {
    let lo = 0;
    let hi = this.#spans.length;
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      if ((this.#spans[mid] as Span).addr < addr) lo = mid + 1;
      else hi = mid;
    }
    const before = this.#spans[lo - 1];
    const after = this.#spans[lo];
    const joinsBefore = before !== undefined && before.addr + before.size === addr;
    const joinsAfter = after !== undefined && addr + size === after.addr;
    if (joinsBefore) {
      before.size += size + (joinsAfter ? after.size : 0);
      if (joinsAfter) this.#spans.splice(lo, 1);
    } else if (joinsAfter) {
      after.addr = addr;
      after.size += size;
    } else this.#spans.splice(lo, 0, { addr, size });
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
