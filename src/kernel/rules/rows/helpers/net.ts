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
  skb_store_bytes: { id: 9, ret: RET_INTEGER, args: [CTX, ANY, RO_MEM, ARG_CONST_SIZE, ANY], changesPktData: true },
  l3_csum_replace: { id: 10, ret: RET_INTEGER, args: [CTX, ANY, ANY, ANY, ANY], changesPktData: true },
  l4_csum_replace: { id: 11, ret: RET_INTEGER, args: [CTX, ANY, ANY, ANY, ANY], changesPktData: true },
  clone_redirect: { id: 13, ret: RET_INTEGER, args: [CTX, ANY, ANY], changesPktData: true },
  'get_cgroup_classid:skb': { id: 17, ret: RET_INTEGER, args: [CTX] },
  skb_vlan_push: { id: 18, ret: RET_INTEGER, args: [CTX, ANY, ANY], changesPktData: true },
  skb_vlan_pop: { id: 19, ret: RET_INTEGER, args: [CTX], changesPktData: true },
  skb_get_tunnel_key: { id: 20, ret: RET_INTEGER, args: [CTX, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE, ANY] },
  skb_set_tunnel_key: { id: 21, ret: RET_INTEGER, args: [CTX, RO_MEM, ARG_CONST_SIZE, ANY] },
  redirect: { id: 23, ret: RET_INTEGER, args: [ANY, ANY] },
  get_route_realm: { id: 24, ret: RET_INTEGER, args: [CTX] },
  skb_load_bytes: { id: 26, ret: RET_INTEGER, args: [CTX, ANY, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE] },
  csum_diff: {
    id: 28,
    ret: RET_INTEGER,
    args: [RO_MEM_OR_NULL, ARG_CONST_SIZE_OR_ZERO, RO_MEM_OR_NULL, ARG_CONST_SIZE_OR_ZERO, ANY],
    pktAccess: true,
  },
  skb_get_tunnel_opt: { id: 29, ret: RET_INTEGER, args: [CTX, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE] },
  skb_set_tunnel_opt: { id: 30, ret: RET_INTEGER, args: [CTX, RO_MEM, ARG_CONST_SIZE] },
  skb_change_proto: { id: 31, ret: RET_INTEGER, args: [CTX, ANY, ANY], changesPktData: true },
  skb_change_type: { id: 32, ret: RET_INTEGER, args: [CTX, ANY] },
  skb_under_cgroup: { id: 33, ret: RET_INTEGER, args: [CTX, ARG_CONST_MAP_PTR, ANY] },
  get_hash_recalc: { id: 34, ret: RET_INTEGER, args: [CTX] },
  skb_change_tail: { id: 38, ret: RET_INTEGER, args: [CTX, ANY, ANY], changesPktData: true },
  skb_pull_data: { id: 39, ret: RET_INTEGER, args: [CTX, ANY], changesPktData: true },
  csum_update: { id: 40, ret: RET_INTEGER, args: [CTX, ANY] },
  set_hash_invalid: { id: 41, ret: RET_INTEGER, args: [CTX] },
  skb_change_head: { id: 43, ret: RET_INTEGER, args: [CTX, ANY, ANY], changesPktData: true },
  set_hash: { id: 48, ret: RET_INTEGER, args: [CTX, ANY] },
  skb_adjust_room: { id: 50, ret: RET_INTEGER, args: [CTX, ANY, ANY, ANY], changesPktData: true },
  skb_get_xfrm_state: { id: 66, ret: RET_INTEGER, args: [CTX, ANY, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE, ANY] },
  skb_load_bytes_relative: { id: 68, ret: RET_INTEGER, args: [CTX, ANY, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE, ANY] },
  fib_lookup: { id: 69, ret: RET_INTEGER, args: [CTX, RW_MEM, ARG_CONST_SIZE, ANY], gplOnly: true, pktAccess: true },
  skb_cgroup_id: { id: 79, ret: RET_INTEGER, args: [CTX] },
  skb_ancestor_cgroup_id: { id: 83, ret: RET_INTEGER, args: [CTX, ANY] },
  skb_ecn_set_ce: { id: 97, ret: RET_INTEGER, args: [CTX] },
  csum_level: { id: 135, ret: RET_INTEGER, args: [CTX, ANY] },
  skb_cgroup_classid: { id: 151, ret: RET_INTEGER, args: [CTX] },
  redirect_neigh: { id: 152, ret: RET_INTEGER, args: [ANY, RO_MEM_OR_NULL, ARG_CONST_SIZE_OR_ZERO, ANY] },
  redirect_peer: { id: 155, ret: RET_INTEGER, args: [ANY, ANY] },
  check_mtu: {
    id: 163,
    ret: RET_INTEGER,
    args: [CTX, ANY, MTU_LEN, ANY, ANY],
    argSize: [undefined, undefined, 4],
    gplOnly: true,
  },
  skb_set_tstamp: { id: 192, ret: RET_INTEGER, args: [CTX, ANY, ANY] },

  // XDP.
  xdp_adjust_head: { id: 44, ret: RET_INTEGER, args: [CTX, ANY], changesPktData: true },
  redirect_map: { id: 51, ret: RET_INTEGER, args: [ARG_CONST_MAP_PTR, ANY, ANY] },
  xdp_adjust_meta: { id: 54, ret: RET_INTEGER, args: [CTX, ANY], changesPktData: true },
  xdp_adjust_tail: { id: 65, ret: RET_INTEGER, args: [CTX, ANY], changesPktData: true },
  xdp_get_buff_len: { id: 188, ret: RET_INTEGER, args: [CTX] },
  'xdp_get_buff_len:tracing': { id: 188, ret: RET_INTEGER, args: [ARG_PTR_TO_BTF_ID], argBtf: ['xdp_buff'] },
  xdp_load_bytes: { id: 189, ret: RET_INTEGER, args: [CTX, ANY, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE] },
  xdp_store_bytes: { id: 190, ret: RET_INTEGER, args: [CTX, ANY, RO_MEM, ARG_CONST_SIZE] },

  // SYN cookies.
  tcp_check_syncookie: {
    id: 100,
    ret: RET_INTEGER,
    args: [ARG_PTR_TO_BTF_ID_SOCK_COMMON, RO_MEM, ARG_CONST_SIZE, RO_MEM, ARG_CONST_SIZE],
    gplOnly: true,
    pktAccess: true,
  },
  tcp_gen_syncookie: {
    id: 110,
    ret: RET_INTEGER,
    args: [ARG_PTR_TO_BTF_ID_SOCK_COMMON, RO_MEM, ARG_CONST_SIZE, RO_MEM, ARG_CONST_SIZE],
    gplOnly: true,
    pktAccess: true,
  },
  tcp_raw_gen_syncookie_ipv4: {
    id: 204,
    ret: RET_INTEGER,
    args: [RO_FIXED, RO_MEM, ARG_CONST_SIZE_OR_ZERO],
    argSize: [SIZEOF_IPHDR],
    gplOnly: true,
    pktAccess: true,
  },
  tcp_raw_gen_syncookie_ipv6: {
    id: 205,
    ret: RET_INTEGER,
    args: [RO_FIXED, RO_MEM, ARG_CONST_SIZE_OR_ZERO],
    argSize: [SIZEOF_IPV6HDR],
    gplOnly: true,
    pktAccess: true,
  },
  tcp_raw_check_syncookie_ipv4: {
    id: 206,
    ret: RET_INTEGER,
    args: [RO_FIXED, RO_FIXED],
    argSize: [SIZEOF_IPHDR, SIZEOF_TCPHDR],
    gplOnly: true,
    pktAccess: true,
  },
  tcp_raw_check_syncookie_ipv6: {
    id: 207,
    ret: RET_INTEGER,
    args: [RO_FIXED, RO_FIXED],
    argSize: [SIZEOF_IPV6HDR, SIZEOF_TCPHDR],
    gplOnly: true,
    pktAccess: true,
  },

  // Lightweight tunnels.
  lwt_push_encap: { id: 73, ret: RET_INTEGER, args: [CTX, ANY, RO_MEM, ARG_CONST_SIZE], changesPktData: true },
  lwt_seg6_store_bytes: { id: 74, ret: RET_INTEGER, args: [CTX, ANY, RO_MEM, ARG_CONST_SIZE], changesPktData: true },
  lwt_seg6_adjust_srh: { id: 75, ret: RET_INTEGER, args: [CTX, ANY, ANY], changesPktData: true },
  lwt_seg6_action: { id: 76, ret: RET_INTEGER, args: [CTX, ANY, RO_MEM, ARG_CONST_SIZE], changesPktData: true },

  // Sysctl hook.
  sysctl_get_name: { id: 101, ret: RET_INTEGER, args: [CTX, RW_MEM, ARG_CONST_SIZE, ANY] },
  sysctl_get_current_value: { id: 102, ret: RET_INTEGER, args: [CTX, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE] },
  sysctl_get_new_value: { id: 103, ret: RET_INTEGER, args: [CTX, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE] },
  sysctl_set_new_value: { id: 104, ret: RET_INTEGER, args: [CTX, RO_MEM, ARG_CONST_SIZE] },
} as const satisfies HelperTable;
