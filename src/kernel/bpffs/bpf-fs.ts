/** The BPF file system: objects by path, which a pin keeps alive (bpffs). */
import { ERRNO } from '../../uapi/errno.ts';
import { FMODE_READ, FMODE_WRITE } from '../object/fd-table.ts';
import type { ObjectTable } from '../object/kernel-object.ts';
import type { LinkObject } from '../object/link.ts';
import type { MapObject } from '../object/map.ts';
import type { LoadedProg } from '../object/prog.ts';
import type { Files } from '../world/fs/files.ts';
import { type Directory, type FileContent, type FsType, MAY_READ, MAY_WRITE } from '../world/fs/inode.ts';

/** The usual place of the file system. */
export const BPF_FS_PATH = '/sys/fs/bpf';
/** Everybody may pin, and remove what is their own. */
const ROOT_MODE = 0o1777;
const PIN_MODE = 0o600;

/** Names with a dot are kept for the kernel, which asks for them in directories without any permission. */
const BPF_FS: FsType = { name: 'bpf', writable: true, reserved: (name, mode) => mode !== 0 && name.includes('.') };

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

/** The BPF file systems of one runtime. */
export class BpfFs {
  readonly #files: Files;
  readonly #objects: ObjectTable;

  constructor(files: Files, objects: ObjectTable) {
    this.#files = files;
    this.#objects = objects;
  }

  /** Mounts one: 0 or -errno. */
  mount(path = BPF_FS_PATH): number {
    const mount = this.#files.mount(path, BPF_FS, ROOT_MODE);
    return typeof mount === 'number' ? mount : 0;
  }

  /** Whether a directory is the root of one. */
  isRoot(directory: Directory): boolean {
    return this.#files.mountOf(directory)?.type.name === BPF_FS.name;
  }

  /** Makes a file for an object: 0, -EPERM outside of BPF file systems, or another -errno. */
  pin(object: Pinnable, path: string, at?: Directory): number {
    const place = this.#files.place(path, at);
    if (typeof place === 'number') return place;
    if (place.directory.fs.name !== BPF_FS.name) return -ERRNO.EPERM;
    const held = new Pin(object, this.#objects);
    const made = this.#files.makeFile(place, PIN_MODE, held);
    if (made < 0) held.drop();
    return made;
  }

  /** The object of a file that the caller may use as `mode` (FMODE_*) says: -EACCES when the file is no pin. */
  get(path: string, mode: number, at?: Directory): Pinnable | number {
    const inode = this.#files.find(path, at);
    if (typeof inode === 'number') return inode;
    const mask = (mode & FMODE_READ ? MAY_READ : 0) | (mode & FMODE_WRITE ? MAY_WRITE : 0);
    if (!this.#files.permitted(inode, mask)) return -ERRNO.EACCES;
    return inode.kind === 'file' && inode.content instanceof Pin ? inode.content.object : -ERRNO.EACCES;
  }
}
