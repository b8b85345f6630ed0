/** Constants of the ABI, the current CPU, and value copies that leave special fields alone. */
import { valueSize, ranges } from './header';

export const BPF_NOEXIST: u32 = 1;
export const BPF_EXIST: u32 = 2;
export const BPF_F_LOCK: u32 = 4;
export const ENOENT: i32 = -2;
export const E2BIG: i32 = -7;
export const ENOMEM: i32 = -12;
export const EBUSY: i32 = -16;
export const EEXIST: i32 = -17;
export const EINVAL: i32 = -22;
export const ENOSPC: i32 = -28;
export const EOPNOTSUPP: i32 = -95;

export const HASH: u32 = 1;
export const ARRAY: u32 = 2;
export const PROG_ARRAY: u32 = 3;
export const PERF_EVENT_ARRAY: u32 = 4;
export const PERCPU_HASH: u32 = 5;
export const PERCPU_ARRAY: u32 = 6;
export const LRU_HASH: u32 = 9;
export const LRU_PERCPU_HASH: u32 = 10;
export const LPM_TRIE: u32 = 11;
export const ARRAY_OF_MAPS: u32 = 12;
export const HASH_OF_MAPS: u32 = 13;
export const DEVMAP: u32 = 14;
export const CPUMAP: u32 = 16;
export const XSKMAP: u32 = 17;
export const QUEUE: u32 = 22;
export const STACK: u32 = 23;
export const DEVMAP_HASH: u32 = 25;
export const RINGBUF: u32 = 27;
export const BLOOM_FILTER: u32 = 30;

/** The CPU that this instance runs on. */
export let cpu: u32 = 0;
export function set_cpu(n: u32): void { cpu = n; }
export function get_smp_processor_id(): u32 { return cpu; }

/** More zeroed element memory for a map without preallocation: at least `bytes`, 8-aligned; 0 when the budget is spent. */
@external("env", "grow")
export declare function grow(map: u32, bytes: u32): u32;

// @ts-ignore: decorator
@inline export function pad8(n: u32): u32 { return (n + 7) & ~7; }

/** memcpy: V8 leaves wasm for memory.copy, so short copies are loops. Regions must not overlap. */
export function copyBytes(dst: u32, src: u32, n: u32): void {
  if (n > 256) {
    memory.copy(dst, src, n);
    return;
  }
  while (n >= 8) {
    store<u64>(dst, load<u64>(src));
    dst += 8;
    src += 8;
    n -= 8;
  }
  if (n & 4) {
    store<u32>(dst, load<u32>(src));
    dst += 4;
    src += 4;
  }
  if (n & 2) {
    store<u16>(dst, load<u16>(src));
    dst += 2;
    src += 2;
  }
  if (n & 1) store<u8>(dst, load<u8>(src));
}

/** Copies a value over an existing one (copy_map_value): special fields of dst stay. */
// @ts-ignore: decorator
@inline export function copyValue(m: u32, dst: u32, src: u32): void {
  const r = ranges(m);
  if (!r) {
    const n = valueSize(m);
    if (n == 8) store<u64>(dst, load<u64>(src));
    else if (n == 4) store<u32>(dst, load<u32>(src));
    else copyBytes(dst, src, n);
  } else copyRanges(r, dst, src);
}
function copyRanges(r: u32, dst: u32, src: u32): void {
  const n = load<u32>(r);
  for (let i: u32 = 0; i < n; i++) {
    const off = load<u32>(r, 4);
    copyBytes(dst + off, src + off, load<u32>(r, 8));
    r += 8;
  }
}

/** Fills the value of a new element: special fields are zero (check_and_init_map_value). */
// @ts-ignore: decorator
@inline export function initValue(m: u32, dst: u32, src: u32): void {
  if (ranges(m)) memory.fill(dst, 0, valueSize(m));
  copyValue(m, dst, src);
}

/** Whether n bytes are equal. */
export function bytesEqual(a: u32, b: u32, n: u32): bool {
  const end8 = a + (n & ~7);
  while (a < end8) {
    if (load<u64>(a) != load<u64>(b)) return false;
    a += 8;
    b += 8;
  }
  if (n & 4) {
    if (load<u32>(a) != load<u32>(b)) return false;
    a += 4;
    b += 4;
  }
  if (n & 2) {
    if (load<u16>(a) != load<u16>(b)) return false;
    a += 2;
    b += 2;
  }
  if (n & 1) return load<u8>(a) == load<u8>(b);
  return true;
}

export function mem_copy(dst: u32, src: u32, n: u32): void { memory.copy(dst, src, n); }
export function mem_fill(dst: u32, byte: u32, n: u32): void { memory.fill(dst, <u8>byte, n); }
/** memcmp: the difference of the first unequal bytes. */
export function mem_cmp(a: u32, b: u32, n: u32): i32 {
  for (let i: u32 = 0; i < n; i++) {
    const d = <i32>load<u8>(a + i) - <i32>load<u8>(b + i);
    if (d) return d;
  }
  return 0;
}
