/** Memory of processes: areas of an address space, which every CPU reads here (world/user/address-space.ts). */
import { copyBytes } from './common';

/** The first address that is no process's (TASK_SIZE_MAX on x86_64). */
const END: u64 = 0x7ffffffff000;
/** Words of an address space's record: where its areas lie, and how many they are. */
const AREAS: u32 = 0;
const COUNT: u32 = 4;
/** Words of an area: its first address (8 bytes), its size, where its bytes lie, what it allows. */
const AREA_BYTES: u32 = 24;
const SIZE: u32 = 8;
const AT: u32 = 12;
const PROT: u32 = 16;
const PROT_READ: u32 = 1;
const PROT_WRITE: u32 = 2;

/** Guest address of a word with the address space of the task that runs. */
let currentSpace: u32 = 0;
export function set_user_space(at: u32): void { currentSpace = at; }

/** The address space of the task that runs; 0 when it has none. */
export function userSpace(): u32 { return currentSpace ? load<u32>(currentSpace) : 0; }

/** Whether an address is of a process's half. Those of this memory have no upper half. */
// @ts-ignore: decorator
@inline export function ofProcess(hi: u32): bool { return hi - 1 < 0x7fff; }

/** The area of an address; 0 when there is none that allows `prot`. */
function find(space: u32, addr: u64, prot: u32): u32 {
  if (!space || addr >= END) return 0;
  const areas = load<u32>(space + AREAS);
  let lo: u32 = 0;
  let hi = load<u32>(space + COUNT);
  while (lo < hi) {
    const mid = (lo + hi) >>> 1;
    const area = areas + mid * AREA_BYTES;
    const start = load<u64>(area);
    if (addr < start) hi = mid;
    else if (addr - start >= load<u32>(area + SIZE)) lo = mid + 1;
    else return (load<u32>(area + PROT) & prot) == prot ? area : 0;
  }
  return 0;
}

/** Where the byte of an address of an area lies. */
// @ts-ignore: decorator
@inline function place(area: u32, addr: u64): u32 { return load<u32>(area + AT) + <u32>(addr - load<u64>(area)); }
/** How many bytes of an area lie at and behind an address. */
// @ts-ignore: decorator
@inline function behind(area: u32, addr: u64): u32 { return load<u32>(area + SIZE) - <u32>(addr - load<u64>(area)); }

/** Copies n bytes from a process, whose areas may join; how many could not be. */
export function read_user(space: u32, dst: u32, n: u32, lo: u32, hi: u32): u32 {
  let addr = (<u64>hi << 32) | lo;
  while (n) {
    const area = find(space, addr, PROT_READ);
    if (!area) return n;
    const part = min(n, behind(area, addr));
    copyBytes(dst, place(area, addr), part);
    dst += part;
    addr += part;
    n -= part;
  }
  return 0;
}

/** Copies n bytes to a process; how many could not be. */
export function write_user(space: u32, lo: u32, hi: u32, src: u32, n: u32): u32 {
  let addr = (<u64>hi << 32) | lo;
  while (n) {
    const area = find(space, addr, PROT_WRITE);
    if (!area) return n;
    const part = min(n, behind(area, addr));
    copyBytes(place(area, addr), src, part);
    src += part;
    addr += part;
    n -= part;
  }
  return 0;
}

/**
 * Copies text from a process, by words of 8 bytes as strncpy_from_user does where a whole one fits: behind the NUL its word is zeros.
 * Gives its length with its NUL, n when that is not among n bytes, -1 when a byte before it cannot be read. */
export function read_user_text(space: u32, dst: u32, n: u32, lo: u32, hi: u32): i32 {
  const start = (<u64>hi << 32) | lo;
  let addr = start;
  let done: u32 = 0;
  while (done < n) {
    const area = find(space, addr, PROT_READ);
    if (!area) return -1;
    const part = min(n - done, behind(area, addr));
    const from = place(area, addr);
    for (let i: u32 = 0; i < part; i++) {
      const c = load<u8>(from + i);
      store<u8>(dst + done++, c);
      if (!c) {
        const end = (done + 7) & ~7;
        if (end <= n && find(space, start + end - 1, PROT_READ)) memory.fill(dst + done, 0, end - done);
        return done;
      }
    }
    addr += part;
  }
  return n;
}
