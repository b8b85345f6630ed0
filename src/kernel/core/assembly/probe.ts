/** Reads that may fail: bpf_probe_read in its kernel and user forms. A source address comes as two words. */
import { copyBytes } from './common';
import { ofProcess, read_user, read_user_text, userSpace } from './user';

const EFAULT: i32 = -14;
const ERANGE: i32 = -34;
/** Addresses below are the null region. */
const LEAST: u32 = 0x10000;
/** Lowest upper half of canonical kernel addresses on x86_64. */
const KERNEL_HALF: u32 = 0xffff8000;

/** Whether [hi:lo, +n) may be read at all: guest addresses have no upper half and lie behind the null region. */
// @ts-ignore: decorator
@inline export function readable(hi: u32, lo: u32, n: u32): bool {
  return !hi && lo >= LEAST && <u64>lo + n <= <u64>memory.size() << 16;
}

// @ts-ignore: decorator
@inline function read(dst: u32, n: u32, lo: u32, hi: u32, error: i32): i32 {
  if (!readable(hi, lo, n)) {
    memory.fill(dst, 0, n);
    return error;
  }
  // Copies from and to one object may overlap.
  if (dst - lo < n || lo - dst < n) memory.copy(dst, lo, n);
  else copyBytes(dst, lo, n);
  return 0;
}

/** What copy_from_kernel_nofault says to an address that cannot be read: only the kernel's half is looked at at all. */
// @ts-ignore: decorator
@inline function kernelError(hi: u32): i32 { return hi >= KERNEL_HALF ? EFAULT : ERANGE; }

/** bpf_probe_read_kernel(dst, size, src) */
export function probe_read_kernel(dst: u32, n: u32, lo: u32, hi: u32): i32 { return read(dst, n, lo, hi, kernelError(hi)); }

/** bpf_probe_read_user(dst, size, src): nothing can be read from anywhere. */
export function probe_read_user(dst: u32, n: u32, lo: u32, hi: u32): i32 {
  if (!read_user(userSpace(), dst, n, lo, hi)) return 0;
  memory.fill(dst, 0, n);
  return EFAULT;
}
/** bpf_probe_read(dst, size, src): the address says whose it is. */
export function probe_read(dst: u32, n: u32, lo: u32, hi: u32): i32 {
  return ofProcess(hi) ? probe_read_user(dst, n, lo, hi) : probe_read_kernel(dst, n, lo, hi);
}

/** strncpy_from_kernel_nofault: length with its NUL, longer strings are cut; dst is zeroed when a byte cannot be read. */
function readString(dst: u32, n: u32, lo: u32, hi: u32, error: i32): i32 {
  if (!n) return 0;
  for (let i: u32 = 0; i < n; i++) {
    if (!readable(hi, lo + i, 1)) {
      memory.fill(dst, 0, n);
      return error;
    }
    const c = load<u8>(lo + i);
    store<u8>(dst + i, c);
    if (!c) return i + 1;
  }
  store<u8>(dst + n - 1, 0);
  return n;
}
/** bpf_probe_read_kernel_str(dst, size, src) */
export function probe_read_kernel_str(dst: u32, n: u32, lo: u32, hi: u32): i32 { return readString(dst, n, lo, hi, kernelError(hi)); }
/** bpf_probe_read_user_str(dst, size, src): length with its NUL, longer text is cut; dst is zeroed when a byte cannot be read. */
export function probe_read_user_str(dst: u32, n: u32, lo: u32, hi: u32): i32 {
  const length = read_user_text(userSpace(), dst, n, lo, hi);
  if (length < 0) {
    memory.fill(dst, 0, n);
    return EFAULT;
  }
  if (<u32>length == n && n) store<u8>(dst + n - 1, 0);
  return length;
}
/** bpf_probe_read_str(dst, size, src): the address says whose it is. */
export function probe_read_str(dst: u32, n: u32, lo: u32, hi: u32): i32 {
  return ofProcess(hi) ? probe_read_user_str(dst, n, lo, hi) : probe_read_kernel_str(dst, n, lo, hi);
}
