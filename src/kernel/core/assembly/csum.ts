/** Internet checksums: bpf_csum_diff and the one's complement sums below it. */
// @ts-ignore: decorator
@inline function fold64(s: u64): u32 {
  s = (s & 0xffffffff) + (s >> 32);
  s = (s & 0xffffffff) + (s >> 32);
  return <u32>s;
}
/** 32-bit one's complement sum of n bytes on top of `sum` (csum_partial). */
export function csum_partial(p: u32, n: u32, sum: u32): u32 {
  let s: u64 = sum;
  const end = p + (n & ~3);
  while (p < end) {
    s += load<u32>(p);
    p += 4;
  }
  if (n & 2) {
    s += load<u16>(p);
    p += 2;
  }
  if (n & 1) s += load<u8>(p);
  return fold64(s);
}
/** 16-bit fold without complement (csum_from32to16). */
export function csum_from32to16(s: u32): u32 {
  s = (s & 0xffff) + (s >> 16);
  return (s & 0xffff) + (s >> 16);
}
/** csum_fold: folded and complemented. */
export function csum_fold(s: u32): u32 { return ~csum_from32to16(s) & 0xffff; }
export function csum_add(a: u32, b: u32): u32 {
  const s = a + b;
  return s + <u32>(s < a);
}

/** bpf_csum_diff: the folded sum of `to` minus `from` on top of the seed. */
export function csum_diff(from: u32, fromSize: u32, to: u32, toSize: u32, seed: u32): i32 {
  let r = seed;
  if (fromSize && toSize) r = csum_add(csum_partial(to, toSize, seed), ~csum_partial(from, fromSize, 0));
  else if (toSize) r = csum_partial(to, toSize, seed);
  else if (fromSize) r = ~csum_partial(from, fromSize, ~seed);
  return csum_from32to16(r);
}
