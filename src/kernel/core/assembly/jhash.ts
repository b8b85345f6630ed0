/** Bob Jenkins' lookup3 (public domain) as `jhash(key, length, initval)` computes it, and the seeded mixers of the hash tables. */

export function jhash(key: u32, length: u32, initval: u32): u32 {
  let a: u32 = 0xdeadbeef + length + initval;
  let b = a;
  let c = a;
  let n = length;
  while (n > 12) {
    a += load<u32>(key);
    b += load<u32>(key, 4);
    c += load<u32>(key, 8);
    a -= c; a ^= rotl(c, 4); c += b;
    b -= a; b ^= rotl(a, 6); a += c;
    c -= b; c ^= rotl(b, 8); b += a;
    a -= c; a ^= rotl(c, 16); c += b;
    b -= a; b ^= rotl(a, 19); a += c;
    c -= b; c ^= rotl(b, 4); b += a;
    n -= 12;
    key += 12;
  }
  if (n == 0) return c;
  if (n > 8) { b += load<u32>(key, 4); c += tailWord(key + 8, n - 8); a += load<u32>(key); }
  else if (n > 4) { b += tailWord(key + 4, n - 4); a += load<u32>(key); }
  else a += tailWord(key, n);
  c ^= b; c -= rotl(b, 14);
  a ^= c; a -= rotl(c, 11);
  b ^= a; b -= rotl(a, 25);
  c ^= b; c -= rotl(b, 16);
  a ^= c; a -= rotl(c, 4);
  b ^= a; b -= rotl(a, 14);
  c ^= b; c -= rotl(b, 24);
  return c;
}
function tailWord(p: u32, n: u32): u32 {
  if (n >= 4) return load<u32>(p);
  let w: u32 = load<u8>(p);
  if (n > 1) w |= <u32>load<u8>(p, 1) << 8;
  if (n > 2) w |= <u32>load<u8>(p, 2) << 16;
  return w;
}

/** Mixes one 64-bit word under a secret seed. */
// @ts-ignore: decorator
@inline export function mix(k: u64, s: u64): u64 {
  let h = (k ^ s) * 0x9e3779b97f4a7c15;
  h ^= h >> 32;
  h = (h ^ (s >> 17)) * 0xd6e8feb86659fd93;
  return h ^ (h >> 29);
}
/** 31-bit hash of a key of any size. */
export function hashBytes(key: u32, n: u32, s: u64): u32 {
  let h = s ^ (<u64>n * 0xff51afd7ed558ccd);
  while (n >= 8) {
    h = mix(load<u64>(key), h);
    key += 8;
    n -= 8;
  }
  if (n) {
    let w: u64 = 0;
    if (n & 4) { w = load<u32>(key); key += 4; }
    if (n & 2) { w = (w << 16) | load<u16>(key); key += 2; }
    if (n & 1) w = (w << 8) | load<u8>(key);
    h = mix(w, h);
  }
  return <u32>(h >> 7) & 0x7fffffff;
}
