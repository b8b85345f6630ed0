/** Links: programs attached to hooks, one interface for every kind (BPF_LINK_*). */
import type { BpfSyscall, LinkCreateAttr } from '../../uapi/attr/attr.ts';
import { BPF_CMD } from '../../uapi/cmd.ts';
import { BPF_F_REPLACE } from '../../uapi/flags.ts';
import { readObjInfo } from '../../uapi/obj-info.ts';
import { BpfError, loaderError } from '../errors.ts';
import { readIterator } from './read-iterator.ts';
import { kindOfFd, openPinned, PinnedAt } from '../pin/pin.ts';

/** The kernel's information on a link (struct bpf_link_info). */
export interface LinkInfo {
  readonly id: number;
  /** BPF_LINK_TYPE_*. */
  readonly type: number;
  /** Id of the attached program. */
  readonly progId: number;
}

/** An attachment. It ends when it is detached, or when its last descriptor is closed and it is not pinned. */
export interface Link extends Disposable {
  readonly fd: number;
  /** Puts another program in place, only instead of `old` when that is given. Throws BpfError: EINVAL for kinds that cannot. */
  update(program: { readonly fd: number }, old?: { readonly fd: number }): void;
  /** Where {@link pin} put it; undefined when it is not pinned. */
  readonly pinPath: string | undefined;
  /** Keeps it alive by a file of a BPF file system; the last directory of the path is made where it is missing. Throws BpfError. */
  pin(path: string): void;
  /** Removes the file of {@link pin}; does nothing when it was not pinned. */
  unpin(): void;
  /** Takes the program off its hook; the link stays, attached to nothing. Throws BpfError: EOPNOTSUPP for kinds that cannot. */
  detach(): void;
  /** Asks the kernel. Throws BpfError when it refuses. */
  info(): LinkInfo;
  /** Of an iterator: runs it from the beginning to the end, and gives all that it writes. Throws BpfError. */
  read(): Uint8Array;
  /** Closes the descriptor, at most once. */
  close(): void;
}

/** Attaches by BPF_RAW_TRACEPOINT_OPEN; without a name, where the program was loaded for. Throws BpfError. */
export function openRawTracepoint(sys: BpfSyscall, progFd: number, name: string | undefined, cookie = 0n): Link {
  const raw_tracepoint: { prog_fd: number; name?: string; cookie: bigint; unsupported?: string } = {
    ...(name === undefined ? {} : { name }),
    prog_fd: progFd,
    cookie,
  };
  const fd = sys.bpf(BPF_CMD.BPF_RAW_TRACEPOINT_OPEN, { raw_tracepoint });
  const op = name === undefined ? 'attach to its target' : `attach to raw tracepoint ${name}`;
  if (fd < 0) throw new BpfError({ errno: -fd, op, detail: raw_tracepoint.unsupported ?? 'bpf(2) refused' });
  return new FdLink(sys, fd);
}

/** Attaches by BPF_LINK_CREATE. Throws BpfError. */
export function createLink(sys: BpfSyscall, given: LinkCreateAttr['link_create'], op: string): Link {
  const link_create = { ...given };
  const fd = sys.bpf(BPF_CMD.BPF_LINK_CREATE, { link_create });
  if (fd < 0) throw new BpfError({ errno: -fd, op, detail: link_create.unsupported ?? 'bpf(2) refused' });
  return new FdLink(sys, fd);
}

/** Opens a link that was pinned, maybe by another process. Throws BpfError: EINVAL when another kind of object is pinned there. */
export function openPinnedLink(sys: BpfSyscall, path: string): Link {
  const op = `open the pinned link ${path}`;
  const fd = openPinned(sys, path);
  if (fd < 0) throw new BpfError({ errno: -fd, op, detail: 'bpf(2) refused' });
  const link = new FdLink(sys, fd, path);
  if (kindOfFd(sys, fd) === 'link') return link;
  link.close();
  throw loaderError(op, 'EINVAL', 'it is no link');
}

/** Links by the names of their programs, which end together. */
export class Links implements Disposable {
  readonly #links: ReadonlyMap<string, Link>;

  constructor(links: ReadonlyMap<string, Link>) {
    this.#links = links;
  }

  /** How many there are. */
  get size(): number {
    return this.#links.size;
  }

  /** The link of a program; undefined when it was not attached. */
  get(program: string): Link | undefined {
    return this.#links.get(program);
  }

  /** Programs' names and their links, in the order of attachment. */
  [Symbol.iterator](): IterableIterator<readonly [string, Link]> {
    return this.#links.entries();
  }

  /** Closes all. */
  close(): void {
    for (const link of this.#links.values()) link.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

class FdLink implements Link {
  readonly #sys: BpfSyscall;
  readonly fd: number;
  readonly #pinned: PinnedAt;
  #open = true;

  constructor(sys: BpfSyscall, fd: number, path?: string) {
    this.#sys = sys;
    this.fd = fd;
    this.#pinned = new PinnedAt(sys, 'link', path);
  }

  get pinPath(): string | undefined {
    return this.#pinned.path;
  }

  update(program: { readonly fd: number }, old?: { readonly fd: number }): void {
    const replace = old === undefined ? {} : { flags: BPF_F_REPLACE, old_prog_fd: old.fd };
    const link_update = { link_fd: this.fd, new_prog_fd: program.fd, ...replace };
    this.#check(this.#sys.bpf(BPF_CMD.BPF_LINK_UPDATE, { link_update }), 'update link');
  }

  pin(path: string): void {
    this.#pinned.pin(this.fd, path);
  }

  unpin(): void {
    this.#pinned.unpin();
  }

  detach(): void {
    this.#check(this.#sys.bpf(BPF_CMD.BPF_LINK_DETACH, { link_detach: { link_fd: this.fd } }), 'detach link');
  }

  read(): Uint8Array {
    return readIterator(this.#sys, this.fd);
  }

  info(): LinkInfo {
    const found = readObjInfo(this.#sys, 'link', this.fd);
    if (typeof found === 'number') throw new BpfError({ errno: -found, op: 'info of link' });
    const { id, type, prog_id: progId } = found.values;
    return { id: Number(id), type: Number(type), progId: Number(progId) };
  }

  close(): void {
    if (this.#open) this.#sys.close(this.fd);
    this.#open = false;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #check(result: number, op: string): void {
    if (result < 0) throw new BpfError({ errno: -result, op, detail: 'bpf(2) refused' });
  }
}
