/** Inodes of the simulated host: directories, files and symbolic links, with owners and permissions. */
import type { Restore } from '../../mem/saved.ts';

/** A kind of file system: what may be done in it. */
export interface FsType {
  /** As mount(2) names it. */
  readonly name: string;
  /** Names that nothing may have in a directory of such a mode: looking them up is -EPERM. */
  readonly reserved?: (name: string, mode: number) => boolean;
  /** Whether processes make and remove entries; -EPERM where they do not. */
  readonly writable: boolean;
  /** Directories that processes make and remove although nothing else is writable: what is made for them, or -errno. */
  readonly directories?: {
    make(parent: Directory, name: string): number;
    remove(directory: Directory): number;
  };
}

/** A file system in its place. */
export interface Mount {
  readonly type: FsType;
  readonly root: Directory;
  /** The directory that it hides; undefined of the root file system. */
  readonly over: Directory | undefined;
}

/** What a file holds. */
export interface FileContent {
  /** The file has lost its last name. */
  drop(): void;
}

interface Common {
  readonly number: number;
  readonly fs: FsType;
  /** Permissions, with the sticky bit; no type. */
  mode: number;
  uid: number;
  gid: number;
  /** Names that lead to it. */
  links: number;
}

export interface Directory extends Common {
  readonly kind: 'directory';
  /** The directory that it lies in; itself at the root of a file system. */
  parent: Directory;
  readonly entries: Map<string, Inode>;
  /** What is mounted on it. */
  mounted: Mount | undefined;
  /** It was removed, and is kept by descriptors alone. */
  dead: boolean;
}
export interface File extends Common {
  readonly kind: 'file';
  readonly content: FileContent;
}
export interface Symlink extends Common {
  readonly kind: 'symlink';
  readonly target: string;
}
export type Inode = Directory | File | Symlink;

/** Who asks. */
export interface Credentials {
  readonly uid: number;
  readonly gid: number;
}

export const MAY_EXEC = 1;
export const MAY_WRITE = 2;
export const MAY_READ = 4;
/** S_ISVTX: entries are removed by their owners alone. */
export const STICKY = 0o1000;

/** Whether `who` may do what MAY_* ask (inode_permission): user 0 may. */
export function permitted(inode: Inode, mask: number, { uid, gid }: Credentials): boolean {
  if (uid === 0) return true;
  const shift = inode.uid === uid ? 6 : inode.gid === gid ? 3 : 0;
  return ((inode.mode >> shift) & mask) === mask;
}

/** Whether a directory's sticky bit keeps `who` from removing one of its entries (check_sticky). */
export function keptBySticky(directory: Directory, entry: Inode, { uid }: Credentials): boolean {
  return (directory.mode & STICKY) !== 0 && uid !== 0 && entry.uid !== uid && directory.uid !== uid;
}

/** An inode as it is now, and all below it, with what is mounted there. */
export function saveInode(inode: Inode): Restore {
  const { mode, uid, gid, links } = inode;
  const own = (): void => void Object.assign(inode, { mode, uid, gid, links });
  if (inode.kind !== 'directory') return own;
  const { parent, mounted, dead } = inode;
  const entries = [...inode.entries];
  return () => {
    own();
    Object.assign(inode, { parent, mounted, dead });
    inode.entries.clear();
    for (const [name, entry] of entries) inode.entries.set(name, entry);
  };
}
