/** Guest memory through which user-side keys and values reach the core; grows with the largest one seen. */
import type { Allocator } from '../mem/allocator.ts';
import type { KernelMemory } from '../mem/memory.ts';
import type { Restore, Saved } from '../mem/saved.ts';

/** No guest memory: MAP_CREATE and element commands turn it into -ENOMEM. */
export class OutOfMemory extends Error {
  override readonly name = 'OutOfMemory';
}

/** Longer keys and values are copied twice. */
const MAX_VIEW = 512;

class Room {
  addr = 0;
  size = 0;
  /** Views of its beginning, by their size: what {@link Scratch.keyRoom} and {@link Scratch.valueRoom} give. */
  readonly views: (Uint8Array | undefined)[] = [];
}

export class Scratch implements Saved {
  readonly #mem: KernelMemory;
  readonly #allocator: Allocator;
  readonly #key = new Room();
  readonly #value = new Room();
  readonly #out = new Room();

  constructor(mem: KernelMemory, allocator: Allocator) {
    this.#mem = mem;
    this.#allocator = allocator;
  }

  /**
   * The memory of {@link key}, to copy a caller's key to: what is there already is not copied again. It is valid until the next key.
   * The host's memory for long ones, and when guest memory is spent.
   */
  keyRoom(size: number): Uint8Array {
    return this.#view(this.#key, size);
  }

  /** The memory of {@link value}, as {@link keyRoom}. */
  valueRoom(size: number): Uint8Array {
    return this.#view(this.#value, size);
  }

  /** Guest address of a copy of the key. */
  key(bytes: Uint8Array): number {
    return this.#put(this.#key, bytes, bytes.length);
  }

  /** Guest address of a copy of the first `size` bytes of the value. */
  value(bytes: Uint8Array, size: number): number {
    return this.#put(this.#value, bytes, size);
  }

  /** Guest address of `size` writable bytes. */
  out(size: number): number {
    return this.#room(this.#out, size);
  }

  save(): Restore {
    const rooms = [this.#key, this.#value, this.#out].map((room) => ({ room, addr: room.addr, size: room.size }));
    return () => {
      for (const { room, addr, size } of rooms) {
        Object.assign(room, { addr, size });
        room.views.length = 0;
      }
    };
  }

  #view(room: Room, size: number): Uint8Array {
    const known = room.views[size];
    if (known !== undefined) return known;
    if (size > MAX_VIEW || !this.#has(room, size)) return new Uint8Array(size);
    const view = this.#mem.u8.subarray(room.addr, room.addr + size);
    room.views[size] = view;
    return view;
  }

  #put(room: Room, bytes: Uint8Array, size: number): number {
    if (bytes === room.views[size]) return room.addr;
    const addr = this.#room(room, size);
    this.#mem.write(addr, bytes, Math.min(size, bytes.length));
    return addr;
  }

  #room(room: Room, size: number): number {
    if (!this.#has(room, size)) throw new OutOfMemory();
    return room.addr;
  }

  #has(room: Room, size: number): boolean {
    if (room.addr !== 0 && room.size >= size) return true;
    this.#allocator.free(room.addr);
    room.views.length = 0;
    room.size = Math.max(512, size + 16);
    // A failed request leaves an empty buffer, so that smaller ones work again.
    room.addr = this.#allocator.alloc(room.size, 16);
    return room.addr !== 0;
  }
}
