/** Helper prototypes: sockets, socket options, sock_ops, sockmap, reuseport. */
import {
  ARG_ANYTHING,
  ARG_CONST_MAP_PTR,
  ARG_CONST_SIZE,
  ARG_CONST_SIZE_OR_ZERO,
  ARG_PTR_TO_BTF_ID,
  ARG_PTR_TO_BTF_ID_SOCK_COMMON,
  ARG_PTR_TO_CTX,
  ARG_PTR_TO_MAP_KEY,
  ARG_PTR_TO_MEM,
  ARG_PTR_TO_SOCK_COMMON,
  MEM_WRITE,
  OBJ_RELEASE,
  PTR_MAYBE_NULL,
  RET_INTEGER,
  RET_PTR_TO_SOCK_COMMON,
  RET_PTR_TO_TCP_SOCK,
} from '../../reg-types.ts';
import {
  ARG_PTR_TO_CTX_OR_NULL,
  ARG_PTR_TO_SOCKET_OR_NULL,
  ARG_PTR_TO_UNINIT_MEM,
  BTF_SOCK_OR_NULL,
  type HelperTable,
  RET_PTR_TO_BTF_ID_OR_NULL,
  RET_PTR_TO_SOCKET_OR_NULL,
  RO_MEM,
} from './row.ts';

const CTX = ARG_PTR_TO_CTX;
const ANY = ARG_ANYTHING;
const BTF_SOCK = ARG_PTR_TO_BTF_ID_SOCK_COMMON;
const LOOKUP = [CTX, RO_MEM, ARG_CONST_SIZE_OR_ZERO, ANY, ANY] as const;

export const SOCK_HELPERS = {
  get_socket_cookie: { id: 46, ret: RET_INTEGER, args: [CTX] },
  'get_socket_cookie:ptr': { id: 46, ret: RET_INTEGER, args: [BTF_SOCK_OR_NULL] },
  get_socket_uid: { id: 47, ret: RET_INTEGER, args: [CTX] },
  setsockopt: { id: 49, ret: RET_INTEGER, args: [CTX, ANY, ANY, RO_MEM, ARG_CONST_SIZE] },
  'setsockopt:sk': { id: 49, ret: RET_INTEGER, args: [BTF_SOCK, ANY, ANY, RO_MEM, ARG_CONST_SIZE] },
  getsockopt: { id: 57, ret: RET_INTEGER, args: [CTX, ANY, ANY, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE] },
  'getsockopt:sk': { id: 57, ret: RET_INTEGER, args: [BTF_SOCK, ANY, ANY, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE] },
  bind: { id: 64, ret: RET_INTEGER, args: [CTX, RO_MEM, ARG_CONST_SIZE] },
  sk_lookup_tcp: { id: 84, ret: RET_PTR_TO_SOCKET_OR_NULL, args: LOOKUP, pktAccess: true },
  sk_lookup_udp: { id: 85, ret: RET_PTR_TO_SOCKET_OR_NULL, args: LOOKUP, pktAccess: true },
  sk_release: { id: 86, ret: RET_INTEGER, args: [BTF_SOCK | OBJ_RELEASE] },
  sk_fullsock: { id: 95, ret: RET_PTR_TO_SOCKET_OR_NULL, args: [ARG_PTR_TO_SOCK_COMMON] },
  tcp_sock: { id: 96, ret: RET_PTR_TO_TCP_SOCK | PTR_MAYBE_NULL, args: [ARG_PTR_TO_SOCK_COMMON] },
  get_listener_sock: { id: 98, ret: RET_PTR_TO_SOCKET_OR_NULL, args: [ARG_PTR_TO_SOCK_COMMON] },
  skc_lookup_tcp: { id: 99, ret: RET_PTR_TO_SOCK_COMMON | PTR_MAYBE_NULL, args: LOOKUP, pktAccess: true },
  tcp_send_ack: { id: 116, ret: RET_INTEGER, args: [ARG_PTR_TO_BTF_ID, ANY], argBtf: ['tcp_sock'] },
  get_netns_cookie: { id: 122, ret: RET_INTEGER, args: [ARG_PTR_TO_CTX_OR_NULL] },
  sk_assign: { id: 124, ret: RET_INTEGER, args: [CTX, BTF_SOCK, ANY] },
  'sk_assign:sk_lookup': { id: 124, ret: RET_INTEGER, args: [CTX, ARG_PTR_TO_SOCKET_OR_NULL, ANY] },
  sk_cgroup_id: { id: 128, ret: RET_INTEGER, args: [BTF_SOCK] },
  sk_ancestor_cgroup_id: { id: 129, ret: RET_INTEGER, args: [BTF_SOCK, ANY] },
  skc_to_tcp6_sock: { id: 136, ret: RET_PTR_TO_BTF_ID_OR_NULL, retBtf: 'tcp6_sock', args: [BTF_SOCK] },
  skc_to_tcp_sock: { id: 137, ret: RET_PTR_TO_BTF_ID_OR_NULL, retBtf: 'tcp_sock', args: [BTF_SOCK] },
  skc_to_tcp_timewait_sock: { id: 138, ret: RET_PTR_TO_BTF_ID_OR_NULL, retBtf: 'tcp_timewait_sock', args: [BTF_SOCK] },
  skc_to_tcp_request_sock: { id: 139, ret: RET_PTR_TO_BTF_ID_OR_NULL, retBtf: 'tcp_request_sock', args: [BTF_SOCK] },
  skc_to_udp6_sock: { id: 140, ret: RET_PTR_TO_BTF_ID_OR_NULL, retBtf: 'udp6_sock', args: [BTF_SOCK] },
  skc_to_unix_sock: { id: 178, ret: RET_PTR_TO_BTF_ID_OR_NULL, retBtf: 'unix_sock', args: [BTF_SOCK] },
  skc_to_mptcp_sock: { id: 196, ret: RET_PTR_TO_BTF_ID_OR_NULL, retBtf: 'mptcp_sock', args: [ARG_PTR_TO_SOCK_COMMON] },

  // sock_ops.
  sock_ops_cb_flags_set: { id: 59, ret: RET_INTEGER, args: [CTX, ANY] },
  load_hdr_opt: { id: 142, ret: RET_INTEGER, args: [CTX, ARG_PTR_TO_MEM | MEM_WRITE, ARG_CONST_SIZE, ANY] },
  store_hdr_opt: { id: 143, ret: RET_INTEGER, args: [CTX, RO_MEM, ARG_CONST_SIZE, ANY], changesPktData: true },
  reserve_hdr_opt: { id: 144, ret: RET_INTEGER, args: [CTX, ANY, ANY] },

  // sockmap, sk_msg, reuseport.
  sk_redirect_map: { id: 52, ret: RET_INTEGER, args: [CTX, ARG_CONST_MAP_PTR, ANY, ANY] },
  sock_map_update: {
    id: 53,
    ret: RET_INTEGER,
    args: [CTX, ARG_CONST_MAP_PTR, ARG_PTR_TO_MAP_KEY, ANY],
    pktAccess: true,
  },
  msg_redirect_map: { id: 60, ret: RET_INTEGER, args: [CTX, ARG_CONST_MAP_PTR, ANY, ANY] },
  msg_apply_bytes: { id: 61, ret: RET_INTEGER, args: [CTX, ANY] },
  msg_cork_bytes: { id: 62, ret: RET_INTEGER, args: [CTX, ANY] },
  msg_pull_data: { id: 63, ret: RET_INTEGER, args: [CTX, ANY, ANY, ANY], changesPktData: true },
  sock_hash_update: {
    id: 70,
    ret: RET_INTEGER,
    args: [CTX, ARG_CONST_MAP_PTR, ARG_PTR_TO_MAP_KEY, ANY],
    pktAccess: true,
  },
  msg_redirect_hash: { id: 71, ret: RET_INTEGER, args: [CTX, ARG_CONST_MAP_PTR, ARG_PTR_TO_MAP_KEY, ANY] },
  sk_redirect_hash: { id: 72, ret: RET_INTEGER, args: [CTX, ARG_CONST_MAP_PTR, ARG_PTR_TO_MAP_KEY, ANY] },
  sk_select_reuseport: { id: 82, ret: RET_INTEGER, args: [CTX, ARG_CONST_MAP_PTR, ARG_PTR_TO_MAP_KEY, ANY] },
  msg_push_data: { id: 90, ret: RET_INTEGER, args: [CTX, ANY, ANY, ANY], changesPktData: true },
  msg_pop_data: { id: 91, ret: RET_INTEGER, args: [CTX, ANY, ANY, ANY], changesPktData: true },
} as const satisfies HelperTable;
