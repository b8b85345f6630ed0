/** Program types that are not tied to packets: LSM, struct_ops, extensions, syscall programs, infrared decoding. */
import { BTF_ARGS, LIRC_CTX, SYSCALL_CTX } from '../ctx/system.ts';
import { TRACING_SET } from '../helpers/sets.ts';
import type { ProgTypeRow } from './row.ts';
import { TRACING_TYPED_SET } from './trace.ts';
import { MAX_ERRNO } from '../../limits.ts';
import { BPF_ATTACH_TYPE } from '../../../../uapi/attach-types.ts';

const { BPF_LSM_MAC, BPF_LSM_CGROUP } = BPF_ATTACH_TYPE;

/** Hooks that answer yes or no, not with an error number. */
const LSM_BOOL_HOOKS = ['bpf_lsm_audit_rule_known', 'bpf_lsm_inode_xattr_skipcap', 'bpf_lsm_xfrm_state_pol_flow_match'];
/** Hooks that run with the socket locked (bpf_lsm_locked_sockopt_hooks). */
const LSM_LOCKED_SOCKET = ['bpf_lsm_sock_graft', 'bpf_lsm_inet_csk_clone', 'bpf_lsm_inet_conn_established'];
/** Hooks that run before anyone else can see the socket (bpf_lsm_unlocked_sockopt_hooks). */
const LSM_UNLOCKED_SOCKET = ['bpf_lsm_socket_post_create', 'bpf_lsm_socket_socketpair'];
const LSM_SOCKOPT = { attach: [BPF_LSM_CGROUP], attachBtf: [...LSM_LOCKED_SOCKET, ...LSM_UNLOCKED_SOCKET] };

export const LSM = {
  type: 29,
  since: '5.7',
  name: 'BPF_PROG_TYPE_LSM',
  short: 'lsm',
  ctxStruct: 'void',
  ctx: { struct: BTF_ARGS, read: { args: true }, write: { args: true }, convert: false },
  btfCtx: true,
  packetAccess: 'none',
  helpers: [
    'inode_storage_get',
    'inode_storage_delete',
    'sk_storage_get',
    'sk_storage_delete',
    'bprm_opts_set',
    { helper: 'ima_inode_hash', config: 'CONFIG_IMA' },
    { helper: 'ima_file_hash', config: 'CONFIG_IMA' },
    'get_attach_cookie',
    { helper: 'get_local_storage', attach: [BPF_LSM_CGROUP] },
    { helper: 'get_retval', attach: [BPF_LSM_CGROUP] },
    { helper: 'set_retval', attach: [BPF_LSM_CGROUP] },
    { helper: 'setsockopt:sk', ...LSM_SOCKOPT },
    { helper: 'getsockopt:sk', ...LSM_SOCKOPT },
    { helper: 'get_func_arg', attach: [BPF_LSM_MAC] },
    { helper: 'get_func_ret', attach: [BPF_LSM_MAC] },
    { helper: 'get_func_arg_cnt', attach: [BPF_LSM_MAC] },
    ...TRACING_TYPED_SET,
    'get_stackid',
    'get_func_ip',
    ...TRACING_SET,
  ],
  ret: [
    { lsmCgroup: true, voidHook: true, range: [1, 1] },
    { lsmCgroup: true, range: [0, 1] },
    { voidHook: true, range: 'any' },
    { attachBtf: LSM_BOOL_HOOKS, range: [0, 1] },
    { range: [-MAX_ERRNO, 0] },
  ],
  loadCaps: ['perfmon'],
  sleepable: 'may',
  attachBtf: true,
  config: 'CONFIG_BPF_LSM',
} as const satisfies ProgTypeRow;

/** Helpers of TCP congestion control; other kernel tables that BPF implements have the base set. Names are `table.member`. */
const TCP_CA = ['tcp_congestion_ops.*'];
/** Members of it that may set socket options: not `release`, which runs while the algorithm is being changed. */
const TCP_CA_SOCKOPT = [
  'tcp_congestion_ops.ssthresh',
  'tcp_congestion_ops.cong_*',
  'tcp_congestion_ops.set_state',
  'tcp_congestion_ops.cwnd_event',
  'tcp_congestion_ops.in_ack_event',
  'tcp_congestion_ops.pkts_acked',
  'tcp_congestion_ops.min_tso_segs',
  'tcp_congestion_ops.undo_cwnd',
  'tcp_congestion_ops.sndbuf_expand',
  'tcp_congestion_ops.init',
];

export const STRUCT_OPS = {
  type: 27,
  since: '5.6',
  name: 'BPF_PROG_TYPE_STRUCT_OPS',
  short: 'struct_ops',
  ctxStruct: 'void',
  ctx: { struct: BTF_ARGS, read: { args: true }, convert: false },
  btfCtx: true,
  packetAccess: 'none',
  helpers: [
    { helper: 'tcp_send_ack', attachBtf: TCP_CA },
    { helper: 'sk_storage_get', attachBtf: TCP_CA },
    { helper: 'sk_storage_delete', attachBtf: TCP_CA },
    { helper: 'setsockopt:sk', attachBtf: TCP_CA_SOCKOPT },
    { helper: 'getsockopt:sk', attachBtf: TCP_CA_SOCKOPT },
    { helper: 'ktime_get_coarse_ns', attachBtf: TCP_CA },
  ],
  // The table that the kernel tests itself with.
  withoutHelpers: ['bpf_dummy_ops.*'],
  ret: [],
  loadCaps: ['perfmon'],
  sleepable: 'may',
  attachBtf: true,
} as const satisfies ProgTypeRow;

/** Takes the context, helpers and range of the program whose function it replaces. */
export const EXT = {
  type: 28,
  since: '5.6',
  name: 'BPF_PROG_TYPE_EXT',
  short: 'ext',
  ctxStruct: 'void',
  ctx: { struct: BTF_ARGS, read: {}, convert: false },
  packetAccess: 'none',
  helpers: [],
  ret: [],
  loadCaps: ['netAdmin', 'perfmon'],
  attachTypes: [0],
  attachBtf: true,
} as const satisfies ProgTypeRow;

export const SYSCALL = {
  type: 31,
  since: '5.14',
  name: 'BPF_PROG_TYPE_SYSCALL',
  short: 'syscall',
  ctxStruct: 'void',
  ctx: { struct: SYSCALL_CTX, read: { data: true }, write: { data: true }, convert: false },
  packetAccess: 'none',
  helpers: [
    { helper: 'sys_bpf', cap: 'perfmon' },
    'btf_find_by_name_kind',
    'sys_close',
    'kallsyms_lookup_name',
    ...TRACING_TYPED_SET,
    'get_stackid',
    'get_func_ip',
    ...TRACING_SET,
  ],
  ret: [],
  loadCaps: [],
  attachTypes: [0],
} as const satisfies ProgTypeRow;

export const LIRC_MODE2 = {
  type: 20,
  since: '4.18',
  name: 'BPF_PROG_TYPE_LIRC_MODE2',
  short: 'lirc_mode2',
  ctxStruct: '__u32',
  ctx: { struct: LIRC_CTX, read: { sample: true }, convert: false },
  packetAccess: 'none',
  withoutBase: true,
  helpers: [
    'rc_repeat',
    'rc_keydown',
    'rc_pointer_rel',
    'map_lookup_elem',
    'map_update_elem',
    'map_delete_elem',
    'map_push_elem',
    'map_pop_elem',
    'map_peek_elem',
    'ktime_get_ns',
    'ktime_get_boot_ns',
    'tail_call',
    'get_prandom_u32',
    { helper: 'trace_printk', cap: 'perfmon' },
  ],
  ret: [],
  loadCaps: [],
  config: 'CONFIG_BPF_LIRC_MODE2',
} as const satisfies ProgTypeRow;
