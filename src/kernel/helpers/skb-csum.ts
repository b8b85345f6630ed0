/** Checksum helpers of sk_buffs: bpf_l3_csum_replace, bpf_l4_csum_replace, bpf_csum_update, bpf_csum_level. */
import { ERRNO } from '../../uapi/errno.ts';
import {
  BPF_CSUM_LEVEL_DEC,
  BPF_CSUM_LEVEL_INC,
  BPF_CSUM_LEVEL_QUERY,
  BPF_CSUM_LEVEL_RESET,
  BPF_F_HDR_FIELD_MASK,
  BPF_F_IPV6,
  BPF_F_MARK_ENFORCE,
  BPF_F_MARK_MANGLED_0,
  BPF_F_PSEUDO_HDR,
} from '../../uapi/flags.ts';
import { CHECKSUM_COMPLETE, CHECKSUM_PARTIAL, CHECKSUM_UNNECESSARY, SkbView, skbOffsets } from '../world/net/packet.ts';
import { layoutsOf } from '../run/env.ts';
import { Frames, type HelperMaker } from './frame.ts';
import { skbMaker } from './skb-data.ts';

const CSUM_MANGLED_0 = 0xffff;
const MAX_LEVEL = 3;

/** One's complement sum of two 32-bit numbers. */
export const csumAdd = (a: number, b: number): number => {
  const sum = (a >>> 0) + (b >>> 0);
  return sum > 0xffff_ffff ? (sum - 0xffff_ffff) >>> 0 : sum;
};
const csumSub = (a: number, b: number): number => csumAdd(a, ~b >>> 0);
/** 32 bits folded to 16. */
const from32to16 = (sum: number): number => {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
};
const csumFold = (sum: number): number => ~from32to16(sum) & 0xffff;
const not16 = (sum: number): number => ~sum >>> 0;

/** csum_replace4 and csum_replace2: a field under the checksum changes from one value to another. */
const replace4 = (sum: number, from: number, to: number): number => csumFold(csumAdd(csumSub(not16(sum), from), to));
const replace2 = (sum: number, from: number, to: number): number => {
  const add16 = (a: number, b: number): number => {
    const r = a + b;
    return (r + (r >>> 16)) & 0xffff;
  };
  return ~add16(add16(~sum & 0xffff, ~from & 0xffff), to & 0xffff) & 0xffff;
};
const replaceByDiff = (sum: number, diff: number): number => csumFold(csumAdd(diff, not16(sum)));

/** Where the checksum field lies, or undefined when it cannot be written. */
function field(skb: SkbView, at: number, off: number): number | undefined {
  if (off > 0xffff || off & 1 || !skb.writable(at, off + 2)) return undefined;
  return skb.get32(at, 'data') + off;
}
const load16 = (skb: SkbView, p: number): number => skb.u8[p] | (skb.u8[p + 1] << 8);
const store16 = (skb: SkbView, p: number, value: number): void => {
  skb.u8[p] = value;
  skb.u8[p + 1] = value >>> 8;
};

/** `from` is 64 bits wide where a difference is given (size 0), which must be 0; field values are its low bits. */
const wideFrom =
  (make: HelperMaker): HelperMaker =>
  (env) => {
    const inner = make(env);
    const f = new Frames(env);
    return (frame) => {
      if (f.hi(frame, 3) !== 0 && (f.lo(frame, 5) & BPF_F_HDR_FIELD_MASK) === 0) f.setArg(frame, 3, 1);
      inner(frame);
    };
  };

/** bpf_l3_csum_replace(skb, offset, from, to, flags): size 0 takes a difference, 2 and 4 field values. */
export const l3CsumReplace: HelperMaker = wideFrom(
  skbMaker(
    (_env, skb) => (at, off, from, to, flags) => {
      if (flags & ~BPF_F_HDR_FIELD_MASK) return -ERRNO.EINVAL;
      const p = field(skb, at, off);
      if (p === undefined) return -ERRNO.EFAULT;
      const size = flags & BPF_F_HDR_FIELD_MASK;
      if ((size !== 0 && size !== 2 && size !== 4) || (size === 0 && from !== 0)) return -ERRNO.EINVAL;
      const sum = load16(skb, p);
      const next = size === 0 ? replaceByDiff(sum, to) : size === 2 ? replace2(sum, from, to) : replace4(sum, from, to);
      store16(skb, p, next);
      skb.computeDataPointers(at);
      return 0;
    },
    5,
  ),
);

const L4_FLAGS = BPF_F_MARK_MANGLED_0 | BPF_F_MARK_ENFORCE | BPF_F_PSEUDO_HDR | BPF_F_HDR_FIELD_MASK | BPF_F_IPV6;

/** bpf_l4_csum_replace(skb, offset, from, to, flags) */
export const l4CsumReplace: HelperMaker = wideFrom(
  skbMaker(
    (_env, skb) => (at, off, from, to, flags) => {
      if (flags & ~L4_FLAGS) return -ERRNO.EINVAL;
      const p = field(skb, at, off);
      if (p === undefined) return -ERRNO.EFAULT;
      const sum = load16(skb, p);
      const mangled = (flags & BPF_F_MARK_MANGLED_0) !== 0;
      if (mangled && !(flags & BPF_F_MARK_ENFORCE) && sum === 0) return 0;
      const size = flags & BPF_F_HDR_FIELD_MASK;
      if ((size !== 0 && size !== 2 && size !== 4) || (size === 0 && from !== 0)) return -ERRNO.EINVAL;
      const pseudo = (flags & BPF_F_PSEUDO_HDR) !== 0;
      const mask = size === 2 ? 0xffff : 0xffff_ffff;
      const diff = size === 0 ? to : csumSub(to & mask, from & mask);
      if (skb.ipSummed(at) !== CHECKSUM_PARTIAL) {
        const next = size === 0 ? replaceByDiff(sum, to) : replace4(sum, from & mask, to & mask);
        store16(skb, p, next);
        if (skb.ipSummed(at) === CHECKSUM_COMPLETE && pseudo && !(size === 0 && flags & BPF_F_IPV6)) {
          skb.set32(at, 'csum', not16(csumAdd(csumSub(not16(skb.get32(at, 'csum')), 0), diff)));
        }
      } else if (pseudo) store16(skb, p, ~csumFold(csumAdd(diff, sum)) & 0xffff);
      if (mangled && load16(skb, p) === 0) store16(skb, p, CSUM_MANGLED_0);
      skb.computeDataPointers(at);
      return 0;
    },
    5,
  ),
);

/** bpf_csum_update(skb, csum): the new sum, an unsigned number; only packets with a complete checksum have one to update. */
export const csumUpdate: HelperMaker = (env) => {
  const f = new Frames(env);
  const skb = new SkbView(env.mem, skbOffsets(layoutsOf(env)));
  return (frame) => {
    const at = f.u32(frame, 1);
    if (skb.ipSummed(at) !== CHECKSUM_COMPLETE) return f.ret(frame, -ERRNO.ENOTSUPP);
    const sum = csumAdd(skb.get32(at, 'csum'), f.u32(frame, 2));
    skb.set32(at, 'csum', sum);
    f.retU32(frame, sum);
  };
};

/** bpf_csum_level(skb, level): csum_level is two bits in the byte after the one with ip_summed. */
export const csumLevel: HelperMaker = skbMaker(
  (_env, skb) => (at, level) => {
    const byte = at + skb.off.__pkt_type_offset + 1;
    const flags = skb.u8[byte];
    const now = (flags >> 6) & 3;
    const set = (n: number): void => {
      skb.u8[byte] = (flags & 0x3f) | (n << 6);
    };
    const unnecessary = skb.ipSummed(at) === CHECKSUM_UNNECESSARY;
    switch (level) {
      case BPF_CSUM_LEVEL_INC:
        if (unnecessary) set(Math.min(now + 1, MAX_LEVEL));
        else if (skb.ipSummed(at) === 0) {
          skb.setIpSummed(at, CHECKSUM_UNNECESSARY);
          set(0);
        }
        return 0;
      case BPF_CSUM_LEVEL_DEC:
        if (unnecessary) {
          if (now === 0) skb.setIpSummed(at, 0);
          else set(now - 1);
        }
        return 0;
      case BPF_CSUM_LEVEL_RESET:
        if (unnecessary) {
          skb.setIpSummed(at, 0);
          set(0);
        }
        return 0;
      case BPF_CSUM_LEVEL_QUERY:
        return unnecessary ? now : -ERRNO.EACCES;
      default:
        return -ERRNO.EINVAL;
    }
  },
  2,
);
