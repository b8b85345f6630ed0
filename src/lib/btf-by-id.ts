/** Types that a kernel has loaded, by their id. */
import { Btf } from '../btf/btf.ts';
import type { BpfSyscall } from '../uapi/attr/attr.ts';
import { BPF_CMD } from '../uapi/cmd.ts';
import { ERRNO } from '../uapi/errno.ts';
import { readObjInfo } from '../uapi/obj-info.ts';

/** The types, or -errno: -ENOENT for id 0, which is none, and -EPERM where the caller may not see them. */
export function btfById(sys: BpfSyscall, id: number): Btf | number {
  const fd = id === 0 ? -ERRNO.ENOENT : sys.bpf(BPF_CMD.BPF_BTF_GET_FD_BY_ID, { btf_id: id });
  if (fd < 0) return fd;
  try {
    const info = readObjInfo(sys, 'btf', fd, ['btf']);
    return typeof info === 'number' ? info : Btf.parse(info.buffers.btf);
  } finally {
    sys.close(fd);
  }
}
