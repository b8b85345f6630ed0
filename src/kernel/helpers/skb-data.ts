/** sk_buff helpers that read, write and resize packet data. */
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_F_INVALIDATE_HASH, BPF_F_RECOMPUTE_CSUM } from '../../uapi/flags.ts';
import type { HelperEnv } from '../run/env.ts';
import { type Helper, type HelperMaker, simple } from './frame.ts';
import { CHECKSUM_COMPLETE, SHARED_INFO_SIZE, SkbView, skbOffsets } from '../world/net/packet.ts';
import { layoutsOf } from '../run/env.ts';

const INT_MAX = 0x7fff_ffff;
/** BPF_SKB_MAX_LEN: what a packet may grow to, four pages without the shared info. */
export const SKB_MAX_LEN = 4 * 4096 - SHARED_INFO_SIZE;
const MAC_UNSET = 0xffff;

/** A helper on the sk_buff at the first argument, made for one environment. `wide` as in {@link simple}. */
export function skbMaker(make: (env: HelperEnv, skb: SkbView) => Helper, wide = 0): HelperMaker {
  return simple((env) => make(env, new SkbView(env.mem, skbOffsets(layoutsOf(env)))), wide);
}

/** bpf_skb_store_bytes(skb, offset, from, len, flags) */
export const skbStoreBytes = skbMaker(
  (env, skb) => (at, off, from, len, flags) => {
    if (flags & ~(BPF_F_RECOMPUTE_CSUM | BPF_F_INVALIDATE_HASH)) return -ERRNO.EINVAL;
    if (off > INT_MAX || !skb.writable(at, off + len)) return -ERRNO.EFAULT;
    const to = skb.get32(at, 'data') + off;
    const recompute = (flags & BPF_F_RECOMPUTE_CSUM) !== 0;
    const changed = { p: to, n: len, off };
    if (recompute) adjustCsum(env, skb, at, changed, 'sub');
    skb.u8.copyWithin(to, from, from + len);
    if (recompute) adjustCsum(env, skb, at, changed, 'add');
    if (flags & BPF_F_INVALIDATE_HASH) skb.clearHash(at);
    skb.computeDataPointers(at);
    return 0;
  },
  5,
);

type Csum = (p: number, n: number, sum: number) => number;

/** `n` bytes at address `p`, which is `off` bytes into the packet. */
interface PacketBytes {
  readonly p: number;
  readonly n: number;
  readonly off?: number;
}

/** Takes bytes out of a complete checksum or puts them in; bytes at an odd offset count rotated (csum_block_add, csum_block_sub). */
export function adjustCsum(
  env: HelperEnv,
  skb: SkbView,
  at: number,
  { p, n, off = 0 }: PacketBytes,
  how: 'add' | 'sub',
): void {
  if (skb.ipSummed(at) !== CHECKSUM_COMPLETE) return;
  let part = (env.core.csum_partial as unknown as Csum)(p, n, 0) >>> 0;
  if (off & 1) part = ((part << 8) | (part >>> 24)) >>> 0;
  const sum = skb.get32(at, 'csum') + (how === 'add' ? part : ~part >>> 0);
  skb.set32(at, 'csum', (sum >>> 0) + (sum > 0xffff_ffff ? 1 : 0));
}

/** bpf_skb_load_bytes_relative(skb, offset, to, len, start_header): from the MAC (0) or network header (1). */
export const skbLoadBytesRelative = skbMaker((_env, skb) => (at, off, to, len, header) => {
  const fail = (): number => {
    skb.u8.fill(0, to, to + len);
    return -ERRNO.EFAULT;
  };
  if (off > 0xffff || header > 1) return fail();
  const field = header === 0 ? 'mac_header' : 'network_header';
  const start = skb.get16(at, field);
  if (header === 0 && start === MAC_UNSET) return fail();
  const head = skb.get32(at, 'head');
  if (start + off + len > skb.get32(at, 'tail')) return fail();
  const from = head + start + off;
  skb.u8.copyWithin(to, from, from + len);
  return 0;
});

/** bpf_skb_pull_data(skb, len): packets here are linear already. */
export const skbPullData = skbMaker((_env, skb) => (at, len) => {
  const ok = len <= skb.get32(at, 'len');
  skb.computeDataPointers(at);
  return ok ? 0 : -ERRNO.ENOMEM;
});

/** bpf_skb_change_tail(skb, len, flags) */
export const skbChangeTail = skbMaker(
  (env, skb) => (at, len, flags) => {
    const network = skb.get16(at, 'network_header') - skb.headroom(at);
    if (flags || len > SKB_MAX_LEN || len < Math.max(network, 0)) return -ERRNO.EINVAL;
    const old = skb.get32(at, 'len');
    if (len > old) {
      const grow = len - old;
      if (grow > skb.tailroom(at) && !skb.expand(env, at, 0, grow)) return -ERRNO.ENOMEM;
      const end = skb.get32(at, 'head') + skb.get32(at, 'tail');
      skb.u8.fill(0, end, end + grow);
    }
    skb.set32(at, 'tail', skb.get32(at, 'tail') + len - old);
    skb.set32(at, 'len', len);
    skb.computeDataPointers(at);
    return 0;
  },
  3,
);

/** bpf_skb_change_head(skb, len, flags): zeroed room before the MAC header, which moves to its start. */
export const skbChangeHead = skbMaker(
  (env, skb) => (at, room, flags) => {
    if (flags || room + skb.get32(at, 'len') > SKB_MAX_LEN) return -ERRNO.EINVAL;
    if (room > skb.headroom(at) && !skb.expand(env, at, room, 0)) return -ERRNO.ENOMEM;
    skb.push(at, room);
    const data = skb.get32(at, 'data');
    skb.u8.fill(0, data, data + room);
    skb.set16(at, 'mac_header', data - skb.get32(at, 'head'));
    skb.set16(at, 'mac_len', skb.get16(at, 'network_header') - skb.get16(at, 'mac_header'));
    skb.computeDataPointers(at);
    return 0;
  },
  3,
);

/**
 * Opens (positive) or closes (negative) a gap of `n` bytes behind the first `off` bytes, moving those; headers before the
 * gap keep their distance to the packet's start. A complete checksum loses what is closed. False when there is no memory, or nothing
 * to close.
 */
export function resizeHeader(env: HelperEnv, skb: SkbView, at: number, off: number, n: number): boolean {
  if (n > 0 && n > skb.headroom(at) && !skb.expand(env, at, n, 0)) return false;
  if (n < 0 && off - n > skb.headlen(at)) return false;
  const data = skb.get32(at, 'data');
  if (n < 0) adjustCsum(env, skb, at, { p: data + off, n: -n }, 'sub');
  skb.u8.copyWithin(data - n, data, data + off);
  skb.push(at, n);
  if (n > 0) skb.u8.fill(0, data - n + off, data + off);
  return true;
}
