/** BPF_MAP_TYPE_BLOOM_FILTER: no keys, `head` holds the number of hashes, `mask` the bit mask. */
import { EINVAL, ENOENT } from './common';
import { base, head, mask, seed, valueSize } from './header';
import { jhash } from './jhash';

// @ts-ignore: decorator
@inline function bit(m: u32, value: u32, i: u32): u32 { return jhash(value, valueSize(m), <u32>seed(m) + i) & mask(m); }

export function bloom_push(m: u32, value: u32, flags: u32): i32 {
  if (flags) return EINVAL;
  const n = head(m);
  for (let i: u32 = 0; i < n; i++) {
    const b = bit(m, value, i);
    const p = base(m) + (b >> 3);
    store<u8>(p, <u32>load<u8>(p) | (<u32>1 << (b & 7)));
  }
  return 0;
}
export function bloom_peek(m: u32, value: u32): i32 {
  const n = head(m);
  for (let i: u32 = 0; i < n; i++) {
    const b = bit(m, value, i);
    if (!((<u32>load<u8>(base(m) + (b >> 3)) >> (b & 7)) & 1)) return ENOENT;
  }
  return 0;
}
