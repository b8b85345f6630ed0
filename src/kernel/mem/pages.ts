/** Copies of the kernel's memory: of pages that hold anything but zeros, up to where it was ever written. */
import type { KernelMemory } from './memory.ts';

const PAGE = 4096;
const WORDS = PAGE / 4;

function isZero(words: Int32Array, page: number): boolean {
  for (let i = page * WORDS, end = i + WORDS; i < end; i++) if (words[i] !== 0) return false;
  return true;
}

/** The memory at one time. */
export class PageCopy {
  readonly #mem: KernelMemory;
  /** Bytes from the start that may have been written. */
  readonly #used: number;
  readonly #pages = new Map<number, Uint8Array>();

  constructor(mem: KernelMemory, used: number) {
    this.#mem = mem;
    this.#used = Math.ceil(used / PAGE);
    for (let page = 0; page < this.#used; page++)
      if (!isZero(mem.i32, page)) this.#pages.set(page, mem.u8.slice(page * PAGE, (page + 1) * PAGE));
  }

  /** Bytes that it holds. */
  get size(): number {
    return this.#pages.size * PAGE;
  }

  /** Writes the memory back. @param used bytes from the start that may have been written by now */
  restore(used: number): void {
    const { u8, i32 } = this.#mem;
    const end = Math.max(this.#used, Math.ceil(used / PAGE));
    for (let page = 0; page < end; page++) {
      const bytes = this.#pages.get(page);
      if (bytes !== undefined) u8.set(bytes, page * PAGE);
      else if (!isZero(i32, page)) u8.fill(0, page * PAGE, (page + 1) * PAGE);
    }
  }
}
