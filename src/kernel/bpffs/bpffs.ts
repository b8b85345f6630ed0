/** The BPF file system, mounted at /sys/fs/bpf: folders, and files that keep maps, programs and links alive. */
import { ERRNO } from '../../uapi/errno.ts';
import type { Restore, Saved } from '../mem/saved.ts';
import type { KernelObject, ObjectTable } from '../object/kernel-object.ts';
import { Folder, type Node, PinnedFile, SymbolicLink } from './node.ts';

/** Where it is mounted. */
export const BPFFS_ROOT = '/sys/fs/bpf';

const NAME_MAX = 255;
const PATH_MAX = 4096;
/** MAXSYMLINKS */
const MOST_LINKS = 40;
const NOT_OURS = -ERRNO.EPERM;

/** A path that was followed to its last name: the folder, and what bears the name there. */
interface Found {
  readonly folder: Folder;
  readonly name: string;
  readonly node: Node | undefined;
}

/** What is known of a file or folder (stat(2)). */
export interface BpffsStat {
  readonly kind: 'folder' | 'map' | 'prog' | 'link' | 'symlink';
  /** Permissions, 0o7777 at most. */
  readonly mode: number;
}

/** Every method gives 0 or what it is asked for, or -errno. */
export class Bpffs implements Saved {
  readonly #objects: ObjectTable;
  readonly #root = new Folder(0o1777);

  constructor(objects: ObjectTable) {
    this.#objects = objects;
  }

  /** Makes a file for an object, which keeps it alive (BPF_OBJ_PIN). */
  pin(path: string, object: KernelObject): number {
    const at = this.#place(path);
    if (typeof at === 'number') return at;
    at.folder.entries.set(at.name, new PinnedFile(this.#objects, object));
    return 0;
  }

  /** The object of a file (BPF_OBJ_GET). The caller takes a reference of its own. */
  open(path: string): KernelObject | number {
    const found = this.#follow(path, true);
    if (typeof found === 'number') return found === NOT_OURS ? -ERRNO.EACCES : found;
    if (found.node === undefined) return -ERRNO.ENOENT;
    return found.node instanceof PinnedFile ? found.node.object : -ERRNO.EACCES;
  }

  /** mkdir(2) */
  mkdir(path: string, mode = 0o755): number {
    const at = this.#place(path, true);
    if (typeof at === 'number') return at;
    at.folder.entries.set(at.name, new Folder(mode & 0o7777));
    return 0;
  }

  /** rmdir(2) */
  rmdir(path: string): number {
    const found = this.#found(path);
    if (typeof found === 'number') return found;
    if (!(found.node instanceof Folder)) return -ERRNO.ENOTDIR;
    if (found.node.entries.size > 0) return -ERRNO.ENOTEMPTY;
    found.folder.entries.delete(found.name);
    return 0;
  }

  /** unlink(2): what the file kept alive may end. */
  unlink(path: string): number {
    const found = this.#found(path);
    if (typeof found === 'number') return found;
    if (found.node instanceof Folder) return -ERRNO.EISDIR;
    found.folder.entries.delete(found.name);
    found.node?.unlinked();
    return 0;
  }

  /** symlink(2) */
  symlink(target: string, path: string): number {
    const at = this.#place(path);
    if (typeof at === 'number') return at;
    at.folder.entries.set(at.name, new SymbolicLink(target));
    return 0;
  }

  /** link(2): another name for a file. */
  link(from: string, path: string): number {
    const found = this.#found(from);
    if (typeof found === 'number') return found;
    if (!(found.node instanceof PinnedFile)) return -ERRNO.EPERM;
    const at = this.#place(path);
    if (typeof at === 'number') return at;
    at.folder.entries.set(at.name, found.node.linked());
    return 0;
  }

  /** rename(2): takes the place of what bears the new name. */
  rename(from: string, to: string): number {
    const source = this.#found(from);
    if (typeof source === 'number') return source;
    const target = this.#follow(to, false);
    if (typeof target === 'number') return target;
    const { node } = source;
    if (node === undefined || node === target.node) return 0;
    const refused = target.node === undefined ? 0 : replaces(node, target.node);
    if (refused < 0) return refused;
    if (node instanceof Folder && contains(node, target.folder)) return -ERRNO.EINVAL;
    source.folder.entries.delete(source.name);
    target.folder.entries.set(target.name, node);
    target.node?.unlinked();
    return 0;
  }

  /** Names in a folder, in their order. */
  list(path: string): readonly string[] | number {
    const found = this.#follow(path, true);
    if (typeof found === 'number') return found;
    if (found.node === undefined) return -ERRNO.ENOENT;
    return found.node instanceof Folder ? [...found.node.entries.keys()].sort() : -ERRNO.ENOTDIR;
  }

  /** lstat(2) */
  stat(path: string): BpffsStat | number {
    const found = this.#follow(path, false);
    if (typeof found === 'number') return found;
    return found.node === undefined
      ? -ERRNO.ENOENT
      : { kind: found.node.kind as BpffsStat['kind'], mode: found.node.mode };
  }

  /** chmod(2). Who opens a file is root here: its permissions are shown, and refuse nobody. */
  chmod(path: string, mode: number): number {
    const found = this.#follow(path, true);
    if (typeof found === 'number') return found;
    if (found.node === undefined) return -ERRNO.ENOENT;
    found.node.mode = mode & 0o7777;
    return 0;
  }

  /** Where something new may be made: -EEXIST when the name is taken. */
  #place(path: string, folder = false): Found | number {
    if (path.endsWith('/') && !folder) {
      const there = this.#follow(path, true);
      return typeof there === 'number' ? there : there.node === undefined ? -ERRNO.ENOENT : -ERRNO.EEXIST;
    }
    const found = this.#follow(path, false);
    if (typeof found === 'number') return found;
    return found.node === undefined ? found : -ERRNO.EEXIST;
  }

  /** What bears a name, links not followed. */
  #found(path: string): Found | number {
    const found = this.#follow(path, false);
    if (typeof found === 'number') return found;
    if (found.name === '') return -ERRNO.EBUSY;
    return found.node === undefined ? -ERRNO.ENOENT : found;
  }

  /** Follows a path. @param last whether a symbolic link at its end is followed too */
  #follow(path: string, last: boolean): Found | number {
    if (path === '') return -ERRNO.ENOENT;
    if (path.length >= PATH_MAX) return -ERRNO.ENAMETOOLONG;
    const below = this.#below(path);
    if (below === undefined) return NOT_OURS;
    let folders: readonly Folder[] = [this.#root];
    let found: Found = { folder: this.#root, name: '', node: this.#root };
    let links = 0;
    const names = [...below];
    for (let name = names.shift(); name !== undefined; name = names.shift()) {
      if (!(found.node instanceof Folder)) return found.node === undefined ? -ERRNO.ENOENT : -ERRNO.ENOTDIR;
      if (name === '..') {
        if (folders.length > 1) folders = folders.slice(0, -1);
        found = { folder: folders.at(-1) as Folder, name: '', node: folders.at(-1) };
        continue;
      }
      if (name.length > NAME_MAX) return -ERRNO.ENAMETOOLONG;
      // Names with dots are kept for the kernel.
      if (name.includes('.')) return -ERRNO.EPERM;
      const node: Node | undefined = found.node.entries.get(name);
      if (node instanceof SymbolicLink && (last || names.length > 0)) {
        if (++links > MOST_LINKS) return -ERRNO.ELOOP;
        const absolute = node.target.startsWith('/');
        const onward = absolute ? this.#below(node.target) : parts(node.target);
        if (onward === undefined) return NOT_OURS;
        if (absolute) folders = [this.#root];
        const here = folders.at(-1) as Folder;
        found = { folder: here, name: '', node: here };
        names.unshift(...onward);
        continue;
      }
      found = { folder: found.node, name, node };
      if (node instanceof Folder) folders = [...folders, node];
    }
    return found;
  }

  /** Names below the root; undefined for paths that do not lead into this file system. */
  #below(path: string): readonly string[] | undefined {
    const names = parts(path);
    const root = parts(BPFFS_ROOT);
    return path.startsWith('/') && root.every((name, i) => names[i] === name) ? names.slice(root.length) : undefined;
  }

  /** Removes everything. */
  clear(): void {
    const folders = [this.#root];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      for (const node of folder.entries.values()) {
        if (node instanceof Folder) folders.push(node);
        else node.unlinked();
      }
      folder.entries.clear();
    }
  }

  save(): Restore {
    const saved: (readonly [Folder, readonly (readonly [string, Node])[], number])[] = [];
    const folders = [this.#root];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      saved.push([folder, [...folder.entries], folder.mode]);
      for (const node of folder.entries.values()) if (node instanceof Folder) folders.push(node);
    }
    const files = saved.flatMap(([, entries]) => entries.map(([, node]) => [node, node.mode, node.names] as const));
    return () => {
      for (const [folder, entries, mode] of saved) {
        folder.mode = mode;
        folder.entries.clear();
        for (const [name, node] of entries) folder.entries.set(name, node);
      }
      for (const [node, mode, names] of files) {
        node.mode = mode;
        node.names = names;
      }
    };
  }
}

const parts = (path: string): readonly string[] => path.split('/').filter((name) => name !== '' && name !== '.');

/** Whether one may take the place of the other: 0 or -errno. */
function replaces(node: Node, other: Node): number {
  if (!(other instanceof Folder)) return node instanceof Folder ? -ERRNO.ENOTDIR : 0;
  if (!(node instanceof Folder)) return -ERRNO.EISDIR;
  return other.entries.size > 0 ? -ERRNO.ENOTEMPTY : 0;
}

/** Whether a folder is another, or lies around it. */
function contains(around: Folder, inner: Folder): boolean {
  const folders = [around];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    if (folder === inner) return true;
    for (const node of folder.entries.values()) if (node instanceof Folder) folders.push(node);
  }
  return false;
}
