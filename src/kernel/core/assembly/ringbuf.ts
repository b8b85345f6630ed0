/**
 * BPF_MAP_TYPE_RINGBUF. `base` is a page-aligned block: page 0 private, page 1 consumer position, page 2 producer position,
 * then the data, reserved twice so that a record that wraps lies in one piece (the kernel maps the pages twice).
 * A record: length with busy (bit 31) and discard (bit 30), pages back to the block, then its bytes; padded to 8.
 */
import { EINVAL, copyBytes } from './common';
import { base, mask } from './header';

const CONSUMER: u32 = 4096;
const PRODUCER: u32 = 8192;
const DATA: u32 = 12288;
const BUSY: u32 = 0x80000000;
const DISCARD: u32 = 0x40000000;
// Private page: the map, how often the reader would have been woken, the position below which all records are committed.
const P_WAKEUPS: u32 = 4;
const P_PENDING: u32 = 8;
const P_MASK: u32 = 16;
const NO_WAKEUP: u32 = 1;
const FORCE_WAKEUP: u32 = 2;
const ENOSPC: i32 = -28;
const EAGAIN: i32 = -11;

/** __bpf_ringbuf_reserve: the record's address or 0. */
function reserve(m: u32, size: u32): u32 {
  if (size > 0x3fffffff) return 0;
  const rb = base(m);
  const wrap: u64 = mask(m);
  const len = (size + 8 + 7) & ~7;
  if (<u64>len > wrap + 1) return 0;
  const cons = load<u64>(rb + CONSUMER);
  const prod = load<u64>(rb + PRODUCER);
  let pend = load<u64>(rb, P_PENDING);
  while (pend < prod) {
    const h = load<u32>(rb + DATA + <u32>(pend & wrap));
    if (h & BUSY) break;
    pend += ((h & ~DISCARD) + 8 + 7) & ~7;
  }
  store<u64>(rb, pend, P_PENDING);
  const next = prod + len;
  if (next - cons > wrap || next - pend > wrap) return 0;
  const rec = rb + DATA + <u32>(prod & wrap);
  store<u32>(rec, size | BUSY);
  store<u32>(rec, (rec - rb) >> 12, 4);
  store<u64>(rb + PRODUCER, next);
  return rec + 8;
}
export function ringbuf_reserve(m: u32, size: u32, flags: u32): u32 { return flags ? 0 : reserve(m, size); }

function commit(sample: u32, flags: u32, discard: u32): void {
  const rec = sample - 8;
  const rb = (rec & ~4095) - (load<u32>(rec, 4) << 12);
  const wrap: u64 = load<u32>(rb, P_MASK);
  store<u32>(rec, (load<u32>(rec) & ~BUSY) | discard);
  const at = <u64>(rec - rb - DATA);
  const cons = load<u64>(rb + CONSUMER) & wrap;
  if (flags & FORCE_WAKEUP || (cons == at && !(flags & NO_WAKEUP))) store<u32>(rb, load<u32>(rb, P_WAKEUPS) + 1, P_WAKEUPS);
}
export function ringbuf_submit(sample: u32, flags: u32): void { commit(sample, flags, 0); }
export function ringbuf_discard(sample: u32, flags: u32): void { commit(sample, flags, DISCARD); }

/** bpf_ringbuf_output. */
export function ringbuf_output(m: u32, data: u32, size: u32, flags: u32): i32 {
  if (flags & ~(NO_WAKEUP | FORCE_WAKEUP)) return EINVAL;
  const rec = reserve(m, size);
  if (!rec) return EAGAIN;
  copyBytes(rec, data, size);
  commit(rec, flags, 0);
  return 0;
}
/** bpf_ringbuf_query. */
export function ringbuf_query(m: u32, what: u32): u64 {
  const rb = base(m);
  if (what == 0) return load<u64>(rb, PRODUCER) - load<u64>(rb, CONSUMER);
  if (what == 1) return <u64>mask(m) + 1;
  if (what == 2) return load<u64>(rb, CONSUMER);
  if (what == 3) return load<u64>(rb, PRODUCER);
  return 0;
}
