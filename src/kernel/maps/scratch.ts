/** Guest memory through which user-side keys and values reach the core; grows with the largest one seen. */
import type { Allocator } from '../mem/allocator.ts';
import type { KernelMemory } from '../mem/memory.ts';

/** No guest memory: MAP_CREATE and element commands turn it into -ENOMEM. */
export class OutOfMemory extends Error {
  override readonly name = 'OutOfMemory';
}

class Room {
  addr = 0;
  size = 0;
}

export class Scratch {
  readonly #mem: KernelMemory;
  readonly #allocator: Allocator;
  readonly #key = new Room();
  readonly #value = new Room();
  readonly #out = new Room();

  constructor(mem: KernelMemory, allocator: Allocator) {
    this.#mem = mem;
    this.#allocator = allocator;
  }

  /** Guest address of a copy of the key. */
  key(bytes: Uint8Array): number {
    return this.#put(this.#key, bytes, bytes.length);
  }

  /** Guest address of a copy of the first `size` bytes of the value. */
  value(bytes: Uint8Array, size: number): number {
    return this.#put(this.#value, bytes.length > size ? bytes.subarray(0, size) : bytes, size);
  }

  /** Guest address of `size` writable bytes. */
  out(size: number): number {
    return this.#room(this.#out, size);
  }

  #put(buffer: Room, bytes: Uint8Array, size: number): number {
    const addr = this.#room(buffer, size);
    this.#mem.u8.set(bytes, addr);
    return addr;
  }

  #room(buffer: Room, size: number): number {
    if (buffer.addr === 0 || buffer.size < size) {
      this.#allocator.free(buffer.addr);
      buffer.size = Math.max(512, size + 16);
      buffer.addr = this.#allocator.alloc(buffer.size, 16);
      // A failed request leaves an empty buffer, so that smaller ones work again.
      if (buffer.addr === 0) throw new OutOfMemory();
    }
    return buffer.addr;
  }
}
