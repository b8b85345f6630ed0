/** Reading what an iterator writes. */
import type { BpfSyscall } from '../../uapi/attr/attr.ts';
import { BPF_CMD } from '../../uapi/cmd.ts';
import { BpfError, loaderError } from '../errors.ts';

/** Bytes of one read. */
const CHUNK = 4096;

/** Runs an iterator from the beginning to the end: all that it writes. Throws BpfError: EAGAIN when its program wants an item again. */
export function readIterator(sys: BpfSyscall, linkFd: number): Uint8Array {
  const op = 'read iterator';
  if (sys.read === undefined) throw loaderError(op, 'EOPNOTSUPP', 'this door reads no descriptors');
  const fd = sys.bpf(BPF_CMD.BPF_ITER_CREATE, { iter_create: { link_fd: linkFd } });
  if (fd < 0) throw new BpfError({ errno: -fd, op, detail: 'bpf(2) refused' });
  try {
    const parts: Uint8Array[] = [];
    for (;;) {
      const bytes = sys.read(fd, CHUNK);
      if (typeof bytes === 'number') throw new BpfError({ errno: -bytes, op, detail: 'read(2) refused' });
      if (bytes.length === 0) return joined(parts);
      parts.push(bytes);
    }
  } finally {
    sys.close(fd);
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
