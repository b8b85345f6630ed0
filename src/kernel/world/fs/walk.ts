/** From a path to what it leads to: names, `..`, symbolic links and mounts, with -errno where the kernel gives it (path_lookupat). */
import { ERRNO } from '../../../uapi/errno.ts';
import { PATH_MAX } from '../../../uapi/files.ts';
import { type Credentials, type Directory, type Inode, MAY_EXEC, type Mount, permitted } from './inode.ts';

/** NAME_MAX and MAXSYMLINKS. */
const NAME_MAX = 255;
const MAX_SYMLINKS = 40;

const utf8 = new TextEncoder();
const bytesIn = (text: string): number => (text.length * 3 <= NAME_MAX ? 0 : utf8.encode(text).length);

/** Where walks begin, and who walks. */
export interface Walker {
  readonly root: Directory;
  /** Where paths without a slash in front begin. */
  readonly cwd: Directory;
  readonly who: Credentials;
}

/** All of a path but its last name. */
export interface Parent {
  readonly directory: Directory;
  readonly name: string;
  /** What the last name is: `.`, `..`, or no name at all for a path of slashes. */
  readonly last: 'name' | 'dot' | 'dotdot' | 'root';
  /** A slash follows. */
  readonly slash: boolean;
}

/** The directory that is seen where `directory` lies: what is mounted there, on top of each other. */
export function covered(directory: Directory): Directory {
  let at = directory;
  while (at.mounted !== undefined) at = at.mounted.root;
  return at;
}

/** Walks paths of one file tree. */
export class Walk {
  readonly #by: Walker;
  readonly #mountOf: (root: Directory) => Mount | undefined;
  #links = 0;

  /** @param mountOf the mount that a directory is the root of */
  constructor(by: Walker, mountOf: (root: Directory) => Mount | undefined) {
    this.#by = by;
    this.#mountOf = mountOf;
  }

  /** What a path leads to; with `follow`, through a symbolic link at its end too. */
  find(path: string, follow = true): Inode | number {
    const parent = this.parent(path);
    return typeof parent === 'number' ? parent : this.entry(parent, follow || parent.slash);
  }

  /** All but the last name. */
  parent(path: string): Parent | number {
    if (path === '') return -ERRNO.ENOENT;
    if (path.length >= PATH_MAX || utf8.encode(path).length >= PATH_MAX) return -ERRNO.ENAMETOOLONG;
    return this.#parent(path, path.startsWith('/') ? this.#by.root : this.#by.cwd);
  }

  #parent(path: string, from: Directory): Parent | number {
    const names = path.split('/').filter((name) => name !== '');
    const slash = path.endsWith('/');
    let directory = covered(from);
    for (const [i, name] of names.entries()) {
      if (!permitted(directory, MAY_EXEC, this.#by.who)) return -ERRNO.EACCES;
      if (i === names.length - 1) break;
      const next = this.#step(directory, name);
      if (typeof next === 'number') return next;
      if (next.kind !== 'directory') return -ERRNO.ENOTDIR;
      directory = next;
    }
    const name = names.at(-1) ?? '';
    const last = name === '' ? 'root' : name === '.' ? 'dot' : name === '..' ? 'dotdot' : 'name';
    return { directory, name, last, slash };
  }

  /** What a path's last name leads to. */
  entry({ directory, name, slash }: Parent, follow: boolean): Inode | number {
    const found = name === '' ? directory : this.#step(directory, name, follow);
    return typeof found !== 'number' && slash && found.kind !== 'directory' ? -ERRNO.ENOTDIR : found;
  }

  /** The entry itself, whatever is mounted there: undefined when the name is free. */
  child(directory: Directory, name: string): Inode | undefined | number {
    if (bytesIn(name) > NAME_MAX) return -ERRNO.ENAMETOOLONG;
    const found = directory.entries.get(name);
    if (found === undefined && directory.fs.reserved?.(name, directory.mode) === true) return -ERRNO.EPERM;
    return found;
  }

  #step(directory: Directory, name: string, follow = true): Inode | number {
    if (name === '.') return directory;
    if (name === '..') return this.#above(directory);
    const child = this.child(directory, name);
    if (typeof child === 'number') return child;
    if (child === undefined) return -ERRNO.ENOENT;
    if (child.kind === 'directory') return covered(child);
    if (child.kind === 'file' || !follow) return child;
    if (++this.#links > MAX_SYMLINKS) return -ERRNO.ELOOP;
    const { target } = child;
    const parent = this.#parent(target, target.startsWith('/') ? this.#by.root : directory);
    return typeof parent === 'number' ? parent : this.entry(parent, true);
  }

  #above(directory: Directory): Directory {
    let at = directory;
    for (let over = this.#mountOf(at)?.over; at.parent === at && over !== undefined; over = this.#mountOf(at)?.over)
      at = over;
    return covered(at.parent);
  }
}
