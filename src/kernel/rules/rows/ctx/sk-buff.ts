/** struct __sk_buff: the context of every program type that sees packets as sk_buffs. */
import {
  PTR_MAYBE_NULL,
  PTR_TO_FLOW_KEYS,
  PTR_TO_PACKET,
  PTR_TO_PACKET_END,
  PTR_TO_PACKET_META,
  PTR_TO_SOCK_COMMON,
} from '../../reg-types.ts';
import type { CtxStruct } from './row.ts';

export const SK_BUFF = {
  name: '__sk_buff',
  size: 192,
  fields: {
    len: { off: 0, size: 4 },
    pkt_type: { off: 4, size: 4 },
    mark: { off: 8, size: 4 },
    queue_mapping: { off: 12, size: 4 },
    protocol: { off: 16, size: 4 },
    vlan_present: { off: 20, size: 4 },
    vlan_tci: { off: 24, size: 4 },
    vlan_proto: { off: 28, size: 4 },
    priority: { off: 32, size: 4 },
    ingress_ifindex: { off: 36, size: 4 },
    ifindex: { off: 40, size: 4 },
    tc_index: { off: 44, size: 4 },
    cb: { off: 48, size: 20, unit: 4, read: 'any', write: 'any' },
    hash: { off: 68, size: 4 },
    tc_classid: { off: 72, size: 4 },
    data: { off: 76, size: 4, read: 'exact', reg: PTR_TO_PACKET, noSext: true },
    data_end: { off: 80, size: 4, read: 'exact', reg: PTR_TO_PACKET_END, noSext: true },
    napi_id: { off: 84, size: 4 },
    family: { off: 88, size: 4 },
    remote_ip4: { off: 92, size: 4, read: 'exact' },
    local_ip4: { off: 96, size: 4, read: 'exact' },
    remote_ip6: { off: 100, size: 16, unit: 4, read: 'exact' },
    local_ip6: { off: 116, size: 16, unit: 4, read: 'exact' },
    remote_port: { off: 132, size: 4 },
    local_port: { off: 136, size: 4 },
    data_meta: { off: 140, size: 4, read: 'exact', reg: PTR_TO_PACKET_META, noSext: true },
    flow_keys: { off: 144, size: 8, read: 'exact', reg: PTR_TO_FLOW_KEYS },
    tstamp: { off: 152, size: 8, read: 'exact' },
    wire_len: { off: 160, size: 4 },
    gso_segs: { off: 164, size: 4 },
    sk: { off: 168, size: 8, read: 'exact', reg: PTR_TO_SOCK_COMMON | PTR_MAYBE_NULL },
    gso_size: { off: 176, size: 4 },
    tstamp_type: { off: 180, size: 1, read: 'exact' },
    hwtstamp: { off: 184, size: 8, read: 'exact' },
  },
} as const satisfies CtxStruct;

/** Fields that every sk_buff program reads, flow dissectors aside. */
export const SKB_COMMON = {
  len: true,
  pkt_type: true,
  mark: true,
  queue_mapping: true,
  protocol: true,
  vlan_present: true,
  vlan_tci: true,
  vlan_proto: true,
  priority: true,
  ingress_ifindex: true,
  ifindex: true,
  tc_index: true,
  cb: true,
  hash: true,
  napi_id: true,
  gso_segs: true,
  sk: true,
  gso_size: true,
} as const;

/** The socket's addresses, for types whose sk_buffs belong to a socket. */
export const SKB_SOCKET = {
  family: true,
  remote_ip4: true,
  local_ip4: true,
  remote_ip6: true,
  local_ip6: true,
  remote_port: true,
  local_port: true,
} as const;
