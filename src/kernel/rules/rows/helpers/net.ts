/** Helper prototypes: sk_buff, XDP, checksums, redirects, tunnels, lightweight tunnels, cgroup hooks of the network. */
import {
  ARG_ANYTHING,
  ARG_CONST_MAP_PTR,
  ARG_CONST_SIZE,
  ARG_CONST_SIZE_OR_ZERO,
  ARG_PTR_TO_BTF_ID,
  ARG_PTR_TO_BTF_ID_SOCK_COMMON,
  ARG_PTR_TO_CTX,
  ARG_PTR_TO_MEM,
  MEM_ALIGNED,
  MEM_FIXED_SIZE,
  MEM_RDONLY,
  MEM_WRITE,
  RET_INTEGER,
} from '../../reg-types.ts';
import { ARG_PTR_TO_UNINIT_MEM, type HelperTable, RO_MEM, RO_MEM_OR_NULL } from './row.ts';

const RW_MEM = ARG_PTR_TO_MEM | MEM_WRITE;
const RO_FIXED = ARG_PTR_TO_MEM | MEM_FIXED_SIZE | MEM_RDONLY;
const SIZEOF_IPHDR = 20;
const SIZEOF_IPV6HDR = 40;
const SIZEOF_TCPHDR = 20;
const CTX = ARG_PTR_TO_CTX;
const ANY = ARG_ANYTHING;
const MTU_LEN = ARG_PTR_TO_MEM | MEM_FIXED_SIZE | MEM_WRITE | MEM_ALIGNED;

export const NET_HELPERS = {
  // sk_buff.
  skb_store_bytes: {
    since: '4.1',
    ret: RET_INTEGER,
    args: [CTX, ANY, RO_MEM, ARG_CONST_SIZE, ANY],
    changesPktData: true,
  },
  l3_csum_replace: { since: '4.1', ret: RET_INTEGER, args: [CTX, ANY, ANY, ANY, ANY], changesPktData: true },
  l4_csum_replace: { since: '4.1', ret: RET_INTEGER, args: [CTX, ANY, ANY, ANY, ANY], changesPktData: true },
  clone_redirect: { since: '4.2', ret: RET_INTEGER, args: [CTX, ANY, ANY], changesPktData: true },
  'get_cgroup_classid:skb': { since: '4.3', ret: RET_INTEGER, args: [CTX] },
  skb_vlan_push: { since: '4.3', ret: RET_INTEGER, args: [CTX, ANY, ANY], changesPktData: true },
  skb_vlan_pop: { since: '4.3', ret: RET_INTEGER, args: [CTX], changesPktData: true },
  skb_get_tunnel_key: {
    since: '4.3',
    ret: RET_INTEGER,
    args: [CTX, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE, ANY],
  },
  skb_set_tunnel_key: { since: '4.3', ret: RET_INTEGER, args: [CTX, RO_MEM, ARG_CONST_SIZE, ANY] },
  redirect: { since: '4.4', ret: RET_INTEGER, args: [ANY, ANY] },
  get_route_realm: { since: '4.4', ret: RET_INTEGER, args: [CTX] },
  skb_load_bytes: { since: '4.5', ret: RET_INTEGER, args: [CTX, ANY, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE] },
  csum_diff: {
    since: '4.6',
    ret: RET_INTEGER,
    args: [RO_MEM_OR_NULL, ARG_CONST_SIZE_OR_ZERO, RO_MEM_OR_NULL, ARG_CONST_SIZE_OR_ZERO, ANY],
    pktAccess: true,
  },
  skb_get_tunnel_opt: { since: '4.6', ret: RET_INTEGER, args: [CTX, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE] },
  skb_set_tunnel_opt: { since: '4.6', ret: RET_INTEGER, args: [CTX, RO_MEM, ARG_CONST_SIZE] },
  skb_change_proto: { since: '4.8', ret: RET_INTEGER, args: [CTX, ANY, ANY], changesPktData: true },
  skb_change_type: { since: '4.8', ret: RET_INTEGER, args: [CTX, ANY] },
  skb_under_cgroup: { since: '4.8', ret: RET_INTEGER, args: [CTX, ARG_CONST_MAP_PTR, ANY] },
  get_hash_recalc: { since: '4.8', ret: RET_INTEGER, args: [CTX] },
  skb_change_tail: { since: '4.9', ret: RET_INTEGER, args: [CTX, ANY, ANY], changesPktData: true },
  skb_pull_data: { since: '4.9', ret: RET_INTEGER, args: [CTX, ANY], changesPktData: true },
  csum_update: { since: '4.9', ret: RET_INTEGER, args: [CTX, ANY] },
  set_hash_invalid: { since: '4.9', ret: RET_INTEGER, args: [CTX] },
  skb_change_head: { since: '4.10', ret: RET_INTEGER, args: [CTX, ANY, ANY], changesPktData: true },
  set_hash: { since: '4.13', ret: RET_INTEGER, args: [CTX, ANY] },
  skb_adjust_room: { since: '4.13', ret: RET_INTEGER, args: [CTX, ANY, ANY, ANY], changesPktData: true },
  skb_get_xfrm_state: {
    since: '4.18',
    ret: RET_INTEGER,
    args: [CTX, ANY, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE, ANY],
  },
  skb_load_bytes_relative: {
    since: '4.18',
    ret: RET_INTEGER,
    args: [CTX, ANY, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE, ANY],
  },
  fib_lookup: {
    since: '4.18',
    ret: RET_INTEGER,
    args: [CTX, RW_MEM, ARG_CONST_SIZE, ANY],
    gplOnly: true,
    pktAccess: true,
  },
  skb_cgroup_id: { since: '4.18', ret: RET_INTEGER, args: [CTX] },
  skb_ancestor_cgroup_id: { since: '4.19', ret: RET_INTEGER, args: [CTX, ANY] },
  skb_ecn_set_ce: { since: '5.1', ret: RET_INTEGER, args: [CTX] },
  csum_level: { since: '5.8', ret: RET_INTEGER, args: [CTX, ANY] },
  skb_cgroup_classid: { since: '5.10', ret: RET_INTEGER, args: [CTX] },
  redirect_neigh: {
    since: '5.10',
    ret: RET_INTEGER,
    args: [ANY, RO_MEM_OR_NULL, ARG_CONST_SIZE_OR_ZERO, ANY],
  },
  redirect_peer: { since: '5.10', ret: RET_INTEGER, args: [ANY, ANY] },
  check_mtu: {
    since: '5.12',
    ret: RET_INTEGER,
    args: [CTX, ANY, MTU_LEN, ANY, ANY],
    argSize: [undefined, undefined, 4],
    gplOnly: true,
  },
  skb_set_tstamp: { since: '5.18', ret: RET_INTEGER, args: [CTX, ANY, ANY] },

  // XDP.
  xdp_adjust_head: { since: '4.10', ret: RET_INTEGER, args: [CTX, ANY], changesPktData: true },
  redirect_map: { since: '4.14', ret: RET_INTEGER, args: [ARG_CONST_MAP_PTR, ANY, ANY], byMap: 'reads' },
  xdp_adjust_meta: { since: '4.15', ret: RET_INTEGER, args: [CTX, ANY], changesPktData: true },
  xdp_adjust_tail: { since: '4.18', ret: RET_INTEGER, args: [CTX, ANY], changesPktData: true },
  xdp_get_buff_len: { since: '5.18', ret: RET_INTEGER, args: [CTX] },
  'xdp_get_buff_len:tracing': {
    since: '5.18',
    ret: RET_INTEGER,
    args: [ARG_PTR_TO_BTF_ID],
    argBtf: ['xdp_buff'],
  },
  xdp_load_bytes: { since: '5.18', ret: RET_INTEGER, args: [CTX, ANY, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE] },
  xdp_store_bytes: { since: '5.18', ret: RET_INTEGER, args: [CTX, ANY, RO_MEM, ARG_CONST_SIZE] },

  // SYN cookies.
  tcp_check_syncookie: {
    since: '5.2',
    ret: RET_INTEGER,
    args: [ARG_PTR_TO_BTF_ID_SOCK_COMMON, RO_MEM, ARG_CONST_SIZE, RO_MEM, ARG_CONST_SIZE],
    gplOnly: true,
    pktAccess: true,
  },
  tcp_gen_syncookie: {
    since: '5.3',
    ret: RET_INTEGER,
    args: [ARG_PTR_TO_BTF_ID_SOCK_COMMON, RO_MEM, ARG_CONST_SIZE, RO_MEM, ARG_CONST_SIZE],
    gplOnly: true,
    pktAccess: true,
  },
  tcp_raw_gen_syncookie_ipv4: {
    since: '6.0',
    ret: RET_INTEGER,
    args: [RO_FIXED, RO_MEM, ARG_CONST_SIZE_OR_ZERO],
    argSize: [SIZEOF_IPHDR],
    gplOnly: true,
    pktAccess: true,
  },
  tcp_raw_gen_syncookie_ipv6: {
    since: '6.0',
    ret: RET_INTEGER,
    args: [RO_FIXED, RO_MEM, ARG_CONST_SIZE_OR_ZERO],
    argSize: [SIZEOF_IPV6HDR],
    gplOnly: true,
    pktAccess: true,
  },
  tcp_raw_check_syncookie_ipv4: {
    since: '6.0',
    ret: RET_INTEGER,
    args: [RO_FIXED, RO_FIXED],
    argSize: [SIZEOF_IPHDR, SIZEOF_TCPHDR],
    gplOnly: true,
    pktAccess: true,
  },
  tcp_raw_check_syncookie_ipv6: {
    since: '6.0',
    ret: RET_INTEGER,
    args: [RO_FIXED, RO_FIXED],
    argSize: [SIZEOF_IPV6HDR, SIZEOF_TCPHDR],
    gplOnly: true,
    pktAccess: true,
  },

  // Lightweight tunnels.
  lwt_push_encap: {
    since: '4.18',
    ret: RET_INTEGER,
    args: [CTX, ANY, RO_MEM, ARG_CONST_SIZE],
    changesPktData: true,
  },
  lwt_seg6_store_bytes: {
    since: '4.18',
    ret: RET_INTEGER,
    args: [CTX, ANY, RO_MEM, ARG_CONST_SIZE],
    changesPktData: true,
  },
  lwt_seg6_adjust_srh: { since: '4.18', ret: RET_INTEGER, args: [CTX, ANY, ANY], changesPktData: true },
  lwt_seg6_action: {
    since: '4.18',
    ret: RET_INTEGER,
    args: [CTX, ANY, RO_MEM, ARG_CONST_SIZE],
    changesPktData: true,
  },

  // Sysctl hook.
  sysctl_get_name: { since: '5.2', ret: RET_INTEGER, args: [CTX, RW_MEM, ARG_CONST_SIZE, ANY] },
  sysctl_get_current_value: {
    since: '5.2',
    ret: RET_INTEGER,
    args: [CTX, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE],
  },
  sysctl_get_new_value: { since: '5.2', ret: RET_INTEGER, args: [CTX, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE] },
  sysctl_set_new_value: { since: '5.2', ret: RET_INTEGER, args: [CTX, RO_MEM, ARG_CONST_SIZE] },
} as const satisfies HelperTable;
