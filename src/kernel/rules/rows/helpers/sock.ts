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
  get_socket_cookie: { since: '4.12', ret: RET_INTEGER, args: [CTX] },
  'get_socket_cookie:ptr': { since: '4.12', ret: RET_INTEGER, args: [BTF_SOCK_OR_NULL] },
  get_socket_uid: { since: '4.12', ret: RET_INTEGER, args: [CTX] },
  setsockopt: { since: '4.13', ret: RET_INTEGER, args: [CTX, ANY, ANY, RO_MEM, ARG_CONST_SIZE] },
  'setsockopt:sk': { since: '4.13', ret: RET_INTEGER, args: [BTF_SOCK, ANY, ANY, RO_MEM, ARG_CONST_SIZE] },
  getsockopt: { since: '4.15', ret: RET_INTEGER, args: [CTX, ANY, ANY, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE] },
  'getsockopt:sk': {
    since: '4.15',
    ret: RET_INTEGER,
    args: [BTF_SOCK, ANY, ANY, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE],
  },
  bind: { since: '4.17', ret: RET_INTEGER, args: [CTX, RO_MEM, ARG_CONST_SIZE] },
  sk_lookup_tcp: {
    since: '4.20',
    ret: RET_PTR_TO_SOCKET_OR_NULL,
    args: LOOKUP,
    pktAccess: true,
    acquires: 'always',
  },
  sk_lookup_udp: {
    since: '4.20',
    ret: RET_PTR_TO_SOCKET_OR_NULL,
    args: LOOKUP,
    pktAccess: true,
    acquires: 'always',
  },
  sk_release: { since: '4.20', ret: RET_INTEGER, args: [BTF_SOCK | OBJ_RELEASE] },
  sk_fullsock: {
    since: '5.1',
    ret: RET_PTR_TO_SOCKET_OR_NULL,
    args: [ARG_PTR_TO_SOCK_COMMON],
    returns: 'cast',
  },
  tcp_sock: {
    since: '5.1',
    ret: RET_PTR_TO_TCP_SOCK | PTR_MAYBE_NULL,
    args: [ARG_PTR_TO_SOCK_COMMON],
    returns: 'cast',
  },
  get_listener_sock: { since: '5.1', ret: RET_PTR_TO_SOCKET_OR_NULL, args: [ARG_PTR_TO_SOCK_COMMON] },
  skc_lookup_tcp: {
    since: '5.2',
    ret: RET_PTR_TO_SOCK_COMMON | PTR_MAYBE_NULL,
    args: LOOKUP,
    pktAccess: true,
    acquires: 'always',
  },
  tcp_send_ack: { since: '5.5', ret: RET_INTEGER, args: [ARG_PTR_TO_BTF_ID, ANY], argBtf: ['tcp_sock'] },
  get_netns_cookie: { since: '5.7', ret: RET_INTEGER, args: [ARG_PTR_TO_CTX_OR_NULL] },
  sk_assign: { since: '5.7', ret: RET_INTEGER, args: [CTX, BTF_SOCK, ANY] },
  'sk_assign:sk_lookup': { since: '5.7', ret: RET_INTEGER, args: [CTX, ARG_PTR_TO_SOCKET_OR_NULL, ANY] },
  sk_cgroup_id: { since: '5.8', ret: RET_INTEGER, args: [BTF_SOCK] },
  sk_ancestor_cgroup_id: { since: '5.8', ret: RET_INTEGER, args: [BTF_SOCK, ANY] },
  skc_to_tcp6_sock: {
    since: '5.9',
    ret: RET_PTR_TO_BTF_ID_OR_NULL,
    retBtf: 'tcp6_sock',
    args: [BTF_SOCK],
    returns: 'cast',
  },
  skc_to_tcp_sock: {
    since: '5.9',
    ret: RET_PTR_TO_BTF_ID_OR_NULL,
    retBtf: 'tcp_sock',
    args: [BTF_SOCK],
    returns: 'cast',
  },
  skc_to_tcp_timewait_sock: {
    since: '5.9',
    ret: RET_PTR_TO_BTF_ID_OR_NULL,
    retBtf: 'tcp_timewait_sock',
    args: [BTF_SOCK],
    returns: 'cast',
  },
  skc_to_tcp_request_sock: {
    since: '5.9',
    ret: RET_PTR_TO_BTF_ID_OR_NULL,
    retBtf: 'tcp_request_sock',
    args: [BTF_SOCK],
    returns: 'cast',
  },
  skc_to_udp6_sock: {
    since: '5.9',
    ret: RET_PTR_TO_BTF_ID_OR_NULL,
    retBtf: 'udp6_sock',
    args: [BTF_SOCK],
    returns: 'cast',
  },
  skc_to_unix_sock: { since: '5.16', ret: RET_PTR_TO_BTF_ID_OR_NULL, retBtf: 'unix_sock', args: [BTF_SOCK] },
  skc_to_mptcp_sock: {
    since: '5.19',
    ret: RET_PTR_TO_BTF_ID_OR_NULL,
    retBtf: 'mptcp_sock',
    args: [ARG_PTR_TO_SOCK_COMMON],
    returns: 'cast',
  },

  // sock_ops.
  sock_ops_cb_flags_set: { since: '4.16', ret: RET_INTEGER, args: [CTX, ANY] },
  load_hdr_opt: {
    since: '5.10',
    ret: RET_INTEGER,
    args: [CTX, ARG_PTR_TO_MEM | MEM_WRITE, ARG_CONST_SIZE, ANY],
  },
  store_hdr_opt: {
    since: '5.10',
    ret: RET_INTEGER,
    args: [CTX, RO_MEM, ARG_CONST_SIZE, ANY],
    changesPktData: true,
  },
  reserve_hdr_opt: { since: '5.10', ret: RET_INTEGER, args: [CTX, ANY, ANY] },

  // sockmap, sk_msg, reuseport.
  sk_redirect_map: { since: '4.14', ret: RET_INTEGER, args: [CTX, ARG_CONST_MAP_PTR, ANY, ANY] },
  sock_map_update: {
    since: '4.14',
    ret: RET_INTEGER,
    args: [CTX, ARG_CONST_MAP_PTR, ARG_PTR_TO_MAP_KEY, ANY],
    pktAccess: true,
  },
  msg_redirect_map: { since: '4.17', ret: RET_INTEGER, args: [CTX, ARG_CONST_MAP_PTR, ANY, ANY] },
  msg_apply_bytes: { since: '4.17', ret: RET_INTEGER, args: [CTX, ANY] },
  msg_cork_bytes: { since: '4.17', ret: RET_INTEGER, args: [CTX, ANY] },
  msg_pull_data: { since: '4.17', ret: RET_INTEGER, args: [CTX, ANY, ANY, ANY], changesPktData: true },
  sock_hash_update: {
    since: '4.18',
    ret: RET_INTEGER,
    args: [CTX, ARG_CONST_MAP_PTR, ARG_PTR_TO_MAP_KEY, ANY],
    pktAccess: true,
  },
  msg_redirect_hash: {
    since: '4.18',
    ret: RET_INTEGER,
    args: [CTX, ARG_CONST_MAP_PTR, ARG_PTR_TO_MAP_KEY, ANY],
  },
  sk_redirect_hash: {
    since: '4.18',
    ret: RET_INTEGER,
    args: [CTX, ARG_CONST_MAP_PTR, ARG_PTR_TO_MAP_KEY, ANY],
  },
  sk_select_reuseport: {
    since: '4.19',
    ret: RET_INTEGER,
    args: [CTX, ARG_CONST_MAP_PTR, ARG_PTR_TO_MAP_KEY, ANY],
  },
  msg_push_data: { since: '4.20', ret: RET_INTEGER, args: [CTX, ANY, ANY, ANY], changesPktData: true },
  msg_pop_data: { since: '5.0', ret: RET_INTEGER, args: [CTX, ANY, ANY, ANY], changesPktData: true },
} as const satisfies HelperTable;
