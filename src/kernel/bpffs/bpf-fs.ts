/** The BPF file system: objects by path, which a pin keeps alive (bpffs). */
import { ERRNO } from '../../uapi/errno.ts';
import type { ObjectTable } from '../object/kernel-object.ts';
import type { LinkObject } from '../object/link.ts';
import type { MapObject } from '../object/map.ts';
import type { LoadedProg } from '../object/prog.ts';
import type { Files } from '../world/fs/files.ts';
import { type Directory, type FileContent, type FsType, MAY_READ, MAY_WRITE } from '../world/fs/inode.ts';

/** The usual place of the file system. */
export const BPF_FS_PATH = '/sys/fs/bpf';
/** Everybody may pin, and remove what is their own. */
export const BPF_FS_MODE = 0o1777;
const PIN_MODE = 0o600;

/** Names with a dot are kept for the kernel, which asks for them in directories without any permission. */
export const BPF_FS: FsType = {
  name: 'bpf',
  writable: true,
  reserved: (name, mode) => mode !== 0 && name.includes('.'),
};

/** Objects that can be pinned. */
export type Pinnable = MapObject | LoadedProg | LinkObject;

/** What a file of the file system holds: a reference on an object. */
class Pin implements FileContent {
  readonly object: Pinnable;
  readonly #objects: ObjectTable;

  constructor(object: Pinnable, objects: ObjectTable) {
    this.object = object;
    this.#objects = objects;
    objects.get(object);
    object.fdOpened?.();
  }

  drop(): void {
    this.object.fdClosed?.();
    this.#objects.put(this.object);
  }
}

/** Makes a file for an object: 0, -EPERM outside of BPF file systems, or another -errno. */
export function pin(
  files: Files,
  objects: ObjectTable,
  object: Pinnable,
  where: { path: string; at?: Directory },
): number {
  const place = files.place(where.path, where.at);
  if (typeof place === 'number') return place;
  if (place.directory.fs.name !== BPF_FS.name) return -ERRNO.EPERM;
  const held = new Pin(object, objects);
  const made = files.makeFile(place, PIN_MODE, held);
  if (made < 0) held.drop();
  return made;
}

/** The object of a file that the caller may read or write as `mode` (FMODE_*) says: -EACCES when the file is no pin. */
export function pinned(
  files: Files,
  path: string,
  at: Directory | undefined,
  access: { read: boolean; write: boolean },
): Pinnable | number {
  const inode = files.find(path, at);
  if (typeof inode === 'number') return inode;
  const mask = (access.read ? MAY_READ : 0) | (access.write ? MAY_WRITE : 0);
  if (!files.permitted(inode, mask)) return -ERRNO.EACCES;
  return inode.kind === 'file' && inode.content instanceof Pin ? inode.content.object : -ERRNO.EACCES;
}
