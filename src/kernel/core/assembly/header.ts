/** The core's private header of a map: 32-bit words at negative offsets below the guest address of struct bpf_map. Mirrors maps/header.ts. */

export const H_SIZE: u32 = 128;
// Byte offsets from (map - H_SIZE).
// @ts-ignore: decorator
@inline export function mapType(m: u32): u32 { return load<u32>(m - 128); }
// @ts-ignore: decorator
@inline export function keySize(m: u32): u32 { return load<u32>(m - 124); }
// @ts-ignore: decorator
@inline export function valueSize(m: u32): u32 { return load<u32>(m - 120); }
// @ts-ignore: decorator
@inline export function maxEntries(m: u32): u32 { return load<u32>(m - 116); }
/** Bytes of one element: array stride, hash element, trie node, queue slot. */
// @ts-ignore: decorator
@inline export function stride(m: u32): u32 { return load<u32>(m - 112); }
/** Array values, hash buckets, queue slots, bloom bits, ring base; the trie keeps its root pointer in this word. */
// @ts-ignore: decorator
@inline export function base(m: u32): u32 { return load<u32>(m - 108); }
// @ts-ignore: decorator
@inline export function mask(m: u32): u32 { return load<u32>(m - 104); }
// @ts-ignore: decorator
@inline export function count(m: u32): u32 { return load<u32>(m - 100); }
// @ts-ignore: decorator
@inline export function setCount(m: u32, n: u32): void { store<u32>(m - 100, n); }
/** Free list of elements, linked through their second word so that a chain walk over a freed element still ends. */
// @ts-ignore: decorator
@inline export function freeHead(m: u32): u32 { return load<u32>(m - 96); }
// @ts-ignore: decorator
@inline export function setFreeHead(m: u32, e: u32): void { store<u32>(m - 96, e); }
/** Next never-used element and the end of its block. */
// @ts-ignore: decorator
@inline export function bump(m: u32): u32 { return load<u32>(m - 92); }
// @ts-ignore: decorator
@inline export function setBump(m: u32, e: u32): void { store<u32>(m - 92, e); }
// @ts-ignore: decorator
@inline export function bumpEnd(m: u32): u32 { return load<u32>(m - 88); }
// @ts-ignore: decorator
@inline export function setBumpEnd(m: u32, e: u32): void { store<u32>(m - 88, e); }
/** The spare element that the next replacement takes; the replaced one becomes the spare. */
// @ts-ignore: decorator
@inline export function spare(m: u32): u32 { return load<u32>(m - 84); }
// @ts-ignore: decorator
@inline export function setSpare(m: u32, e: u32): void { store<u32>(m - 84, e); }
// @ts-ignore: decorator
@inline export function seed(m: u32): u64 { return load<u64>(m - 80); }
// @ts-ignore: decorator
@inline export function mapFlags(m: u32): u32 { return load<u32>(m - 72); }
/** Offset of the value in an element. */
// @ts-ignore: decorator
@inline export function valueOff(m: u32): u32 { return load<u32>(m - 68); }
/** Bytes from one CPU's value to the next's; 0 when the values are not per CPU. */
// @ts-ignore: decorator
@inline export function cpuStride(m: u32): u32 { return load<u32>(m - 64); }
/** Address of the copy ranges (count, then offset and length pairs) of values with special fields; 0 without. */
// @ts-ignore: decorator
@inline export function ranges(m: u32): u32 { return load<u32>(m - 60); }
/** LRU clock hand (an element address), queue head index, bloom hash count. */
// @ts-ignore: decorator
@inline export function head(m: u32): u32 { return load<u32>(m - 56); }
// @ts-ignore: decorator
@inline export function setHead(m: u32, v: u32): void { store<u32>(m - 56, v); }
/** Queue tail index; LRU: first element of the pool. */
// @ts-ignore: decorator
@inline export function tail(m: u32): u32 { return load<u32>(m - 52); }
// @ts-ignore: decorator
@inline export function setTail(m: u32, v: u32): void { store<u32>(m - 52, v); }
// @ts-ignore: decorator
@inline export function nrCpus(m: u32): u32 { return load<u32>(m - 48); }
/** Offset of the value's bpf_spin_lock, or -1. */
// @ts-ignore: decorator
@inline export function lockOff(m: u32): i32 { return load<i32>(m - 44); }
/** Last element's end of an LRU pool. */
// @ts-ignore: decorator
@inline export function poolEnd(m: u32): u32 { return load<u32>(m - 40); }
