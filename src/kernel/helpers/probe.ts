/** Reads that may fail: bpf_probe_read and its kernel, user and string forms, on the runtime's memory. */
import { ERRNO } from '../../uapi/errno.ts';
import { NULL_REGION } from '../mem/memory.ts';
import type { HelperEnv } from './env.ts';
import { Frames, type HelperMaker } from './frame.ts';

/** Whether [hi:lo, +size) may be read at all: guest addresses have no upper half and lie behind the null region. */
export function readable(env: HelperEnv, hi: number, lo: number, size: number): boolean {
  return hi === 0 && lo >= NULL_REGION && lo + size <= env.mem.size;
}

/** Lowest upper half of canonical kernel addresses on x86_64. */
const KERNEL_HALF = 0xffff_8000;

/** What copy_from_kernel_nofault says to an address that cannot be read: only the kernel's half is looked at at all. */
const kernelError = (hi: number): number => (hi >>> 0 >= KERNEL_HALF ? -ERRNO.EFAULT : -ERRNO.ERANGE);
const userError = (): number => -ERRNO.EFAULT;

function reader(error: (hi: number) => number): HelperMaker {
  return (env) => {
    const f = new Frames(env);
    const { u8 } = env.mem;
    return (frame) => {
      const dst = f.u32(frame, 1);
      const size = f.u32(frame, 2);
      const src = f.u32(frame, 3);
      const hi = f.hi(frame, 3);
      if (!readable(env, hi, src, size)) {
        u8.fill(0, dst, dst + size);
        return f.ret(frame, error(hi));
      }
      u8.copyWithin(dst, src, src + size);
      f.ret(frame, 0);
    };
  };
}

function stringReader(error: (hi: number) => number): HelperMaker {
  return (env) => {
    const f = new Frames(env);
    return (frame) => {
      const hi = f.hi(frame, 3);
      const length = copyString(env, f.u32(frame, 1), f.u32(frame, 2), hi, f.u32(frame, 3));
      f.ret(frame, length < 0 ? error(hi) : length);
    };
  };
}

/** bpf_probe_read_kernel(dst, size, unsafe_ptr): on a bad address dst is zeroed. */
export const probeReadKernel = reader(kernelError);
/** bpf_probe_read_user and bpf_copy_from_user; there is no other user memory than the runtime's own. */
export const probeReadUser = reader(userError);
/** bpf_probe_read_kernel_str(dst, size, unsafe_ptr): the length with its NUL; longer strings are cut. */
export const probeReadKernelStr = stringReader(kernelError);
/** bpf_probe_read_user_str */
export const probeReadUserStr = stringReader(userError);

/** strncpy_from_kernel_nofault: length with NUL, or -EFAULT with dst zeroed. */
function copyString(env: HelperEnv, dst: number, size: number, hi: number, src: number): number {
  if (size === 0) return 0;
  const { u8 } = env.mem;
  for (let i = 0; i < size; i++) {
    if (!readable(env, hi, src + i, 1)) {
      u8.fill(0, dst, dst + size);
      return -ERRNO.EFAULT;
    }
    const byte = u8[src + i] as number;
    u8[dst + i] = byte;
    if (byte === 0) return i + 1;
  }
  u8[dst + size - 1] = 0;
  return size;
}
