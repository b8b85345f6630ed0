/**
 * Hash tables: BPF_MAP_TYPE_HASH, LRU_HASH, their per-CPU forms, HASH_OF_MAPS and DEVMAP_HASH.
 * An element is: next (u32), hash (31 bits) and the LRU reference bit (bit 31), key padded to 8, value(s) padded to 8.
 * Updates replace the element, as the kernel's do: a pointer to the old value keeps seeing the old bytes until reuse.
 */
import { BPF_EXIST, BPF_F_LOCK, BPF_NOEXIST, E2BIG, EEXIST, EINVAL, ENOENT, ENOMEM, LRU_HASH, LRU_PERCPU_HASH, bytesEqual, copyBytes, copyValue, cpu, grow, initValue, pad8 } from './common';
import { base, bump, bumpEnd, count, cpuStride, freeHead, head, keySize, lockOff, mapFlags, mapType, mask, maxEntries, nrCpus, poolEnd, seed, setBump, setBumpEnd, setCount, setFreeHead, setHead, setSpare, spare, stride, tail, valueOff } from './header';
import { hashBytes, mix } from './jhash';

const REF: u32 = 0x80000000;
const BPF_F_NO_PREALLOC: u32 = 1;

// @ts-ignore: decorator
@inline function fold(h: u64): u32 { return <u32>(h >> 7) & 0x7fffffff; }
// @ts-ignore: decorator
@inline function hash4(key: u32, s: u64): u32 { return fold(mix(load<u32>(key), s)); }
// @ts-ignore: decorator
@inline function hash8(key: u32, s: u64): u32 { return fold(mix(load<u64>(key), s)); }
// @ts-ignore: decorator
@inline function hash16(key: u32, s: u64): u32 { return fold(mix(load<u64>(key, 8), mix(load<u64>(key), s))); }
// @ts-ignore: decorator
@inline function bucket(m: u32, h: u32): u32 { return base(m) + ((h & mask(m)) << 2); }

function hashKey(m: u32, key: u32): u32 {
  const n = keySize(m);
  if (n == 4) return hash4(key, seed(m));
  if (n == 8) return hash8(key, seed(m));
  if (n == 16) return hash16(key, seed(m));
  return hashBytes(key, n, seed(m));
}

// @ts-ignore: decorator
@inline function find4(m: u32, key: u32): u32 {
  const k = load<u32>(key);
  let e = load<u32>(bucket(m, hash4(key, seed(m))));
  while (e) {
    if (load<u32>(e, 8) == k) return e;
    e = load<u32>(e);
  }
  return 0;
}
// @ts-ignore: decorator
@inline function find8(m: u32, key: u32): u32 {
  const k = load<u64>(key);
  let e = load<u32>(bucket(m, hash8(key, seed(m))));
  while (e) {
    if (load<u64>(e, 8) == k) return e;
    e = load<u32>(e);
  }
  return 0;
}
// @ts-ignore: decorator
@inline function find16(m: u32, key: u32): u32 {
  const k = load<u64>(key);
  const l = load<u64>(key, 8);
  let e = load<u32>(bucket(m, hash16(key, seed(m))));
  while (e) {
    if (load<u64>(e, 8) == k && load<u64>(e, 16) == l) return e;
    e = load<u32>(e);
  }
  return 0;
}
function findAny(m: u32, key: u32, h: u32): u32 {
  const n = keySize(m);
  let e = load<u32>(bucket(m, h));
  while (e) {
    if ((load<u32>(e, 4) & ~REF) == h && bytesEqual(e + 8, key, n)) return e;
    e = load<u32>(e);
  }
  return 0;
}
function find(m: u32, key: u32): u32 {
  const n = keySize(m);
  if (n == 4) return find4(m, key);
  if (n == 8) return find8(m, key);
  if (n == 16) return find16(m, key);
  return findAny(m, key, hashBytes(key, n, seed(m)));
}

// Program-side lookups, specialised by key size.
export function hash4_lookup(m: u32, key: u32): u32 { const e = find4(m, key); return e ? e + 16 : 0; }
export function hash8_lookup(m: u32, key: u32): u32 { const e = find8(m, key); return e ? e + 16 : 0; }
export function hash16_lookup(m: u32, key: u32): u32 { const e = find16(m, key); return e ? e + 24 : 0; }
export function hash_lookup(m: u32, key: u32): u32 { const e = find(m, key); return e ? e + valueOff(m) : 0; }

// @ts-ignore: decorator
@inline function touch(e: u32): void { const b = load<u8>(e, 7); if (!(b & 0x80)) store<u8>(e, b | 0x80, 7); }
export function lru4_lookup(m: u32, key: u32): u32 { const e = find4(m, key); if (!e) return 0; touch(e); return e + 16; }
export function lru8_lookup(m: u32, key: u32): u32 { const e = find8(m, key); if (!e) return 0; touch(e); return e + 16; }
export function lru16_lookup(m: u32, key: u32): u32 { const e = find16(m, key); if (!e) return 0; touch(e); return e + 24; }
export function lru_lookup(m: u32, key: u32): u32 { const e = find(m, key); if (!e) return 0; touch(e); return e + valueOff(m); }
export function percpu_hash_lookup(m: u32, key: u32): u32 { const e = find(m, key); return e ? e + valueOff(m) + cpu * cpuStride(m) : 0; }
export function lru_percpu_hash_lookup(m: u32, key: u32): u32 { const e = find(m, key); if (!e) return 0; touch(e); return e + valueOff(m) + cpu * cpuStride(m); }
/** HASH_OF_MAPS: the value is the inner map's address. */
export function hash_of_maps_lookup(m: u32, key: u32): u32 { const e = find(m, key); return e ? load<u32>(e + valueOff(m)) : 0; }
export function percpu_hash_lookup_cpu(m: u32, key: u32, n: u32): u32 {
  if (n >= nrCpus(m)) return 0;
  const e = find(m, key);
  if (!e) return 0;
  if (mapType(m) == LRU_PERCPU_HASH) touch(e);
  return e + valueOff(m) + n * cpuStride(m);
}
/** Value address (of CPU 0) without touching the LRU, for user space. */
export function hash_peek(m: u32, key: u32): u32 { const e = find(m, key); return e ? e + valueOff(m) : 0; }

// @ts-ignore: decorator
@inline function isLru(m: u32): bool { const t = mapType(m); return t == LRU_HASH || t == LRU_PERCPU_HASH; }

function unlink(m: u32, e: u32): void {
  let p = bucket(m, load<u32>(e, 4) & ~REF);
  while (true) {
    const x = load<u32>(p);
    if (x == e) { store<u32>(p, load<u32>(e)); return; }
    if (!x) return;
    p = x;
  }
}
function evict(m: u32): u32 {
  const first = tail(m);
  const end = poolEnd(m);
  const s = stride(m);
  const keep = spare(m);
  let e = head(m);
  while (true) {
    if (e >= end) e = first;
    if (e != keep) {
      const b = load<u8>(e, 7);
      if (!(b & 0x80)) break;
      store<u8>(e, b & 0x7f, 7);
    }
    e += s;
  }
  setHead(m, e + s);
  unlink(m, e);
  setCount(m, count(m) - 1);
  return e;
}
/** Takes an unused element; 0 when no memory can be had. */
function take(m: u32): u32 {
  let e = freeHead(m);
  if (e) {
    setFreeHead(m, load<u32>(e, 4));
    return e;
  }
  e = bump(m);
  const s = stride(m);
  if (e + s > bumpEnd(m) || e + s < e) {
    if (!(mapFlags(m) & BPF_F_NO_PREALLOC)) return 0;
    let n = count(m) >> 1;
    if (n < 8) n = 8;
    if (<u64>n * s > 1 << 22) n = (1 << 22) / s;
    if (!n) n = 1;
    e = grow(m, n * s);
    if (!e) return 0;
    setBumpEnd(m, e + n * s);
  }
  setBump(m, e + s);
  return e;
}
// @ts-ignore: decorator
@inline function give(m: u32, e: u32): void {
  store<u32>(e, freeHead(m), 4);
  setFreeHead(m, e);
}
// @ts-ignore: decorator
@inline function link(m: u32, e: u32, h: u32, ref: u32): void {
  const b = bucket(m, h);
  store<u32>(e, h | ref, 4);
  store<u32>(e, load<u32>(b));
  store<u32>(b, e);
}
function copyKey(m: u32, e: u32, key: u32): void {
  const n = keySize(m);
  if (n == 4) store<u32>(e, load<u32>(key), 8);
  else if (n == 8) store<u64>(e, load<u64>(key), 8);
  else copyBytes(e + 8, key, n);
}

/** An element ready to take a new key, already counted; 0 = full, 0xffffffff = out of memory. */
function claim(m: u32): u32 {
  if (count(m) >= maxEntries(m)) {
    if (!isLru(m)) return 0;
    const e = evict(m);
    setCount(m, count(m) + 1);
    return e;
  }
  const e = take(m);
  if (!e) return mapFlags(m) & BPF_F_NO_PREALLOC ? 0xffffffff : 0;
  setCount(m, count(m) + 1);
  return e;
}

/** htab_map_update_elem. */
export function hash_update(m: u32, key: u32, value: u32, flags: u32): i32 {
  if ((flags & ~BPF_F_LOCK) > BPF_EXIST) return EINVAL;
  const locked = flags & BPF_F_LOCK;
  if (locked && (lockOff(m) < 0 || isLru(m))) return EINVAL;
  flags &= 3;
  const h = hashKey(m, key);
  const old = find(m, key);
  if (old) {
    if (flags == BPF_NOEXIST) return EEXIST;
    if (locked) { copyValue(m, old + valueOff(m), value); return 0; }
    let e = spare(m);
    if (!e) {
      e = take(m);
      if (!e) return ENOMEM;
    }
    copyKey(m, e, key);
    initValue(m, e + valueOff(m), value);
    unlink(m, old);
    if (spare(m)) setSpare(m, old);
    else give(m, old);
    link(m, e, h, isLru(m) ? REF : 0);
    return 0;
  }
  if (flags == BPF_EXIST) return ENOENT;
  const e = claim(m);
  if (e == 0) return E2BIG;
  if (e == 0xffffffff) return ENOMEM;
  copyKey(m, e, key);
  initValue(m, e + valueOff(m), value);
  link(m, e, h, 0);
  return 0;
}

/** Finds or makes the element for a per-CPU value and returns its value address (CPU 0, new ones zeroed), or -errno as u32. */
export function hash_slot(m: u32, key: u32, flags: u32): u32 {
  if (flags > BPF_EXIST) return <u32>EINVAL;
  const old = find(m, key);
  if (old) {
    if (flags == BPF_NOEXIST) return <u32>EEXIST;
    if (isLru(m)) touch(old);
    return old + valueOff(m);
  }
  if (flags == BPF_EXIST) return <u32>ENOENT;
  const e = claim(m);
  if (e == 0) return <u32>E2BIG;
  if (e == 0xffffffff) return <u32>ENOMEM;
  copyKey(m, e, key);
  const v = e + valueOff(m);
  memory.fill(v, 0, stride(m) - valueOff(m));
  link(m, e, hashKey(m, key), 0);
  return v;
}
/** htab_percpu_map_update_elem: the running CPU's value; the others of a new element are zero. */
export function percpu_hash_update(m: u32, key: u32, value: u32, flags: u32): i32 {
  const v = hash_slot(m, key, flags);
  if (v >= 0xfffff001) return <i32>v;
  copyValue(m, v + cpu * cpuStride(m), value);
  return 0;
}

/** htab_map_delete_elem. */
export function hash_delete(m: u32, key: u32): i32 {
  const e = find(m, key);
  if (!e) return ENOENT;
  unlink(m, e);
  give(m, e);
  setCount(m, count(m) - 1);
  return 0;
}

/** First element at or after a bucket, 0 at the end. */
function firstFrom(m: u32, i: u32): u32 {
  const n = mask(m);
  const b = base(m);
  while (i <= n) {
    const e = load<u32>(b + (i << 2));
    if (e) return e;
    i++;
  }
  return 0;
}
/** Walks all elements: 0 starts, then the element before; gives the element or 0. */
export function hash_next(m: u32, e: u32): u32 {
  if (!e) return count(m) ? firstFrom(m, 0) : 0;
  const x = load<u32>(e);
  if (x) return x;
  return firstFrom(m, ((load<u32>(e, 4) & ~REF) & mask(m)) + 1);
}
/** htab_map_get_next_key: key 0 or one that is missing gives the first. */
export function hash_next_key(m: u32, key: u32, out: u32): i32 {
  const e = hash_next(m, key ? find(m, key) : 0);
  if (!e) return ENOENT;
  memory.copy(out, e + 8, keySize(m));
  return 0;
}
/** Elements of bucket `i`: the first, so that batches can stop between buckets. */
export function hash_bucket(m: u32, i: u32): u32 { return i <= mask(m) ? load<u32>(base(m) + (i << 2)) : 0; }
