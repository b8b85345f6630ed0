/** sk_buff helpers about what goes with a packet: VLAN tags, flow hash, type and protocol. */
import { ERRNO } from '../../uapi/errno.ts';
import { ETH_ALEN, ETH_P_8021AD, ETH_P_8021Q, ETH_P_IP, ETH_P_IPV6 } from '../world/net/if-ether.ts';
import type { HelperEnv } from '../run/env.ts';
import { Frames, type HelperMaker, simple } from './frame.ts';
import { SkbView, skbOffsets, SW_HASH } from '../world/net/packet.ts';
import { layoutsOf } from '../run/env.ts';
import { adjustCsum, resizeHeader, skbMaker } from './skb-data.ts';

const VLAN_HLEN = 4;
const VLAN_ETH_HLEN = 18;
/** Both addresses, before the protocol. */
const ETH_ALEN2 = 2 * ETH_ALEN;
const PACKET_OTHERHOST = 3;

const swap16 = (n: number): number => ((n & 0xff) << 8) | ((n >>> 8) & 0xff);
const be16 = (u8: Uint8Array, at: number): number => (u8[at] << 8) | u8[at + 1];

/** Puts the tag that only the sk_buff knows into the packet (__vlan_insert_tag). */
function insertTag(env: HelperEnv, skb: SkbView, at: number, proto: number, tci: number): boolean {
  if (!resizeHeader(env, skb, at, ETH_ALEN2, VLAN_HLEN)) return false;
  const p = skb.get32(at, 'data') + ETH_ALEN2;
  skb.u8.set([proto >>> 8, proto, tci >>> 8, tci], p);
  adjustCsum(env, skb, at, { p, n: VLAN_HLEN }, 'add');
  skb.set16(at, 'mac_header', skb.get16(at, 'mac_header') - VLAN_HLEN);
  skb.set16(at, 'protocol', swap16(proto));
  skb.set16(at, 'mac_len', skb.get16(at, 'mac_len') + VLAN_HLEN);
  return true;
}

/** bpf_skb_vlan_push(skb, vlan_proto, vlan_tci): the newest tag stays beside the packet, an older one goes into it. */
export const skbVlanPush = skbMaker((env, skb) => (at, protoBe, tci) => {
  const asked = swap16(protoBe & 0xffff);
  const proto = asked === ETH_P_8021Q || asked === ETH_P_8021AD ? asked : ETH_P_8021Q;
  if (skb.get32(at, 'vlan_all') !== 0) {
    const ok = insertTag(env, skb, at, swap16(skb.get16(at, 'vlan_proto')), skb.get16(at, 'vlan_tci'));
    if (!ok) return -ERRNO.ENOMEM;
  }
  skb.set16(at, 'vlan_proto', swap16(proto));
  skb.set16(at, 'vlan_tci', tci & 0xffff);
  skb.computeDataPointers(at);
  return 0;
});

/** Takes the tag out of the packet (__skb_vlan_pop): its TCI, or -ENOMEM where the packet ends before the tag does. */
function removeTag(env: HelperEnv, skb: SkbView, at: number): number {
  if (skb.headlen(at) < VLAN_ETH_HLEN) return -ERRNO.ENOMEM;
  const data = skb.get32(at, 'data');
  const tci = be16(skb.u8, data + ETH_ALEN2 + 2);
  resizeHeader(env, skb, at, ETH_ALEN2, -VLAN_HLEN);
  skb.set16(at, 'mac_header', skb.get16(at, 'mac_header') + VLAN_HLEN);
  skb.set16(at, 'protocol', swap16(be16(skb.u8, skb.get32(at, 'data') + ETH_ALEN2)));
  skb.set16(at, 'mac_len', skb.get16(at, 'mac_len') - VLAN_HLEN);
  return tci;
}

const isVlan = (skb: SkbView, at: number): boolean => {
  const proto = swap16(skb.get16(at, 'protocol'));
  return proto === ETH_P_8021Q || proto === ETH_P_8021AD;
};

/** bpf_skb_vlan_pop(skb): an inner tag in the packet becomes the one beside it. */
export const skbVlanPop = skbMaker((env, skb) => (at) => {
  const refused = popTags(env, skb, at);
  skb.computeDataPointers(at);
  return refused;
});

/** Drops the outer tag, and lifts the next one out of the packet: 0 or -ENOMEM. */
function popTags(env: HelperEnv, skb: SkbView, at: number): number {
  if (skb.get32(at, 'vlan_all') !== 0) skb.set32(at, 'vlan_all', 0);
  else if (isVlan(skb, at)) {
    const dropped = removeTag(env, skb, at);
    if (dropped < 0) return dropped;
  }
  if (!isVlan(skb, at)) return 0;
  const proto = skb.get16(at, 'protocol');
  const tci = removeTag(env, skb, at);
  if (tci < 0) return tci;
  skb.set16(at, 'vlan_proto', proto);
  skb.set16(at, 'vlan_tci', tci);
  return 0;
}

/** bpf_get_hash_recalc(skb): the flow hash, made from addresses and ports when it is not known. */
export const getHashRecalc: HelperMaker = (env) => {
  const f = new Frames(env);
  const skb = new SkbView(env.mem, skbOffsets(layoutsOf(env)));
  return (frame) => {
    const at = f.u32(frame, 1);
    if (!skb.hasHash(at)) skb.setHash(at, flowHash(skb, at), SW_HASH);
    f.retU32(frame, skb.get32(at, 'hash'));
  };
};

/** A hash over the flow's addresses, protocol and ports, of a packet without them a constant; never 0. */
function flowHash(skb: SkbView, at: number): number {
  const { u8 } = skb;
  const net = skb.get32(at, 'head') + skb.get16(at, 'network_header');
  const end = skb.get32(at, 'head') + skb.get32(at, 'tail');
  const version = net < end ? u8[net] >> 4 : 0;
  const [from, to, proto, l4] =
    version === 4 && net + 20 <= end
      ? [12, 20, u8[net + 9], (u8[net] & 15) * 4]
      : version === 6 && net + 40 <= end
        ? [8, 40, u8[net + 6], 40]
        : [0, 0, 0, 0];
  let hash = 0x811c9dc5 ^ proto;
  const mix = (p: number, n: number): void => {
    for (let i = 0; i < n; i++) hash = Math.imul(hash ^ u8[p + i], 0x01000193);
  };
  mix(net + from, to - from);
  if ((proto === 6 || proto === 17) && net + l4 + 4 <= end) mix(net + l4, 4);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0 || 1;
}

/** bpf_set_hash_invalid */
export const setHashInvalid = skbMaker((_env, skb) => (at) => {
  skb.clearHash(at);
  return 0;
});

/** bpf_set_hash */
export const setHash = skbMaker((_env, skb) => (at, hash) => {
  skb.setHash(at, hash, SW_HASH);
  return 0;
});

/** bpf_skb_change_type: pkt_type is three bits. */
export const skbChangeType = skbMaker((_env, skb) => (at, type) => {
  const byte = at + skb.off.__pkt_type_offset;
  const flags = skb.u8[byte];
  if ((flags & 7) > PACKET_OTHERHOST || type > PACKET_OTHERHOST) return -ERRNO.EINVAL;
  skb.u8[byte] = (flags & ~7) | type;
  return 0;
});

/** bpf_skb_change_proto: between IPv4 and IPv6; room for the larger header opens, contents are the program's. */
export const skbChangeProto = skbMaker(
  (env, skb) => (at, protoBe, flags) => {
    if (flags) return -ERRNO.EINVAL;
    const from = swap16(skb.get16(at, 'protocol'));
    const to = swap16(protoBe & 0xffff);
    const up = from === ETH_P_IP && to === ETH_P_IPV6;
    if (!up && !(from === ETH_P_IPV6 && to === ETH_P_IP)) return -ERRNO.ENOTSUPP;
    const n = up ? 20 : -20;
    const off = skb.get16(at, 'network_header') - skb.headroom(at);
    if (!resizeHeader(env, skb, at, Math.max(off, 0), n)) return -ERRNO.ENOMEM;
    skb.set16(at, 'mac_header', skb.get16(at, 'mac_header') - n);
    skb.set16(at, 'network_header', skb.get16(at, 'network_header') - n);
    skb.set16(at, 'protocol', swap16(to));
    skb.clearHash(at);
    skb.computeDataPointers(at);
    return 0;
  },
  3,
);

/** bpf_get_cgroup_classid and bpf_get_route_realm: packets here carry no class and no route. */
export const noClass = skbMaker(() => () => 0);

/** bpf_get_socket_uid: the socket that a packet is lent belongs to root. */
export const getSocketUid = skbMaker(() => () => 0);

/** bpf_get_netns_cookie: there is one network namespace, the first. */
export const getNetnsCookie = simple(() => () => 1);
