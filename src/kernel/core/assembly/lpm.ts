/**
 * BPF_MAP_TYPE_LPM_TRIE: a path-compressed binary trie; nodes that only branch are marked and not counted.
 * A node is: left, right (also free-list link), prefix length, branch flag (u32 each), data padded to 8, value.
 * A key is the prefix length in bits (u32, native order) and the data, most significant byte first.
 */
import { BPF_EXIST, BPF_NOEXIST, EEXIST, EINVAL, ENOENT, ENOMEM, ENOSPC, copyBytes, grow, initValue } from './common';
import { bump, bumpEnd, count, freeHead, keySize, maxEntries, setBump, setBumpEnd, setCount, setFreeHead, stride, valueOff } from './header';

const DATA: u32 = 16;
const BRANCH: u32 = 1;

// @ts-ignore: decorator
@inline function root(m: u32): u32 { return m - 108; }
// @ts-ignore: decorator
@inline function maxPrefix(m: u32): u32 { return (keySize(m) - 4) << 3; }
// @ts-ignore: decorator
@inline function bitAt(data: u32, i: u32): u32 { return (load<u8>(data + (i >> 3)) >> <u8>(7 - (i & 7))) & 1; }
// @ts-ignore: decorator
@inline function plen(n: u32): u32 { return load<u32>(n, 8); }
// @ts-ignore: decorator
@inline function isBranch(n: u32): bool { return load<u32>(n, 12) == BRANCH; }
// @ts-ignore: decorator
@inline function child(n: u32, bit: u32): u32 { return n + (bit << 2); }

/** Leading bits that a and b share, at most `limit`. Reads whole words where they lie inside `bytes`. */
// @ts-ignore: decorator
@inline function common(a: u32, b: u32, limit: u32, bytes: u32): u32 {
  let i: u32 = 0;
  while (i + 4 <= bytes && (i << 3) < limit) {
    const d = bswap<u32>(load<u32>(a + i) ^ load<u32>(b + i));
    if (d) {
      const n = (i << 3) + clz<u32>(d);
      return n < limit ? n : limit;
    }
    i += 4;
  }
  while (i < bytes && (i << 3) < limit) {
    const d = <u32>(load<u8>(a + i) ^ load<u8>(b + i));
    if (d) {
      const n = (i << 3) + clz<u32>(d) - 24;
      return n < limit ? n : limit;
    }
    i++;
  }
  return limit;
}

/** trie_lookup_elem: the value of the longest prefix that contains the key. */
export function lpm_lookup(m: u32, key: u32): u32 {
  const max = maxPrefix(m);
  if (max == 32) return lpm8_lookup(m, key);
  const want = load<u32>(key);
  if (want > max) return 0;
  const bytes = max >> 3;
  const data = key + 4;
  let n = load<u32>(root(m));
  let found: u32 = 0;
  // Bytes that all nodes further down share with the key.
  let same: u32 = 0;
  while (n) {
    const len = plen(n);
    const limit = len < want ? len : want;
    if ((same << 3) < limit && (same << 3) + common(n + DATA + same, data + same, limit - (same << 3), bytes - same) < len) break;
    if (len > want) break;
    if (!isBranch(n)) found = n;
    if (len == max) break;
    same = len >> 3;
    n = load<u32>(child(n, bitAt(data, len)));
  }
  return found ? found + valueOff(m) : 0;
}
/** The same for keys of 8 bytes: one word of data, an IPv4 address. */
export function lpm8_lookup(m: u32, key: u32): u32 {
  const want = load<u32>(key);
  if (want > 32) return 0;
  const addr = bswap<u32>(load<u32>(key, 4));
  let n = load<u32>(root(m));
  let found: u32 = 0;
  while (n) {
    const len = plen(n);
    if (len > want || clz<u32>(bswap<u32>(load<u32>(n, 16)) ^ addr) < len) break;
    if (!isBranch(n)) found = n;
    if (len == 32) break;
    n = load<u32>(n + (((addr >> (31 - len)) & 1) << 2));
  }
  return found ? found + valueOff(m) : 0;
}

/** The slot (address of a child word) at which the walk for the key stops: its node is absent, equal, longer or diverging. */
function slotFor(m: u32, key: u32): u32 {
  const max = maxPrefix(m);
  const bytes = max >> 3;
  const want = load<u32>(key);
  const data = key + 4;
  let slot = root(m);
  while (true) {
    const n = load<u32>(slot);
    if (!n) return slot;
    const len = plen(n);
    const limit = len < want ? len : want;
    if (common(n + DATA, data, limit, bytes) < len || len == want || len == max) return slot;
    slot = child(n, bitAt(data, len));
  }
}
/** The element of exactly that prefix, 0 when there is none. */
function exact(m: u32, key: u32): u32 {
  const n = load<u32>(slotFor(m, key));
  if (!n || isBranch(n)) return 0;
  const want = load<u32>(key);
  if (plen(n) != want || common(n + DATA, key + 4, want, maxPrefix(m) >> 3) != want) return 0;
  return n;
}
function take(m: u32): u32 {
  let e = freeHead(m);
  if (e) {
    setFreeHead(m, load<u32>(e, 4));
    return e;
  }
  e = bump(m);
  const s = stride(m);
  if (e + s > bumpEnd(m)) {
    let n = count(m) >> 1;
    if (n < 8) n = 8;
    if (<u64>n * s > 1 << 22) n = (1 << 22) / s + 1;
    e = grow(m, n * s);
    if (!e) return 0;
    setBumpEnd(m, e + n * s);
  }
  setBump(m, e + s);
  return e;
}
function give(m: u32, n: u32): void {
  store<u32>(n, freeHead(m), 4);
  setFreeHead(m, n);
}
function newNode(m: u32, len: u32, data: u32, flag: u32): u32 {
  const n = take(m);
  if (!n) return 0;
  store<u32>(n, 0);
  store<u32>(n, 0, 4);
  store<u32>(n, len, 8);
  store<u32>(n, flag, 12);
  copyBytes(n + DATA, data, keySize(m) - 4);
  return n;
}

/** trie_update_elem. */
export function lpm_update(m: u32, key: u32, value: u32, flags: u32): i32 {
  if (flags > BPF_EXIST) return EINVAL;
  const want = load<u32>(key);
  const max = maxPrefix(m);
  if (want > max) return EINVAL;
  const slot = slotFor(m, key);
  const n = load<u32>(slot);
  const data = key + 4;
  let same: u32 = 0;
  if (n) {
    const len = plen(n);
    same = common(n + DATA, data, len < want ? len : want, max >> 3);
    if (len == want && same == want && !isBranch(n)) {
      if (flags == BPF_NOEXIST) return EEXIST;
      const e = newNode(m, want, data, 0);
      if (!e) return ENOMEM;
      initValue(m, e + valueOff(m), value);
      store<u32>(e, load<u32>(n));
      store<u32>(e, load<u32>(n, 4), 4);
      store<u32>(slot, e);
      give(m, n);
      return 0;
    }
  }
  if (flags == BPF_EXIST) return ENOENT;
  if (count(m) >= maxEntries(m)) return ENOSPC;
  const e = newNode(m, want, data, 0);
  if (!e) return ENOMEM;
  initValue(m, e + valueOff(m), value);
  if (n) {
    const len = plen(n);
    if (len == want && same == want) {
      store<u32>(e, load<u32>(n));
      store<u32>(e, load<u32>(n, 4), 4);
      give(m, n);
    } else if (same == want) {
      store<u32>(child(e, bitAt(n + DATA, want)), n);
    } else {
      const b = newNode(m, same, data, BRANCH);
      if (!b) { give(m, e); return ENOMEM; }
      const bit = bitAt(data, same);
      store<u32>(child(b, bit), e);
      store<u32>(child(b, bit ^ 1), n);
      store<u32>(slot, b);
      setCount(m, count(m) + 1);
      return 0;
    }
  }
  store<u32>(slot, e);
  setCount(m, count(m) + 1);
  return 0;
}

/** trie_delete_elem. */
export function lpm_delete(m: u32, key: u32): i32 {
  const want = load<u32>(key);
  const max = maxPrefix(m);
  if (want > max) return EINVAL;
  const bytes = max >> 3;
  const data = key + 4;
  let slot = root(m);
  let upper: u32 = 0;
  let n = load<u32>(slot);
  while (true) {
    if (!n) return ENOENT;
    const len = plen(n);
    if (len > want || common(n + DATA, data, len, bytes) < len) return ENOENT;
    if (len == want) break;
    upper = slot;
    slot = child(n, bitAt(data, len));
    n = load<u32>(slot);
  }
  if (isBranch(n)) return ENOENT;
  setCount(m, count(m) - 1);
  const l = load<u32>(n);
  const r = load<u32>(n, 4);
  if (l && r) {
    store<u32>(n, BRANCH, 12);
    return 0;
  }
  if (upper && !l && !r) {
    const p = load<u32>(upper);
    if (isBranch(p)) {
      store<u32>(upper, load<u32>(slot == p ? p + 4 : p));
      give(m, p);
      give(m, n);
      return 0;
    }
  }
  store<u32>(slot, l ? l : r);
  give(m, n);
  return 0;
}

/**
 * trie_get_next_key: children before their parent, left first; a key that is missing starts over.
 * Without a stack: the walk to a node's successor goes down from the root once more.
 */
export function lpm_next_key(m: u32, key: u32, out: u32): i32 {
  let n = load<u32>(root(m));
  if (!n) return ENOENT;
  const at = key && load<u32>(key) <= maxPrefix(m) ? exact(m, key) : 0;
  n = at ? after(m, at) : deepest(n);
  while (n && isBranch(n)) n = after(m, n);
  if (!n) return ENOENT;
  store<u32>(out, plen(n));
  memory.copy(out + 4, n + DATA, keySize(m) - 4);
  return 0;
}
/** First node of a subtree in post-order. */
function deepest(n: u32): u32 {
  while (true) {
    const l = load<u32>(n);
    const c = l ? l : load<u32>(n, 4);
    if (!c) return n;
    n = c;
  }
}
/** Successor in post-order: the first of the right sibling's subtree, else the parent. */
function after(m: u32, n: u32): u32 {
  let p = load<u32>(root(m));
  if (p == n) return 0;
  while (true) {
    const bit = bitAt(n + DATA, plen(p));
    const c = load<u32>(child(p, bit));
    if (c == n) {
      const right = load<u32>(p, 4);
      return bit == 0 && right ? deepest(right) : p;
    }
    if (!c) return 0;
    p = c;
  }
}
/** The element of exactly this prefix, for user space and iteration. */
export function lpm_exact(m: u32, key: u32): u32 {
  if (load<u32>(key) > maxPrefix(m)) return 0;
  const n = exact(m, key);
  return n ? n + valueOff(m) : 0;
}
