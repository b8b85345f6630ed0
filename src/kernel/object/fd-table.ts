/** File descriptors of one process: the smallest free number, an object, and the access mode it was opened with. */
import { ERRNO } from '../../uapi/errno.ts';
import type { Restore, Saved } from '../mem/saved.ts';
import type { KernelObject, ObjectTable } from './kernel-object.ts';

/** File modes of a descriptor (FMODE_CAN_READ, FMODE_CAN_WRITE). */
export const FMODE_READ = 1;
export const FMODE_WRITE = 2;

/** An open file of an object. */
export interface FdEntry {
  readonly object: KernelObject;
  /** FMODE_* bits. */
  readonly mode: number;
}

/** 0, 1 and 2 are the standard streams, as in a real process. */
const FIRST_FD = 3;

export class FdTable implements Saved {
  readonly #entries: (FdEntry | undefined)[] = [];
  readonly #objects: ObjectTable;
  #lowestFree = 0;

  constructor(objects: ObjectTable) {
    this.#objects = objects;
  }

  /** Opens a descriptor; it takes over the caller's reference. */
  install(object: KernelObject, mode = FMODE_READ | FMODE_WRITE): number {
    let slot = this.#lowestFree;
    while (this.#entries[slot] !== undefined) slot++;
    this.#entries[slot] = { object, mode };
    this.#lowestFree = slot + 1;
    object.fdOpened?.();
    return slot + FIRST_FD;
  }

  /** The object behind a descriptor; undefined when it is not open. */
  get(fd: number): FdEntry | undefined {
    return typeof fd === 'number' ? this.#entries[fd - FIRST_FD] : undefined;
  }

  /** Closes a descriptor: 0 or -EBADF. */
  close(fd: number): number {
    const entry = this.get(fd);
    if (entry === undefined) return -ERRNO.EBADF;
    this.#entries[fd - FIRST_FD] = undefined;
    this.#lowestFree = Math.min(this.#lowestFree, fd - FIRST_FD);
    entry.object.fdClosed?.();
    this.#objects.put(entry.object);
    return 0;
  }

  /** References are the objects' own to save. */
  save(): Restore {
    const entries = this.#entries.slice();
    const lowestFree = this.#lowestFree;
    return () => {
      this.#entries.splice(0, this.#entries.length, ...entries);
      this.#lowestFree = lowestFree;
    };
  }

  closeAll(): void {
    this.#entries.forEach((entry, slot) => {
      if (entry !== undefined) this.close(slot + FIRST_FD);
    });
  }
}
