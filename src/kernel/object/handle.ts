/** Objects that are nothing but open files: directories, counting that somebody keeps on, iterators. They have no ids. */
import type { Directory } from '../world/fs/inode.ts';
import type { Restore } from '../mem/saved.ts';
import type { ObjectBase, ObjectTable } from './kernel-object.ts';

/** An open directory. */
export interface DirectoryObject extends ObjectBase<'directory'> {
  readonly directory: Directory;
}

/** ENABLE_STATS: runs are counted until it is closed. */
export type StatsObject = ObjectBase<'stats'>;

/** What an iterator's descriptor is read for. */
export interface IterSource {
  /** The next bytes, at most `size`; none at the end. -errno when the program fails. */
  read(size: number): Uint8Array | number;
  /** The descriptor is closed. */
  end(): void;
  save?(): Restore;
}
/** ITER_CREATE: a run of an iterator over what it iterates. */
export interface IterObject extends ObjectBase<'iter'> {
  readonly source: IterSource;
}

export const newDirectoryObject = (directory: Directory): DirectoryObject => ({
  ...{ kind: 'directory', id: 0, refs: 1, directory },
  release() {},
});

/** @param off ends the counting */
export const newStatsObject = (off: () => void): StatsObject => ({ kind: 'stats', id: 0, refs: 1, release: off });

export function newIterObject(objects: ObjectTable, id: number, source: IterSource): IterObject {
  const iter: IterObject = {
    ...{ kind: 'iter', id, refs: 1, source },
    release: () => source.end(),
    save: () => source.save?.() ?? NOTHING,
  };
  objects.register<'iter'>(iter);
  return iter;
}

const NOTHING = (): void => {};
