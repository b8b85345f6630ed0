/** Files of the simulated host: one tree with mounts, and the calls that processes make on it. Each gives 0 or -errno as Linux does. */
import { ERRNO } from '../../../uapi/errno.ts';
import type { FileStat } from '../../../uapi/files.ts';
import type { Restore, Saved } from '../../mem/saved.ts';
import {
  type Credentials,
  type Directory,
  type FileContent,
  type FsType,
  type Inode,
  keptBySticky,
  MAY_EXEC,
  MAY_READ,
  MAY_WRITE,
  type Mount,
  permitted,
  saveInode,
} from './inode.ts';
import { type Parent, Walk } from './walk.ts';

/** Memory-backed files, of which the root is made. */
const TMPFS: FsType = { name: 'tmpfs', writable: true };
/** Entries are the kernel's. */
const SYSFS: FsType = { name: 'sysfs', writable: false };

const DIRECTORY_MODE = 0o755;
const LINK_MODE = 0o777;
/** Bits that a new file's mode loses: those of the usual umask. */
const UMASK = 0o022;
const MODE_BITS = 0o7777;
const TYPE_BITS = { directory: 0o040000, file: 0o100000, symlink: 0o120000 } as const;

/** A place for a new file: a free name in a directory. */
export interface Place {
  readonly directory: Directory;
  readonly name: string;
}

/** The tree: a writable root, with `/sys/fs/bpf` and `/sys/fs/cgroup` to mount on. */
export class Files implements Saved, Disposable {
  readonly root: Directory;
  readonly #who: () => Credentials;
  readonly #mounts = new Map<Directory, Mount>();
  #nextNumber = 1;

  /** @param who whose calls they are: the task that runs */
  constructor(who: () => Credentials) {
    this.#who = who;
    const root = this.#newDirectory(TMPFS, DIRECTORY_MODE);
    this.root = root;
    this.#mounts.set(root, { type: TMPFS, root, over: undefined });
    this.#put({ directory: root, name: 'tmp' }, this.#newDirectory(TMPFS, 0o1777));
    this.#put({ directory: root, name: 'sys' }, this.#newDirectory(TMPFS, DIRECTORY_MODE));
    const sys = this.mount('/sys', SYSFS, DIRECTORY_MODE) as Mount;
    this.#put({ directory: sys.root, name: 'fs' }, this.#newDirectory(SYSFS, DIRECTORY_MODE));
    const fs = sys.root.entries.get('fs') as Directory;
    for (const name of ['bpf', 'cgroup']) this.#put({ directory: fs, name }, this.#newDirectory(SYSFS, DIRECTORY_MODE));
  }

  /** What a path leads to. */
  find(path: string, at: Directory = this.root, follow = true): Inode | number {
    return this.#walk(at).find(path, follow);
  }

  /** The mount that a directory is the root of; undefined of other directories. */
  mountOf(root: Inode): Mount | undefined {
    return root.kind === 'directory' ? this.#mounts.get(root) : undefined;
  }

  /** Whether the caller may do what MAY_* ask. */
  permitted(inode: Inode, mask: number): boolean {
    return permitted(inode, mask, this.#who());
  }

  /** Mounts an empty file system on a directory: the mount, or -errno. @param number of the root's inode */
  mount(path: string, type: FsType, mode: number, number?: number): Mount | number {
    const over = this.find(path);
    if (typeof over === 'number') return over;
    if (over.kind !== 'directory') return -ERRNO.ENOTDIR;
    // Two mounts of one type are two file systems.
    const own = { ...type };
    const mount: Mount = { type: own, root: this.#newDirectory(own, mode, number), over };
    over.mounted = mount;
    this.#mounts.set(mount.root, mount);
    return mount;
  }

  /** Takes a file system away, with all its files; -EBUSY when another one is mounted in it. */
  unmount(path: string): number {
    const root = this.find(path);
    if (typeof root === 'number') return root;
    const mount = this.mountOf(root);
    if (mount?.over === undefined) return -ERRNO.EINVAL;
    const all = [...below(mount.root)];
    if (all.some((inode) => inode.kind === 'directory' && inode.mounted !== undefined)) return -ERRNO.EBUSY;
    mount.over.mounted = undefined;
    this.#mounts.delete(mount.root);
    for (const inode of all) if (inode.kind === 'file') this.#unlinked(inode);
    return 0;
  }

  /** A free name for a new file (filename_create): -EEXIST when it is taken. */
  place(path: string, at: Directory = this.root, isDirectory = false): Place | number {
    const walk = this.#walk(at);
    const parent = walk.parent(path);
    if (typeof parent === 'number') return parent;
    if (parent.last !== 'name') return -ERRNO.EEXIST;
    const { directory, name } = parent;
    const taken = walk.child(directory, name);
    if (typeof taken === 'number') return taken;
    if (taken !== undefined) return -ERRNO.EEXIST;
    return parent.slash && !isDirectory ? -ERRNO.ENOENT : { directory, name };
  }

  /** Makes a file at a free place, of the process's user. */
  makeFile(place: Place, mode: number, content: FileContent): number {
    const refused = this.#mayCreate(place.directory);
    if (refused < 0) return refused;
    this.#put(place, { ...this.#common(place.directory.fs, mode & ~UMASK), kind: 'file', content });
    return 0;
  }

  mkdir(path: string, mode = 0o777, at?: Directory): number {
    const place = this.place(path, at, true);
    if (typeof place === 'number') return place;
    const { directory } = place;
    const { directories } = directory.fs;
    const refused = this.#mayCreate(directory, directories !== undefined);
    if (refused < 0) return refused;
    if (directories !== undefined) {
      const made = directories.make(directory, place.name);
      if (made === 0) this.#give(directory.entries.get(place.name)!, mode);
      return made;
    }
    this.addDirectory(directory, place.name, { mode: mode & MODE_BITS & ~UMASK });
    return 0;
  }

  /** Puts a directory that a file system has made into its place; it belongs to the process that runs. */
  addDirectory(
    parent: Directory,
    name: string,
    { mode, number }: { readonly mode: number; readonly number?: number },
  ): Directory {
    const made = this.#newDirectory(parent.fs, mode, number);
    made.parent = parent;
    parent.links++;
    this.#put({ directory: parent, name }, made);
    return made;
  }

  /** A process has made it. */
  #give(inode: Inode, mode: number): void {
    const { uid, gid } = this.#who();
    Object.assign(inode, { uid, gid, mode: mode & MODE_BITS & ~UMASK });
  }

  symlink(target: string, path: string): number {
    if (target === '') return -ERRNO.ENOENT;
    const place = this.place(path);
    if (typeof place === 'number') return place;
    const refused = this.#mayCreate(place.directory);
    if (refused < 0) return refused;
    this.#put(place, { ...this.#common(place.directory.fs, LINK_MODE), kind: 'symlink', target });
    return 0;
  }

  /** Another name for a file (link(2)). */
  link(from: string, to: string): number {
    const inode = this.find(from, this.root, false);
    if (typeof inode === 'number') return inode;
    const place = this.place(to);
    if (typeof place === 'number') return place;
    if (inode.fs !== place.directory.fs) return -ERRNO.EXDEV;
    const refused = this.#mayCreate(place.directory);
    if (refused < 0) return refused;
    if (inode.kind === 'directory') return -ERRNO.EPERM;
    place.directory.entries.set(place.name, inode);
    inode.links++;
    return 0;
  }

  unlink(path: string): number {
    const found = this.#toRemove(path, -ERRNO.EISDIR, -ERRNO.EISDIR);
    if (typeof found === 'number') return found;
    const { parent, inode } = found;
    if (parent.slash) return inode.kind === 'directory' ? -ERRNO.EISDIR : -ERRNO.ENOTDIR;
    const refused = this.#mayRemove(parent.directory, inode);
    if (refused < 0) return refused;
    if (inode.kind === 'directory') return -ERRNO.EISDIR;
    parent.directory.entries.delete(parent.name);
    this.#unlinked(inode);
    return 0;
  }

  rmdir(path: string): number {
    const found = this.#toRemove(path, -ERRNO.EINVAL, -ERRNO.ENOTEMPTY);
    if (typeof found === 'number') return found;
    const { parent, inode } = found;
    const { directories } = inode.fs;
    const refused = this.#mayRemove(parent.directory, inode, directories !== undefined);
    if (refused < 0) return refused;
    if (inode.kind !== 'directory') return -ERRNO.ENOTDIR;
    if (inode.mounted !== undefined) return -ERRNO.EBUSY;
    const kept = directories?.remove(inode) ?? 0;
    if (kept < 0) return kept;
    if (inode.entries.size > 0) return -ERRNO.ENOTEMPTY;
    this.#removeEmpty(parent.directory, parent.name, inode);
    return 0;
  }

  rename(from: string, to: string): number {
    const walk = this.#walk(this.root);
    const [old, next] = [walk.parent(from), walk.parent(to)];
    if (typeof old === 'number') return old;
    if (typeof next === 'number') return next;
    if (old.directory.fs !== next.directory.fs) return -ERRNO.EXDEV;
    if (old.last !== 'name' || next.last !== 'name') return -ERRNO.EBUSY;
    const source = walk.child(old.directory, old.name);
    if (typeof source === 'number') return source;
    if (source === undefined) return -ERRNO.ENOENT;
    const target = walk.child(next.directory, next.name);
    if (typeof target === 'number') return target;
    if (source.kind !== 'directory' && (old.slash || next.slash)) return -ERRNO.ENOTDIR;
    if (source.kind === 'directory' && isBelow(next.directory, source)) return -ERRNO.EINVAL;
    if (target?.kind === 'directory' && isBelow(old.directory, target)) return -ERRNO.ENOTEMPTY;
    if (source === target) return 0;
    return this.#move(old, next, source, target);
  }

  #move(old: Parent, next: Parent, source: Inode, target: Inode | undefined): number {
    const refused = this.#mayRemove(old.directory, source);
    if (refused < 0) return refused;
    const other = target === undefined ? this.#mayCreate(next.directory) : this.#mayRemove(next.directory, target);
    if (other < 0) return other;
    if (target !== undefined && source.kind === 'directory' && target.kind !== 'directory') return -ERRNO.ENOTDIR;
    // Its `..` changes.
    if (source.kind === 'directory' && old.directory !== next.directory && !this.permitted(source, MAY_WRITE))
      return -ERRNO.EACCES;
    if (target?.kind === 'directory') {
      if (source.kind !== 'directory') return -ERRNO.EISDIR;
      if (source.mounted !== undefined || target.mounted !== undefined) return -ERRNO.EBUSY;
      if (target.entries.size > 0) return -ERRNO.ENOTEMPTY;
      this.#removeEmpty(next.directory, next.name, target);
    }
    old.directory.entries.delete(old.name);
    next.directory.entries.set(next.name, source);
    if (target !== undefined && target.kind !== 'directory') this.#unlinked(target);
    if (source.kind === 'directory') {
      source.parent = next.directory;
      old.directory.links--;
      next.directory.links++;
    }
    return 0;
  }

  chmod(path: string, mode: number): number {
    const inode = this.find(path);
    if (typeof inode === 'number') return inode;
    const { uid } = this.#who();
    if (uid !== 0 && uid !== inode.uid) return -ERRNO.EPERM;
    inode.mode = mode & MODE_BITS;
    return 0;
  }

  /** Gives a file to a user and a group; user 0 alone may. */
  chown(path: string, uid: number, gid: number): number {
    const inode = this.find(path);
    if (typeof inode === 'number') return inode;
    if (this.#who().uid !== 0) return -ERRNO.EPERM;
    inode.uid = uid;
    inode.gid = gid;
    return 0;
  }

  /** A directory that may be read. */
  openDirectory(path: string): Directory | number {
    const inode = this.find(path);
    if (typeof inode === 'number') return inode;
    if (inode.kind !== 'directory') return -ERRNO.ENOTDIR;
    return this.permitted(inode, MAY_READ) ? inode : -ERRNO.EACCES;
  }

  /** Names in a directory, in the order in which they were made. */
  readdir(path: string): readonly string[] | number {
    const directory = this.openDirectory(path);
    return typeof directory === 'number' ? directory : [...directory.entries.keys()];
  }

  /** Of what a path leads to, through links. */
  stat(path: string): FileStat | number {
    const inode = this.find(path);
    if (typeof inode === 'number') return inode;
    const { uid, gid, links: nlink, number: ino, kind } = inode;
    return { mode: TYPE_BITS[kind] | inode.mode, uid, gid, nlink, ino };
  }

  /** Drops what the files of all mounts hold: the end of the host. */
  [Symbol.dispose](): void {
    const all = [...this.#mounts.keys()].flatMap((root) => [...below(root)]);
    for (const inode of all) if (inode.kind === 'file') this.#unlinked(inode);
  }

  save(): Restore {
    const mounts = [...this.#mounts];
    const inodes = mounts.flatMap(([root]) => [root, ...below(root)].map(saveInode));
    const next = this.#nextNumber;
    return () => {
      this.#mounts.clear();
      for (const [root, mount] of mounts) this.#mounts.set(root, mount);
      for (const restore of inodes) restore();
      this.#nextNumber = next;
    };
  }

  #walk(cwd: Directory): Walk {
    return new Walk({ root: this.root, cwd, who: this.#who() }, (root) => this.#mounts.get(root));
  }

  #common(fs: FsType, mode: number, number?: number) {
    const { uid, gid } = this.#who();
    return { number: number ?? this.#nextNumber++, fs, mode, uid, gid, links: 1 };
  }

  #newDirectory(fs: FsType, mode: number, number?: number): Directory {
    const made: Omit<Directory, 'parent'> = {
      ...this.#common(fs, mode, number),
      ...{ kind: 'directory', entries: new Map(), mounted: undefined, dead: false, links: 2 },
    };
    const directory = made as Directory;
    directory.parent = directory;
    return directory;
  }

  #put({ directory, name }: Place, inode: Inode): void {
    if (inode.kind === 'directory') inode.parent = directory;
    directory.entries.set(name, inode);
  }

  #mayCreate(directory: Directory, anyway = false): number {
    if (directory.dead) return -ERRNO.ENOENT;
    if (!this.permitted(directory, MAY_WRITE | MAY_EXEC)) return -ERRNO.EACCES;
    return anyway || directory.fs.writable ? 0 : -ERRNO.EPERM;
  }

  #mayRemove(directory: Directory, inode: Inode, anyway = false): number {
    if (!this.permitted(directory, MAY_WRITE | MAY_EXEC)) return -ERRNO.EACCES;
    if (keptBySticky(directory, inode, this.#who())) return -ERRNO.EPERM;
    return anyway || directory.fs.writable || (inode.kind === 'directory' && inode.mounted !== undefined)
      ? 0
      : -ERRNO.EPERM;
  }

  #toRemove(path: string, dot: number, dotdot: number): { readonly parent: Parent; readonly inode: Inode } | number {
    const walk = this.#walk(this.root);
    const parent = walk.parent(path);
    if (typeof parent === 'number') return parent;
    if (parent.last === 'dot') return dot;
    if (parent.last === 'dotdot') return dotdot;
    if (parent.last === 'root') return dot === -ERRNO.EINVAL ? -ERRNO.EBUSY : dot;
    const inode = walk.child(parent.directory, parent.name);
    return inode === undefined ? -ERRNO.ENOENT : typeof inode === 'number' ? inode : { parent, inode };
  }

  #removeEmpty(directory: Directory, name: string, removed: Directory): void {
    directory.entries.delete(name);
    directory.links--;
    removed.links = 0;
    removed.dead = true;
  }

  #unlinked(inode: Inode): void {
    if (--inode.links === 0 && inode.kind === 'file') inode.content.drop();
  }
}

/** All inodes in a directory, at any depth. */
function* below(root: Directory): Generator<Inode> {
  const waiting = [...root.entries.values()];
  for (let inode = waiting.pop(); inode !== undefined; inode = waiting.pop()) {
    yield inode;
    if (inode.kind === 'directory') waiting.push(...inode.entries.values());
  }
}

/** Whether a directory is `above` or lies in it. */
function isBelow(directory: Directory, above: Directory): boolean {
  for (let at = directory; ; at = at.parent) {
    if (at === above) return true;
    if (at.parent === at) return false;
  }
}
