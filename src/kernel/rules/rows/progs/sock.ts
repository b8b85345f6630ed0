/** Program types that steer sockets and connections: sk_msg, reuseport selection, socket lookup, netfilter. */
import { BPF_NF_CTX, BPF_SK_LOOKUP, SK_MSG_MD, SK_REUSEPORT_MD } from '../ctx/net.ts';
import { SK_BASE, SK_MSG_CURRENT } from '../helpers/sets.ts';
import type { ProgTypeRow } from './row.ts';
import { BPF_ATTACH_TYPE } from '../../../../uapi/attach-types.ts';

const {
  BPF_SK_LOOKUP: BPF_SK_LOOKUP_ATTACH,
  BPF_SK_REUSEPORT_SELECT,
  BPF_SK_REUSEPORT_SELECT_OR_MIGRATE,
  BPF_NETFILTER,
} = BPF_ATTACH_TYPE;

export const SK_MSG = {
  type: 16,
  since: '4.17',
  name: 'BPF_PROG_TYPE_SK_MSG',
  short: 'sk_msg',
  ctxStruct: 'sk_msg_md',
  ctx: {
    struct: SK_MSG_MD,
    read: {
      data: true,
      data_end: true,
      family: true,
      remote_ip4: true,
      local_ip4: true,
      remote_ip6: true,
      local_ip6: true,
      remote_port: true,
      local_port: true,
      size: true,
      sk: true,
    },
    convert: true,
  },
  packetAccess: 'write',
  helpers: [
    'msg_redirect_map',
    'msg_redirect_hash',
    'msg_apply_bytes',
    'msg_cork_bytes',
    'msg_pull_data',
    'msg_push_data',
    'msg_pop_data',
    'perf_event_output',
    'sk_storage_get',
    'sk_storage_delete',
    'get_netns_cookie',
    ...SK_MSG_CURRENT,
    ...SK_BASE,
  ],
  ret: [],
  loadCaps: ['netAdmin'],
  config: 'CONFIG_NET_SOCK_MSG',
} as const satisfies ProgTypeRow;

export const SK_REUSEPORT = {
  type: 21,
  since: '4.19',
  name: 'BPF_PROG_TYPE_SK_REUSEPORT',
  short: 'sk_reuseport',
  ctxStruct: 'sk_reuseport_md',
  ctx: {
    struct: SK_REUSEPORT_MD,
    read: {
      data: true,
      data_end: true,
      len: true,
      eth_protocol: true,
      ip_protocol: true,
      bind_inany: true,
      hash: true,
      sk: true,
      migrating_sk: true,
    },
    convert: true,
  },
  packetAccess: 'read',
  helpers: [
    'sk_select_reuseport',
    'skb_load_bytes',
    'skb_load_bytes_relative',
    'get_socket_cookie:ptr',
    'ktime_get_coarse_ns',
  ],
  ret: [],
  loadCaps: [],
  attachTypes: [BPF_SK_REUSEPORT_SELECT, BPF_SK_REUSEPORT_SELECT_OR_MIGRATE],
  defaultAttach: BPF_SK_REUSEPORT_SELECT,
} as const satisfies ProgTypeRow;

export const SK_LOOKUP = {
  type: 30,
  since: '5.9',
  name: 'BPF_PROG_TYPE_SK_LOOKUP',
  short: 'sk_lookup',
  ctxStruct: 'bpf_sk_lookup',
  ctx: {
    struct: BPF_SK_LOOKUP,
    read: {
      sk: true,
      family: true,
      protocol: true,
      remote_ip4: true,
      remote_ip6: true,
      remote_port: true,
      remote_port_pad: true,
      local_ip4: true,
      local_ip6: true,
      local_port: true,
      ingress_ifindex: true,
    },
    convert: true,
  },
  packetAccess: 'none',
  helpers: ['perf_event_output', 'sk_assign:sk_lookup', 'sk_release', ...SK_BASE],
  ret: [{ range: [0, 1] }],
  loadCaps: [],
  attachTypes: [BPF_SK_LOOKUP_ATTACH],
} as const satisfies ProgTypeRow;

export const NETFILTER = {
  type: 32,
  since: '6.4',
  name: 'BPF_PROG_TYPE_NETFILTER',
  short: 'netfilter',
  ctxStruct: 'bpf_nf_ctx',
  ctx: { struct: BPF_NF_CTX, read: { state: true, skb: true }, convert: false },
  packetAccess: 'none',
  helpers: [],
  ret: [{ range: [0, 1] }],
  loadCaps: ['netAdmin'],
  attachTypes: [BPF_NETFILTER],
  config: 'CONFIG_NETFILTER_BPF_LINK',
} as const satisfies ProgTypeRow;
