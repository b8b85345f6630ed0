/** bpf_skb_adjust_room and bpf_skb_ecn_set_ce: headers opened, closed and marked. */
import { ERRNO } from '../../uapi/errno.ts';
import {
  BPF_ADJ_ROOM_MAC,
  BPF_ADJ_ROOM_NET,
  BPF_F_ADJ_ROOM_DECAP_L3_IPV4,
  BPF_F_ADJ_ROOM_DECAP_L3_IPV6,
  BPF_F_ADJ_ROOM_ENCAP_L2_ETH,
  BPF_F_ADJ_ROOM_ENCAP_L3_IPV4,
  BPF_F_ADJ_ROOM_ENCAP_L3_IPV6,
  BPF_F_ADJ_ROOM_ENCAP_L4_GRE,
  BPF_F_ADJ_ROOM_ENCAP_L4_UDP,
  BPF_F_ADJ_ROOM_FIXED_GSO,
  BPF_F_ADJ_ROOM_NO_CSUM_RESET,
} from '../../uapi/flags.ts';
import { ETH_HLEN, ETH_P_8021AD, ETH_P_8021Q, ETH_P_IP, ETH_P_IPV6 } from '../world/net/if-ether.ts';
import type { HelperEnv } from '../run/env.ts';
import { type HelperMaker, Frames } from './frame.ts';
import { CHECKSUM_UNNECESSARY, SkbView, skbOffsets } from '../world/net/packet.ts';
import { layoutsOf } from '../run/env.ts';
import { resizeHeader, SKB_MAX_LEN, skbMaker } from './skb-data.ts';

const IPV4_LEN = 20;
const IPV6_LEN = 40;
const MAX_DIFF = 0xfff;
const ENCAP_L3 = BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_ENCAP_L3_IPV6;
const ENCAP_L4 = BPF_F_ADJ_ROOM_ENCAP_L4_GRE | BPF_F_ADJ_ROOM_ENCAP_L4_UDP;
const DECAP_L3 = BPF_F_ADJ_ROOM_DECAP_L3_IPV4 | BPF_F_ADJ_ROOM_DECAP_L3_IPV6;
const SHRINK_FLAGS = BPF_F_ADJ_ROOM_FIXED_GSO | DECAP_L3 | BPF_F_ADJ_ROOM_NO_CSUM_RESET;
const KNOWN = SHRINK_FLAGS | ENCAP_L3 | ENCAP_L4 | BPF_F_ADJ_ROOM_ENCAP_L2_ETH;
/** The inner Ethernet header's length lies in the flags' top byte. */
const L2_LEN_SHIFT = 24;

const swap16 = (n: number): number => ((n & 0xff) << 8) | ((n >>> 8) & 0xff);
const protocolOf = (skb: SkbView, at: number): number => swap16(skb.get16(at, 'protocol'));
const baseLen = (protocol: number): number => (protocol === ETH_P_IP ? IPV4_LEN : IPV6_LEN);

/** Protocol after encapsulation or decapsulation; the packet's own when the flags do not say. */
function nextProtocol(flags: number, protocol: number): number {
  if (flags & (BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_DECAP_L3_IPV4)) return ETH_P_IP;
  if (flags & (BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 | BPF_F_ADJ_ROOM_DECAP_L3_IPV6)) return ETH_P_IPV6;
  return protocol;
}

/** bpf_skb_net_grow's checks of what is to be encapsulated, by `size` bytes: 0 or -errno. */
function checkEncap(encapsulated: boolean, size: number, { low, innerMacLen }: Adjustment): number {
  if ((low & ENCAP_L3) === 0) return 0;
  if ((low & ENCAP_L3) === ENCAP_L3 || (low & ENCAP_L4) === ENCAP_L4) return -ERRNO.EINVAL;
  if (low & BPF_F_ADJ_ROOM_ENCAP_L2_ETH && innerMacLen < ETH_HLEN) return -ERRNO.EINVAL;
  if (encapsulated) return -ERRNO.EALREADY;
  return innerMacLen > size ? -ERRNO.EINVAL : 0;
}

interface Adjustment {
  readonly diff: number;
  readonly mode: number;
  /** The low half of the flags. */
  readonly low: number;
  /** Length of the inner Ethernet header, from the top byte of the flags. */
  readonly innerMacLen: number;
}

function adjust(env: HelperEnv, skb: SkbView, at: number, how: Adjustment): number {
  const { diff, mode, low } = how;
  if (low & ~KNOWN) return -ERRNO.EINVAL;
  const size = Math.abs(diff);
  const shrink = diff < 0;
  if (size > MAX_DIFF) return -ERRNO.EFAULT;
  const protocol = protocolOf(skb, at);
  if (protocol !== ETH_P_IP && protocol !== ETH_P_IPV6) return -ERRNO.ENOTSUPP;
  if (mode !== BPF_ADJ_ROOM_NET && mode !== BPF_ADJ_ROOM_MAC) return -ERRNO.ENOTSUPP;
  const off = skb.get16(at, 'mac_len') + (mode === BPF_ADJ_ROOM_NET ? baseLen(protocol) : 0);
  let least = baseLen(protocol);
  if (low & DECAP_L3) {
    if (!shrink || (low & DECAP_L3) === DECAP_L3) return -ERRNO.EINVAL;
    least = low & BPF_F_ADJ_ROOM_DECAP_L3_IPV4 ? IPV4_LEN : IPV6_LEN;
  }
  const len = skb.get32(at, 'len');
  const now = len - (skb.get16(at, 'network_header') - skb.headroom(at));
  if (shrink ? size >= now || now - size < least : len + size > SKB_MAX_LEN) return -ERRNO.ENOTSUPP;
  const refused = shrink ? (low & ~SHRINK_FLAGS ? -ERRNO.EINVAL : 0) : checkEncap(skb.encapsulated(at), size, how);
  if (refused !== 0) return refused;
  if (!resizeHeader(env, skb, at, off, diff)) return -ERRNO.ENOMEM;
  if (low & ENCAP_L3) skb.setEncapsulated(at);
  skb.set16(at, 'mac_header', skb.get16(at, 'mac_header') - diff);
  skb.set16(at, 'network_header', skb.get16(at, 'network_header') - diff);
  skb.set16(at, 'protocol', swap16(nextProtocol(low, protocol)));
  if (!(low & BPF_F_ADJ_ROOM_NO_CSUM_RESET) && skb.ipSummed(at) === CHECKSUM_UNNECESSARY) skb.setIpSummed(at, 0);
  skb.computeDataPointers(at);
  return 0;
}

/** bpf_skb_adjust_room(skb, len_diff, mode, flags) */
export const skbAdjustRoom: HelperMaker = (env) => {
  const f = new Frames(env);
  const skb = new SkbView(env.mem, skbOffsets(layoutsOf(env)));
  return (frame) => {
    const high = f.hi(frame, 4) >>> 0;
    const low = high & 0xff_ffff ? 0xffff_ffff : f.u32(frame, 4);
    const how = { diff: f.lo(frame, 2), mode: f.u32(frame, 3), low, innerMacLen: high >>> L2_LEN_SHIFT };
    f.ret(frame, adjust(env, skb, f.u32(frame, 1), how));
  };
};

/** Protocol behind VLAN tags in the packet (skb_protocol with skip_vlan). */
function innerProtocol(skb: SkbView, at: number): number {
  let protocol = protocolOf(skb, at);
  let p = skb.get32(at, 'data') + ETH_HLEN;
  const end = skb.get32(at, 'data') + skb.headlen(at);
  for (; (protocol === ETH_P_8021Q || protocol === ETH_P_8021AD) && p + 4 <= end; p += 4) {
    protocol = (skb.u8[p + 2] << 8) | skb.u8[p + 3];
  }
  return protocol;
}

const ECN_MASK = 3;

/** bpf_skb_ecn_set_ce: marks an ECN-capable packet as having met congestion: 1 when it is marked now. */
export const skbEcnSetCe = skbMaker((_env, skb) => (at) => {
  const { u8 } = skb;
  const p = skb.get32(at, 'head') + skb.get16(at, 'network_header');
  const room = skb.get32(at, 'head') + skb.get32(at, 'tail') - p;
  const protocol = innerProtocol(skb, at);
  if (protocol === ETH_P_IP && room >= IPV4_LEN) {
    const tos = u8[p + 1];
    if ((tos & ECN_MASK) === 0) return 0;
    if ((tos & ECN_MASK) !== ECN_MASK) {
      // The header checksum takes what the byte gains; it lies in big-endian order.
      const sum = ((u8[p + 10] << 8) | u8[p + 11]) + 0xffff - (ECN_MASK - (tos & ECN_MASK));
      const folded = (sum & 0xffff) + (sum >>> 16);
      u8[p + 10] = folded >>> 8;
      u8[p + 11] = folded;
      u8[p + 1] = tos | ECN_MASK;
    }
    return 1;
  }
  if (protocol === ETH_P_IPV6 && room >= IPV6_LEN) {
    const byte = u8[p + 1];
    if (((byte >> 4) & ECN_MASK) === 0) return 0;
    u8[p + 1] = byte | (ECN_MASK << 4);
    return 1;
  }
  return 0;
});
