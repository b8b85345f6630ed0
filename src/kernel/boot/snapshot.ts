/** Snapshots of a runtime: its memory, the books of everything that lives in it, its time and random numbers, to be gone back to. */
import { NotSimulated } from '../../util/errors.ts';
import type { Allocator } from '../mem/allocator.ts';
import type { KernelMemory } from '../mem/memory.ts';
import { PageCopy } from '../mem/pages.ts';
import type { Rcu } from '../mem/rcu.ts';
import { type Restore, saveAll, type Saved } from '../mem/saved.ts';
import type { Random } from '../world/random.ts';

/** A runtime as it was; {@link Disposable} ends what is kept for it. */
export interface Snapshot extends Disposable {
  /** Bytes of memory that it holds: pages that were not zero. */
  readonly bytes: number;
}

export interface SnapshotParts {
  readonly mem: KernelMemory;
  readonly heap: Allocator;
  readonly rcu: Rcu;
  readonly random: Random;
  /** Programs that are being compiled in the background. */
  readonly compiling: ReadonlySet<unknown>;
  /** Everything else whose state lies in JavaScript. */
  readonly parts: readonly Saved[];
  /** Makes what writes to the memory when it is first needed. */
  prepare(): void;
}

/** The snapshots of one runtime. */
export class Snapshots {
  readonly #of: SnapshotParts;
  readonly #taken = new Map<Snapshot, Restore>();

  constructor(of: SnapshotParts) {
    this.#of = of;
  }

  take(): Snapshot {
    this.#check('a snapshot');
    const { mem, heap, random, parts } = this.#of;
    this.#of.prepare();
    const books = saveAll([heap, random, ...parts]);
    const pages = new PageCopy(mem, heap.written);
    const snapshot: Snapshot = { bytes: pages.size, [Symbol.dispose]: () => this.#drop(snapshot) };
    this.#taken.set(snapshot, () => {
      const { written } = heap;
      books();
      pages.restore(written);
    });
    return snapshot;
  }

  restore(snapshot: Snapshot): void {
    const restore = this.#taken.get(snapshot);
    if (restore === undefined) throw new RangeError('the snapshot was disposed of, or is of another runtime');
    this.#check('restoring a snapshot');
    restore();
  }

  #check(what: string): void {
    if (this.#of.rcu.locked) throw new NotSimulated(what, 'a program runs');
    if (this.#of.compiling.size > 0)
      throw new NotSimulated(what, 'programs are being compiled in the background: wait for compiled()');
  }

  #drop(snapshot: Snapshot): void {
    this.#taken.delete(snapshot);
    if (this.#taken.size === 0) this.#of.random.forget();
  }
}
