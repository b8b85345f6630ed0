/** Arguments of calls as 64-bit words in guest memory, where programs read them: one block for each call in progress, on a stack of blocks. */
import type { Allocator } from '../../mem/allocator.ts';
import type { KernelMemory } from '../../mem/memory.ts';
import type { Restore, Saved } from '../../mem/saved.ts';

/** Bytes of all blocks of calls in progress: some hundred calls inside of each other. */
const SPACE = 1 << 16;
const WORD = 8;
/** Words below the arguments, which belong to whoever hooks the call. */
export const WORDS_BELOW = 2;

/** More calls are inside of each other than there is room for. */
export class NestedTooDeep extends Error {
  override readonly name = 'NestedTooDeep';
  constructor() {
    super(`traced calls nest too deep: their arguments take more than ${SPACE} bytes`);
  }
}

export class ArgumentWords implements Saved {
  readonly #mem: KernelMemory;
  readonly #heap: Allocator;
  #base = 0;
  #top = 0;

  constructor(mem: KernelMemory, heap: Allocator) {
    this.#mem = mem;
    this.#heap = heap;
  }

  /** Guest address of `count` words of zeros; {@link WORDS_BELOW} words of zeros lie below. Throws {@link NestedTooDeep}. */
  push(count: number): number {
    if (this.#base === 0) this.#reserve();
    const size = (WORDS_BELOW + count) * WORD;
    if (this.#top + size > this.#base + SPACE) throw new NestedTooDeep();
    const at = this.#top;
    this.#top += size;
    this.#mem.i32.fill(0, at >>> 2, this.#top >>> 2);
    return at + WORDS_BELOW * WORD;
  }

  /** Gives back the block at `addr`, and all that were pushed after it. */
  pop(addr: number): void {
    this.#top = addr - WORDS_BELOW * WORD;
  }

  #reserve(): void {
    const base = this.#heap.alloc(SPACE, WORD);
    if (base === 0) throw new RangeError(`no memory for ${SPACE} bytes of arguments`);
    this.#base = this.#top = base;
  }

  /** Between calls: whether there is a space. */
  save(): Restore {
    const base = this.#base;
    return () => {
      this.#base = this.#top = base;
    };
  }
}
