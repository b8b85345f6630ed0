/** Pins: objects kept alive by files of a BPF file system, and objects opened by those files. */
import type { BpfSyscall } from '../../uapi/attr/attr.ts';
import { BPF_CMD } from '../../uapi/cmd.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_F_RDONLY, BPF_F_WRONLY } from '../../uapi/flags.ts';
import type { FileCalls } from '../../uapi/files.ts';
import { BpfError, loaderError } from '../errors.ts';

/** Directories that are made for a pin. */
const DIRECTORY_MODE = 0o700;

/** How a pinned map is opened. */
export interface OpenPinnedOptions {
  /** What element commands may do: `r` to look up, `w` to update and delete. Default: `rw`. */
  readonly access?: 'r' | 'w' | 'rw';
}

/** Makes a file for a descriptor, and the last directory of its path where that is missing. Throws BpfError. */
export function pinFd(sys: BpfSyscall, fd: number, path: string, what: string): void {
  const attr: { pathname: string; bpf_fd: number; unsupported?: string } = { pathname: path, bpf_fd: fd };
  let result = sys.bpf(BPF_CMD.BPF_OBJ_PIN, attr);
  if (result === -ERRNO.ENOENT && sys.files !== undefined && makeParent(sys.files, path))
    result = sys.bpf(BPF_CMD.BPF_OBJ_PIN, attr);
  if (result < 0)
    throw new BpfError({
      errno: -result,
      op: `pin ${what} to ${path}`,
      detail: attr.unsupported ?? why(-result, path),
    });
}

/** Opens what is pinned: a descriptor, or -errno. */
export function openPinned(sys: BpfSyscall, path: string, { access = 'rw' }: OpenPinnedOptions = {}): number {
  const file_flags = access === 'r' ? BPF_F_RDONLY : access === 'w' ? BPF_F_WRONLY : 0;
  return sys.bpf(BPF_CMD.BPF_OBJ_GET, { pathname: path, ...(file_flags === 0 ? {} : { file_flags }) });
}

/** The kind of object that a descriptor is of, as the kernel's fdinfo tells; undefined where it does not. */
export function kindOfFd(sys: BpfSyscall, fd: number): 'map' | 'prog' | 'link' | 'btf' | undefined {
  const text = sys.readText?.(`/proc/self/fdinfo/${fd}`);
  const word = typeof text === 'string' ? /^(map_type|prog_type|link_type|btf_id):/m.exec(text)?.[1] : undefined;
  return word?.replace(/_.*/, '') as ReturnType<typeof kindOfFd>;
}

/** Removes the file of a pin. Throws BpfError. */
export function unpinPath(sys: BpfSyscall, path: string, what: string): void {
  const op = `unpin ${what} from ${path}`;
  if (sys.files === undefined) throw loaderError(op, 'EOPNOTSUPP', 'this door cannot remove files (unlink)');
  const result = sys.files.unlink(path);
  if (result < 0) throw new BpfError({ errno: -result, op, detail: 'unlink(2) refused' });
}

/** Makes the directory that a path lies in: whether it is new. */
function makeParent(files: FileCalls, path: string): boolean {
  const parent = path.slice(0, path.lastIndexOf('/'));
  return parent !== '' && files.mkdir(parent, DIRECTORY_MODE) === 0;
}

/** The likely reason of a refusal: the kernel gives a number only. */
function why(errno: number, path: string): string {
  const dotted = path.slice(path.lastIndexOf('/') + 1).includes('.');
  if (errno === ERRNO.EPERM) return dotted ? 'names with a dot are kept for the kernel' : 'this is no BPF file system';
  if (errno === ERRNO.EEXIST) return 'there is such a file';
  return errno === ERRNO.ENOENT ? 'there is no such directory' : 'bpf(2) refused';
}

/** The file that keeps one object alive, at most one for each handle. */
export class PinnedAt {
  readonly #sys: BpfSyscall;
  readonly #what: string;
  #path: string | undefined;

  constructor(sys: BpfSyscall, what: string, path?: string) {
    this.#sys = sys;
    this.#what = what;
    this.#path = path;
  }

  /** Where it is pinned; undefined when it is not. */
  get path(): string | undefined {
    return this.#path;
  }

  /** Throws BpfError: EEXIST when this handle is pinned elsewhere. */
  pin(fd: number, path: string): void {
    if (this.#path === path) return;
    if (this.#path !== undefined)
      throw loaderError(`pin ${this.#what} to ${path}`, 'EEXIST', `it is pinned to ${this.#path}: unpin it first`);
    pinFd(this.#sys, fd, path, this.#what);
    this.#path = path;
  }

  /** Removes the file; does nothing when there is none. Throws BpfError. */
  unpin(): void {
    if (this.#path === undefined) return;
    unpinPath(this.#sys, this.#path, this.#what);
    this.#path = undefined;
  }
}
