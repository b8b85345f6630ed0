/** File descriptors of a process: the smallest free number, and the open file that it leads to. */
import { ERRNO } from '../../uapi/errno.ts';
import { type Restore, saveAll, type Saved, saveMap } from '../mem/saved.ts';
import type { KernelObject, ObjectTable } from './kernel-object.ts';

/** File modes of a descriptor (FMODE_CAN_READ, FMODE_CAN_WRITE). */
export const FMODE_READ = 1;
export const FMODE_WRITE = 2;

/** An open file of an object (struct file): several descriptors may lead to it, of several processes. */
interface OpenFile {
  readonly object: KernelObject;
  /** FMODE_* bits. */
  readonly mode: number;
  /** Descriptors. */
  refs: number;
}

/** A descriptor. */
export interface FdEntry {
  readonly file: OpenFile;
  readonly object: KernelObject;
  /** FMODE_* bits. */
  readonly mode: number;
  readonly closeOnExec: boolean;
}

/** 0, 1 and 2 are the standard streams, as in a real process. */
export const FIRST_FD = 3;

export class FdTable implements Saved {
  readonly #entries: (FdEntry | undefined)[] = [];
  readonly #objects: ObjectTable;
  #lowestFree = 0;

  constructor(objects: ObjectTable) {
    this.#objects = objects;
  }

  /** Opens a descriptor, which an exec closes; it takes over the caller's reference. */
  install(object: KernelObject, mode = FMODE_READ | FMODE_WRITE): number {
    object.fdOpened?.();
    return this.#add({ object, mode, refs: 0 }, true, FIRST_FD);
  }

  /** The object behind a descriptor; undefined when it is not open. */
  get(fd: number): FdEntry | undefined {
    return typeof fd === 'number' ? this.#entries[fd - FIRST_FD] : undefined;
  }

  /** Another descriptor of an open file, the smallest free number from `from` on. */
  add({ file }: FdEntry, closeOnExec: boolean, from = FIRST_FD): number {
    return this.#add(file, closeOnExec, from);
  }

  /** The same under a number, where what was open is closed. */
  replace({ file }: FdEntry, closeOnExec: boolean, fd: number): number {
    // The file may be that of the descriptor which is closed.
    file.refs++;
    this.close(fd);
    file.refs--;
    return this.#add(file, closeOnExec, fd);
  }

  setCloseOnExec(fd: number, closeOnExec: boolean): number {
    const entry = this.get(fd);
    if (entry === undefined) return -ERRNO.EBADF;
    this.#entries[fd - FIRST_FD] = { ...entry, closeOnExec };
    return 0;
  }

  #add(file: OpenFile, closeOnExec: boolean, from: number): number {
    let slot = Math.max(from - FIRST_FD, this.#lowestFree);
    while (this.#entries[slot] !== undefined) slot++;
    file.refs++;
    this.#entries[slot] = { file, object: file.object, mode: file.mode, closeOnExec };
    if (from - FIRST_FD <= this.#lowestFree) this.#lowestFree = slot + 1;
    return slot + FIRST_FD;
  }

  /** Closes a descriptor: 0 or -EBADF. The last one of a file closes that. */
  close(fd: number): number {
    const entry = this.get(fd);
    if (entry === undefined) return -ERRNO.EBADF;
    this.#entries[fd - FIRST_FD] = undefined;
    this.#lowestFree = Math.min(this.#lowestFree, fd - FIRST_FD);
    if (--entry.file.refs > 0) return 0;
    entry.object.fdClosed?.();
    this.#objects.put(entry.object);
    return 0;
  }

  /** All that are open, in their order. */
  get open(): readonly (readonly [fd: number, entry: FdEntry])[] {
    return this.#entries.flatMap((entry, slot) => (entry === undefined ? [] : ([[slot + FIRST_FD, entry]] as const)));
  }

  /** References of objects are their own to save. */
  save(): Restore {
    const entries = this.#entries.slice();
    const refs = entries.map((entry) => entry?.file.refs ?? 0);
    const lowestFree = this.#lowestFree;
    return () => {
      this.#entries.length = 0;
      for (const [slot, entry] of entries.entries()) {
        this.#entries[slot] = entry;
        if (entry !== undefined) entry.file.refs = refs[slot];
      }
      this.#lowestFree = lowestFree;
    };
  }

  /** Closes those that an exec closes. */
  exec(): void {
    for (const [fd, { closeOnExec }] of this.open) if (closeOnExec) this.close(fd);
  }

  closeAll(): void {
    for (const [fd] of this.open) this.close(fd);
  }
}

/** The tables of all processes, each made when it is first asked for. */
export class FdTables<Owner extends object> implements Saved {
  readonly #objects: ObjectTable;
  readonly #all = new Map<Owner, FdTable>();

  constructor(objects: ObjectTable) {
    this.#objects = objects;
  }

  of(owner: Owner): FdTable {
    const table = this.#all.get(owner) ?? new FdTable(this.#objects);
    this.#all.set(owner, table);
    return table;
  }

  /** A process has ended. */
  end(owner: Owner): void {
    const table = this.#all.get(owner);
    this.#all.delete(owner);
    table?.closeAll();
  }

  closeAll(): void {
    for (const table of this.#all.values()) table.closeAll();
  }

  save(): Restore {
    return saveAll([{ save: () => saveMap(this.#all) }, ...this.#all.values()]);
  }
}
