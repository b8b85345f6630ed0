/** Program types of cgroup hooks other than packets: sockets, addresses, socket operations and options, devices, sysctl. */
import { BPF_SOCK, BPF_SOCK_ADDR, BPF_SOCK_OPS } from '../ctx/net.ts';
import { BPF_CGROUP_DEV_CTX, BPF_SOCKOPT, BPF_SYSCTL } from '../ctx/system.ts';
import { CGROUP_COMMON, CGROUP_CURRENT, type HelperGrant, SK_BASE, SK_LOOKUP_SET } from '../helpers/sets.ts';
import type { ProgTypeRow } from './row.ts';
import { BPF_ATTACH_TYPE } from '../../../../uapi/attach-types.ts';

const {
  BPF_CGROUP_INET_SOCK_CREATE,
  BPF_CGROUP_INET4_BIND,
  BPF_CGROUP_INET6_BIND,
  BPF_CGROUP_INET4_CONNECT,
  BPF_CGROUP_INET6_CONNECT,
  BPF_CGROUP_INET4_POST_BIND,
  BPF_CGROUP_INET6_POST_BIND,
  BPF_CGROUP_UDP4_SENDMSG,
  BPF_CGROUP_UDP6_SENDMSG,
  BPF_CGROUP_UDP4_RECVMSG,
  BPF_CGROUP_UDP6_RECVMSG,
  BPF_CGROUP_GETSOCKOPT,
  BPF_CGROUP_SETSOCKOPT,
  BPF_CGROUP_INET4_GETPEERNAME,
  BPF_CGROUP_INET6_GETPEERNAME,
  BPF_CGROUP_INET4_GETSOCKNAME,
  BPF_CGROUP_INET6_GETSOCKNAME,
  BPF_CGROUP_INET_SOCK_RELEASE,
  BPF_CGROUP_UNIX_CONNECT,
  BPF_CGROUP_UNIX_SENDMSG,
  BPF_CGROUP_UNIX_RECVMSG,
  BPF_CGROUP_UNIX_GETPEERNAME,
  BPF_CGROUP_UNIX_GETSOCKNAME,
} = BPF_ATTACH_TYPE;

const UNIX_NAMES: readonly number[] = [BPF_CGROUP_UNIX_GETPEERNAME, BPF_CGROUP_UNIX_GETSOCKNAME];
const SOCK_ADDR_HOOKS = [
  BPF_CGROUP_INET4_BIND,
  BPF_CGROUP_INET4_CONNECT,
  BPF_CGROUP_UDP4_SENDMSG,
  BPF_CGROUP_UDP4_RECVMSG,
  BPF_CGROUP_INET4_GETPEERNAME,
  BPF_CGROUP_INET4_GETSOCKNAME,
  BPF_CGROUP_INET6_BIND,
  BPF_CGROUP_INET6_CONNECT,
  BPF_CGROUP_UDP6_SENDMSG,
  BPF_CGROUP_UDP6_RECVMSG,
  BPF_CGROUP_INET6_GETPEERNAME,
  BPF_CGROUP_INET6_GETSOCKNAME,
  BPF_CGROUP_UNIX_CONNECT,
  BPF_CGROUP_UNIX_SENDMSG,
  BPF_CGROUP_UNIX_RECVMSG,
  ...UNIX_NAMES,
];
/** Names of unix sockets were left out at first. */
const SOCKOPT = (['setsockopt', 'getsockopt'] as const).flatMap((helper): HelperGrant[] => [
  { helper, attach: SOCK_ADDR_HOOKS.filter((hook) => !UNIX_NAMES.includes(hook)) },
  { helper, attach: UNIX_NAMES, since: '6.15' },
]);

const CREATE = { attach: [BPF_CGROUP_INET_SOCK_CREATE, BPF_CGROUP_INET_SOCK_RELEASE] } as const;
const POST_BIND4 = { attach: [BPF_CGROUP_INET4_POST_BIND] } as const;
const POST_BIND6 = { attach: [BPF_CGROUP_INET6_POST_BIND] } as const;

export const CGROUP_SOCK = {
  type: 9,
  since: '4.10',
  name: 'BPF_PROG_TYPE_CGROUP_SOCK',
  short: 'cgroup_sock',
  ctxStruct: 'bpf_sock',
  ctx: {
    struct: BPF_SOCK,
    read: {
      bound_dev_if: CREATE,
      family: true,
      type: true,
      protocol: true,
      mark: CREATE,
      priority: CREATE,
      src_ip4: POST_BIND4,
      src_ip6: POST_BIND6,
      src_port: { attach: [BPF_CGROUP_INET4_POST_BIND, BPF_CGROUP_INET6_POST_BIND] },
      dst_port: true,
      dst_ip4: true,
      dst_ip6: true,
      state: true,
      rx_queue_mapping: true,
    },
    write: { bound_dev_if: CREATE, mark: CREATE, priority: CREATE },
    convert: true,
  },
  packetAccess: 'none',
  helpers: [
    'get_socket_cookie',
    'get_netns_cookie',
    'perf_event_output',
    'sk_storage_get:cg_sock',
    'ktime_get_coarse_ns',
    ...CGROUP_COMMON,
    ...CGROUP_CURRENT,
  ],
  ret: [{ range: [0, 1] }],
  loadCaps: ['netAdmin'],
  attachTypes: [
    BPF_CGROUP_INET_SOCK_CREATE,
    BPF_CGROUP_INET_SOCK_RELEASE,
    BPF_CGROUP_INET4_POST_BIND,
    BPF_CGROUP_INET6_POST_BIND,
  ],
  defaultAttach: BPF_CGROUP_INET_SOCK_CREATE,
  config: 'CONFIG_CGROUP_BPF',
} as const satisfies ProgTypeRow;

const INET4 = [
  BPF_CGROUP_INET4_BIND,
  BPF_CGROUP_INET4_CONNECT,
  BPF_CGROUP_UDP4_SENDMSG,
  BPF_CGROUP_UDP4_RECVMSG,
  BPF_CGROUP_INET4_GETPEERNAME,
  BPF_CGROUP_INET4_GETSOCKNAME,
] as const;
const INET6 = [
  BPF_CGROUP_INET6_BIND,
  BPF_CGROUP_INET6_CONNECT,
  BPF_CGROUP_UDP6_SENDMSG,
  BPF_CGROUP_UDP6_RECVMSG,
  BPF_CGROUP_INET6_GETPEERNAME,
  BPF_CGROUP_INET6_GETSOCKNAME,
] as const;
/** Hooks that only translate a name: they cannot refuse. */
const NAME_ONLY = [
  BPF_CGROUP_UDP4_RECVMSG,
  BPF_CGROUP_UDP6_RECVMSG,
  BPF_CGROUP_UNIX_RECVMSG,
  BPF_CGROUP_INET4_GETPEERNAME,
  BPF_CGROUP_INET6_GETPEERNAME,
  BPF_CGROUP_UNIX_GETPEERNAME,
  BPF_CGROUP_INET4_GETSOCKNAME,
  BPF_CGROUP_INET6_GETSOCKNAME,
  BPF_CGROUP_UNIX_GETSOCKNAME,
] as const;
/** Hooks whose result a program may read and replace. */
const WITH_RETVAL = [
  BPF_CGROUP_INET4_BIND,
  BPF_CGROUP_INET6_BIND,
  BPF_CGROUP_INET4_CONNECT,
  BPF_CGROUP_INET6_CONNECT,
  BPF_CGROUP_UNIX_CONNECT,
  BPF_CGROUP_UDP4_SENDMSG,
  BPF_CGROUP_UDP6_SENDMSG,
  BPF_CGROUP_UNIX_SENDMSG,
] as const;
const ADDR4 = { attach: INET4 } as const;
const ADDR6 = { attach: INET6 } as const;
const MSG4 = { attach: [BPF_CGROUP_UDP4_SENDMSG] } as const;
const MSG6 = { attach: [BPF_CGROUP_UDP6_SENDMSG] } as const;

export const CGROUP_SOCK_ADDR = {
  type: 18,
  since: '4.17',
  name: 'BPF_PROG_TYPE_CGROUP_SOCK_ADDR',
  short: 'cgroup_sock_addr',
  ctxStruct: 'bpf_sock_addr',
  ctx: {
    struct: BPF_SOCK_ADDR,
    read: {
      user_family: true,
      user_ip4: ADDR4,
      user_ip6: ADDR6,
      user_port: true,
      family: true,
      type: true,
      protocol: true,
      msg_src_ip4: MSG4,
      msg_src_ip6: MSG6,
      sk: true,
    },
    write: { user_ip4: ADDR4, user_ip6: ADDR6, user_port: true, msg_src_ip4: MSG4, msg_src_ip6: MSG6 },
    convert: true,
  },
  packetAccess: 'none',
  helpers: [
    { helper: 'bind', attach: [BPF_CGROUP_INET4_CONNECT, BPF_CGROUP_INET6_CONNECT] },
    'get_socket_cookie',
    'get_netns_cookie',
    'perf_event_output',
    ...SK_LOOKUP_SET,
    'sk_storage_get',
    'sk_storage_delete',
    ...SOCKOPT,
    ...CGROUP_CURRENT,
    'get_local_storage',
    { helper: 'get_retval', attach: WITH_RETVAL },
    { helper: 'set_retval', attach: WITH_RETVAL },
    ...SK_BASE,
  ],
  ret: [
    { attach: NAME_ONLY, range: [1, 1] },
    // Bind programs may also lift the check for privileged ports (2 and 3).
    { attach: [BPF_CGROUP_INET4_BIND, BPF_CGROUP_INET6_BIND], range: [0, 3] },
    { range: [0, 1] },
  ],
  loadCaps: ['netAdmin'],
  attachTypes: SOCK_ADDR_HOOKS,
  config: 'CONFIG_CGROUP_BPF',
} as const satisfies ProgTypeRow;

const SOCK_OPS_READ = Object.fromEntries(Object.keys(BPF_SOCK_OPS.fields).map((f) => [f, true as const]));

export const SOCK_OPS = {
  type: 13,
  since: '4.13',
  name: 'BPF_PROG_TYPE_SOCK_OPS',
  short: 'sock_ops',
  ctxStruct: 'bpf_sock_ops',
  ctx: { struct: BPF_SOCK_OPS, read: SOCK_OPS_READ, write: { reply: true, sk_txhash: true }, convert: true },
  packetAccess: 'none',
  helpers: [
    'setsockopt',
    'getsockopt',
    'sock_ops_cb_flags_set',
    'sock_map_update',
    'sock_hash_update',
    'get_socket_cookie',
    'get_local_storage',
    'perf_event_output',
    'sk_storage_get',
    'sk_storage_delete',
    'get_netns_cookie',
    'load_hdr_opt',
    'store_hdr_opt',
    'reserve_hdr_opt',
    'tcp_sock',
    ...SK_BASE,
  ],
  ret: [{ range: [0, 1] }],
  loadCaps: ['netAdmin'],
  config: 'CONFIG_CGROUP_BPF',
} as const satisfies ProgTypeRow;

export const CGROUP_DEVICE = {
  type: 15,
  since: '4.15',
  name: 'BPF_PROG_TYPE_CGROUP_DEVICE',
  short: 'cgroup_device',
  ctxStruct: 'bpf_cgroup_dev_ctx',
  ctx: { struct: BPF_CGROUP_DEV_CTX, read: { access_type: true, major: true, minor: true }, convert: false },
  packetAccess: 'none',
  helpers: ['perf_event_output', ...CGROUP_COMMON, ...CGROUP_CURRENT],
  ret: [{ range: [0, 1] }],
  loadCaps: ['netAdmin'],
  config: 'CONFIG_CGROUP_BPF',
} as const satisfies ProgTypeRow;

export const CGROUP_SYSCTL = {
  type: 23,
  since: '5.2',
  name: 'BPF_PROG_TYPE_CGROUP_SYSCTL',
  short: 'cgroup_sysctl',
  ctxStruct: 'bpf_sysctl',
  ctx: { struct: BPF_SYSCTL, read: { write: true, file_pos: true }, write: { file_pos: true }, convert: true },
  packetAccess: 'none',
  helpers: [
    'sysctl_get_name',
    'sysctl_get_current_value',
    'sysctl_get_new_value',
    'sysctl_set_new_value',
    'ktime_get_coarse_ns',
    'perf_event_output',
    ...CGROUP_COMMON,
    ...CGROUP_CURRENT,
  ],
  ret: [{ range: [0, 1] }],
  loadCaps: ['netAdmin'],
  config: 'CONFIG_CGROUP_BPF',
} as const satisfies ProgTypeRow;

const GET = { attach: [BPF_CGROUP_GETSOCKOPT] } as const;
const SET = { attach: [BPF_CGROUP_SETSOCKOPT] } as const;

export const CGROUP_SOCKOPT = {
  type: 25,
  since: '5.3',
  name: 'BPF_PROG_TYPE_CGROUP_SOCKOPT',
  short: 'cgroup_sockopt',
  ctxStruct: 'bpf_sockopt',
  ctx: {
    struct: BPF_SOCKOPT,
    read: { sk: true, optval: true, optval_end: true, level: true, optname: true, optlen: true, retval: GET },
    write: { level: SET, optname: SET, optlen: true, retval: GET },
    convert: true,
  },
  packetAccess: 'sockopt',
  helpers: [
    'get_netns_cookie',
    'sk_storage_get',
    'sk_storage_delete',
    { helper: 'setsockopt:sk', attach: [BPF_CGROUP_SETSOCKOPT] },
    { helper: 'getsockopt:sk', attach: [BPF_CGROUP_SETSOCKOPT] },
    'tcp_sock',
    'perf_event_output',
    ...CGROUP_COMMON,
    ...CGROUP_CURRENT,
  ],
  ret: [{ range: [0, 1] }],
  loadCaps: ['netAdmin'],
  attachTypes: [BPF_CGROUP_SETSOCKOPT, BPF_CGROUP_GETSOCKOPT],
  config: 'CONFIG_CGROUP_BPF',
} as const satisfies ProgTypeRow;
