/** Files of a BPF file system: objects that are kept by a name. */
import type { BpfSyscall } from '../../uapi/attr/attr.ts';
import { BPF_CMD } from '../../uapi/cmd.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { BpfError, loaderError } from '../errors.ts';

/** Keeps an object by a file. Throws BpfError: EEXIST when there is one, ENOENT without the folder, EPERM outside of such a file system. */
export function pinObject(sys: BpfSyscall, fd: number, path: string, what: string): void {
  const attr: { pathname: string; bpf_fd: number; unsupported?: string } = { pathname: path, bpf_fd: fd };
  check(sys.bpf(BPF_CMD.BPF_OBJ_PIN, attr), `pin ${what} to ${path}`, attr.unsupported);
}

/** Removes a file. Throws BpfError. */
export function unpinObject(sys: BpfSyscall, path: string, what: string): void {
  const op = `unpin ${what} from ${path}`;
  if (sys.unlink === undefined) throw loaderError(op, 'EOPNOTSUPP', 'this door cannot remove files (unlink)');
  check(sys.unlink(path), op);
}

/** A descriptor of what a file keeps; undefined when there is no such file. Throws BpfError. */
export function openPinned(sys: BpfSyscall, path: string): number | undefined {
  const attr: { pathname: string; unsupported?: string } = { pathname: path };
  const fd = sys.bpf(BPF_CMD.BPF_OBJ_GET, attr);
  if (fd === -ERRNO.ENOENT) return undefined;
  check(fd, `open ${path}`, attr.unsupported);
  return fd;
}

function check(result: number, op: string, detail = 'bpf(2) refused'): void {
  if (result < 0) throw new BpfError({ errno: -result, op, detail });
}
