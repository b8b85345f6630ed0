/** The one funcref table of a runtime: every code address that can change is a slot here (programs, callbacks, tail-call targets). */

import type { Restore, Saved } from './saved.ts';

/** Slots of a WebAssembly.Table with a free list; slot 0 is never used, so that 0 is no code address. */
export class CodeTable implements Saved {
  readonly #initial: number;
  #table: WebAssembly.Table | undefined;
  /** Code of the entries that run JavaScript, by kind, compiled with the first one of each (run/shim.ts). */
  readonly jsEntries: Record<string, WebAssembly.Module> = {};
  #free: number[] = [];
  #next = 1;

  constructor(initial = 1024) {
    this.#initial = initial;
  }

  /** Made at its first use: a kernel that only verifies has no code. */
  get table(): WebAssembly.Table {
    return (this.#table ??= new WebAssembly.Table({ element: 'anyfunc', initial: this.#initial }));
  }

  /** Reserves a slot; its entry is null until {@link set}. */
  alloc(): number {
    const slot = this.#free.pop() ?? this.#next++;
    if (slot >= this.table.length) this.table.grow(this.table.length);
    return slot;
  }

  get(slot: number): CallableFunction | null {
    return this.table.get(slot) as CallableFunction | null;
  }

  set(slot: number, code: CallableFunction | null): void {
    this.table.set(slot, code);
  }

  save(): Restore {
    const free = this.#free.slice();
    const code = Array.from({ length: this.#next }, (_, slot) => this.get(slot));
    return () => {
      const end = Math.max(this.#next, code.length);
      for (let slot = 1; slot < end; slot++) this.table.set(slot, code[slot] ?? null);
      this.#free = free.slice();
      this.#next = code.length;
    };
  }

  free(slot: number): void {
    this.table.set(slot, null);
    this.#free.push(slot);
  }
}
