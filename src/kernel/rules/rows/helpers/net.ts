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
    id: 9,
    since: '4.1',
    ret: RET_INTEGER,
    args: [CTX, ANY, RO_MEM, ARG_CONST_SIZE, ANY],
    changesPktData: true,
  },
  l3_csum_replace: { id: 10, since: '4.1', ret: RET_INTEGER, args: [CTX, ANY, ANY, ANY, ANY], changesPktData: true },
  l4_csum_replace: { id: 11, since: '4.1', ret: RET_INTEGER, args: [CTX, ANY, ANY, ANY, ANY], changesPktData: true },
  clone_redirect: { id: 13, since: '4.2', ret: RET_INTEGER, args: [CTX, ANY, ANY], changesPktData: true },
  'get_cgroup_classid:skb': { id: 17, since: '4.3', ret: RET_INTEGER, args: [CTX] },
  skb_vlan_push: { id: 18, since: '4.3', ret: RET_INTEGER, args: [CTX, ANY, ANY], changesPktData: true },
  skb_vlan_pop: { id: 19, since: '4.3', ret: RET_INTEGER, args: [CTX], changesPktData: true },
  skb_get_tunnel_key: {
    id: 20,
    since: '4.3',
    ret: RET_INTEGER,
    args: [CTX, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE, ANY],
  },
  skb_set_tunnel_key: { id: 21, since: '4.3', ret: RET_INTEGER, args: [CTX, RO_MEM, ARG_CONST_SIZE, ANY] },
  redirect: { id: 23, since: '4.4', ret: RET_INTEGER, args: [ANY, ANY] },
  get_route_realm: { id: 24, since: '4.4', ret: RET_INTEGER, args: [CTX] },
  skb_load_bytes: { id: 26, since: '4.5', ret: RET_INTEGER, args: [CTX, ANY, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE] },
  csum_diff: {
    id: 28,
    since: '4.6',
    ret: RET_INTEGER,
    args: [RO_MEM_OR_NULL, ARG_CONST_SIZE_OR_ZERO, RO_MEM_OR_NULL, ARG_CONST_SIZE_OR_ZERO, ANY],
    pktAccess: true,
  },
  skb_get_tunnel_opt: { id: 29, since: '4.6', ret: RET_INTEGER, args: [CTX, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE] },
  skb_set_tunnel_opt: { id: 30, since: '4.6', ret: RET_INTEGER, args: [CTX, RO_MEM, ARG_CONST_SIZE] },
  skb_change_proto: { id: 31, since: '4.8', ret: RET_INTEGER, args: [CTX, ANY, ANY], changesPktData: true },
  skb_change_type: { id: 32, since: '4.8', ret: RET_INTEGER, args: [CTX, ANY] },
  skb_under_cgroup: { id: 33, since: '4.8', ret: RET_INTEGER, args: [CTX, ARG_CONST_MAP_PTR, ANY] },
  get_hash_recalc: { id: 34, since: '4.8', ret: RET_INTEGER, args: [CTX] },
  skb_change_tail: { id: 38, since: '4.9', ret: RET_INTEGER, args: [CTX, ANY, ANY], changesPktData: true },
  skb_pull_data: { id: 39, since: '4.9', ret: RET_INTEGER, args: [CTX, ANY], changesPktData: true },
  csum_update: { id: 40, since: '4.9', ret: RET_INTEGER, args: [CTX, ANY] },
  set_hash_invalid: { id: 41, since: '4.9', ret: RET_INTEGER, args: [CTX] },
  skb_change_head: { id: 43, since: '4.10', ret: RET_INTEGER, args: [CTX, ANY, ANY], changesPktData: true },
  set_hash: { id: 48, since: '4.13', ret: RET_INTEGER, args: [CTX, ANY] },
  skb_adjust_room: { id: 50, since: '4.13', ret: RET_INTEGER, args: [CTX, ANY, ANY, ANY], changesPktData: true },
  skb_get_xfrm_state: {
    id: 66,
    since: '4.18',
    ret: RET_INTEGER,
    args: [CTX, ANY, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE, ANY],
  },
  skb_load_bytes_relative: {
    id: 68,
    since: '4.18',
    ret: RET_INTEGER,
    args: [CTX, ANY, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE, ANY],
  },
  fib_lookup: {
    id: 69,
    since: '4.18',
    ret: RET_INTEGER,
    args: [CTX, RW_MEM, ARG_CONST_SIZE, ANY],
    gplOnly: true,
    pktAccess: true,
  },
  skb_cgroup_id: { id: 79, since: '4.18', ret: RET_INTEGER, args: [CTX] },
  skb_ancestor_cgroup_id: { id: 83, since: '4.19', ret: RET_INTEGER, args: [CTX, ANY] },
  skb_ecn_set_ce: { id: 97, since: '5.1', ret: RET_INTEGER, args: [CTX] },
  csum_level: { id: 135, since: '5.8', ret: RET_INTEGER, args: [CTX, ANY] },
  skb_cgroup_classid: { id: 151, since: '5.10', ret: RET_INTEGER, args: [CTX] },
  redirect_neigh: {
    id: 152,
    since: '5.10',
    ret: RET_INTEGER,
    args: [ANY, RO_MEM_OR_NULL, ARG_CONST_SIZE_OR_ZERO, ANY],
  },
  redirect_peer: { id: 155, since: '5.10', ret: RET_INTEGER, args: [ANY, ANY] },
  check_mtu: {
    id: 163,
    since: '5.12',
    ret: RET_INTEGER,
    args: [CTX, ANY, MTU_LEN, ANY, ANY],
    argSize: [undefined, undefined, 4],
    gplOnly: true,
  },
  skb_set_tstamp: { id: 192, since: '5.18', ret: RET_INTEGER, args: [CTX, ANY, ANY] },

  // XDP.
  xdp_adjust_head: { id: 44, since: '4.10', ret: RET_INTEGER, args: [CTX, ANY], changesPktData: true },
  redirect_map: { id: 51, since: '4.14', ret: RET_INTEGER, args: [ARG_CONST_MAP_PTR, ANY, ANY], byMap: 'reads' },
  xdp_adjust_meta: { id: 54, since: '4.15', ret: RET_INTEGER, args: [CTX, ANY], changesPktData: true },
  xdp_adjust_tail: { id: 65, since: '4.18', ret: RET_INTEGER, args: [CTX, ANY], changesPktData: true },
  xdp_get_buff_len: { id: 188, since: '5.18', ret: RET_INTEGER, args: [CTX] },
  'xdp_get_buff_len:tracing': {
    id: 188,
    since: '5.18',
    ret: RET_INTEGER,
    args: [ARG_PTR_TO_BTF_ID],
    argBtf: ['xdp_buff'],
  },
  xdp_load_bytes: { id: 189, since: '5.18', ret: RET_INTEGER, args: [CTX, ANY, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE] },
  xdp_store_bytes: { id: 190, since: '5.18', ret: RET_INTEGER, args: [CTX, ANY, RO_MEM, ARG_CONST_SIZE] },

  // SYN cookies.
  tcp_check_syncookie: {
    id: 100,
    since: '5.2',
    ret: RET_INTEGER,
    args: [ARG_PTR_TO_BTF_ID_SOCK_COMMON, RO_MEM, ARG_CONST_SIZE, RO_MEM, ARG_CONST_SIZE],
    gplOnly: true,
    pktAccess: true,
  },
  tcp_gen_syncookie: {
    id: 110,
    since: '5.3',
    ret: RET_INTEGER,
    args: [ARG_PTR_TO_BTF_ID_SOCK_COMMON, RO_MEM, ARG_CONST_SIZE, RO_MEM, ARG_CONST_SIZE],
    gplOnly: true,
    pktAccess: true,
  },
  tcp_raw_gen_syncookie_ipv4: {
    id: 204,
    since: '6.0',
    ret: RET_INTEGER,
    args: [RO_FIXED, RO_MEM, ARG_CONST_SIZE_OR_ZERO],
    argSize: [SIZEOF_IPHDR],
    gplOnly: true,
    pktAccess: true,
  },
  tcp_raw_gen_syncookie_ipv6: {
    id: 205,
    since: '6.0',
    ret: RET_INTEGER,
    args: [RO_FIXED, RO_MEM, ARG_CONST_SIZE_OR_ZERO],
    argSize: [SIZEOF_IPV6HDR],
    gplOnly: true,
    pktAccess: true,
  },
  tcp_raw_check_syncookie_ipv4: {
    id: 206,
    since: '6.0',
    ret: RET_INTEGER,
    args: [RO_FIXED, RO_FIXED],
    argSize: [SIZEOF_IPHDR, SIZEOF_TCPHDR],
    gplOnly: true,
    pktAccess: true,
  },
  tcp_raw_check_syncookie_ipv6: {
    id: 207,
    since: '6.0',
    ret: RET_INTEGER,
    args: [RO_FIXED, RO_FIXED],
    argSize: [SIZEOF_IPV6HDR, SIZEOF_TCPHDR],
    gplOnly: true,
    pktAccess: true,
  },

  // Lightweight tunnels.
  lwt_push_encap: {
    id: 73,
    since: '4.18',
    ret: RET_INTEGER,
    args: [CTX, ANY, RO_MEM, ARG_CONST_SIZE],
    changesPktData: true,
  },
  lwt_seg6_store_bytes: {
    id: 74,
    since: '4.18',
    ret: RET_INTEGER,
    args: [CTX, ANY, RO_MEM, ARG_CONST_SIZE],
    changesPktData: true,
  },
  lwt_seg6_adjust_srh: { id: 75, since: '4.18', ret: RET_INTEGER, args: [CTX, ANY, ANY], changesPktData: true },
  lwt_seg6_action: {
    id: 76,
    since: '4.18',
    ret: RET_INTEGER,
    args: [CTX, ANY, RO_MEM, ARG_CONST_SIZE],
    changesPktData: true,
  },

  // Sysctl hook.
  sysctl_get_name: { id: 101, since: '5.2', ret: RET_INTEGER, args: [CTX, RW_MEM, ARG_CONST_SIZE, ANY] },
  sysctl_get_current_value: {
    id: 102,
    since: '5.2',
    ret: RET_INTEGER,
    args: [CTX, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE],
  },
  sysctl_get_new_value: { id: 103, since: '5.2', ret: RET_INTEGER, args: [CTX, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE] },
  sysctl_set_new_value: { id: 104, since: '5.2', ret: RET_INTEGER, args: [CTX, RO_MEM, ARG_CONST_SIZE] },
} as const satisfies HelperTable;
