/** Tracing program types: kprobe and uprobe, tracepoint, raw tracepoint, perf event, and those typed by BTF. */
import {
  BPF_PERF_EVENT_DATA,
  BTF_ARGS,
  PT_REGS,
  RAW_TP_ARGS,
  RAW_TP_WRITABLE_ARGS,
  TRACEPOINT_RECORD,
} from '../ctx/system.ts';
import { type HelperGrants, TRACING_SET } from '../helpers/sets.ts';
import type { ProgTypeRow } from './row.ts';
import { BPF_ATTACH_TYPE } from '../../../../uapi/attach-types.ts';

const {
  BPF_TRACE_RAW_TP,
  BPF_TRACE_FENTRY,
  BPF_TRACE_FEXIT,
  BPF_MODIFY_RETURN,
  BPF_TRACE_ITER,
  BPF_TRACE_KPROBE_MULTI,
  BPF_TRACE_UPROBE_MULTI,
  BPF_TRACE_KPROBE_SESSION,
  BPF_TRACE_UPROBE_SESSION,
} = BPF_ATTACH_TYPE;

const MULTI = [BPF_TRACE_KPROBE_MULTI, BPF_TRACE_KPROBE_SESSION, BPF_TRACE_UPROBE_MULTI, BPF_TRACE_UPROBE_SESSION];
const TRAMPOLINE = [BPF_TRACE_FENTRY, BPF_TRACE_FEXIT, BPF_MODIFY_RETURN];

export const KPROBE = {
  type: 2,
  since: '4.1',
  name: 'BPF_PROG_TYPE_KPROBE',
  short: 'kprobe',
  ctxStruct: 'bpf_user_pt_regs_t',
  ctx: { struct: PT_REGS, read: { regs: true }, convert: false },
  packetAccess: 'none',
  helpers: [
    'get_stackid',
    { helper: 'override_return', config: 'CONFIG_BPF_KPROBE_OVERRIDE' },
    { helper: 'get_func_ip:multi', attach: MULTI },
    'get_func_ip',
    'get_attach_cookie',
    ...TRACING_SET,
  ],
  // A session's entry program says whether the exit program runs.
  ret: [{ attach: [BPF_TRACE_KPROBE_SESSION, BPF_TRACE_UPROBE_SESSION], range: [0, 1] }],
  loadCaps: ['perfmon'],
  sleepable: 'may',
} as const satisfies ProgTypeRow;

export const TRACEPOINT = {
  type: 5,
  since: '4.7',
  name: 'BPF_PROG_TYPE_TRACEPOINT',
  short: 'tracepoint',
  ctxStruct: '__u64',
  ctx: { struct: TRACEPOINT_RECORD, read: { record: true }, convert: false },
  packetAccess: 'none',
  helpers: ['get_stackid', 'get_func_ip', 'get_attach_cookie', ...TRACING_SET],
  ret: [],
  loadCaps: ['perfmon'],
} as const satisfies ProgTypeRow;

export const PERF_EVENT = {
  type: 7,
  since: '4.9',
  name: 'BPF_PROG_TYPE_PERF_EVENT',
  short: 'perf_event',
  ctxStruct: 'bpf_perf_event_data',
  ctx: { struct: BPF_PERF_EVENT_DATA, read: { regs: true, sample_period: true, addr: true }, convert: true },
  packetAccess: 'none',
  helpers: [
    'get_stackid:pe',
    'perf_prog_read_value',
    'read_branch_records',
    'get_func_ip',
    'get_attach_cookie',
    ...TRACING_SET,
  ],
  ret: [],
  loadCaps: ['perfmon'],
} as const satisfies ProgTypeRow;

const RAW_TP = {
  ctxStruct: 'bpf_raw_tracepoint_args',
  packetAccess: 'none',
  helpers: ['get_stackid', 'get_func_ip', 'get_attach_cookie', ...TRACING_SET],
  ret: [],
  loadCaps: ['perfmon'],
} as const;

export const RAW_TRACEPOINT = {
  type: 17,
  since: '4.17',
  name: 'BPF_PROG_TYPE_RAW_TRACEPOINT',
  short: 'raw_tracepoint',
  ...RAW_TP,
  ctx: { struct: RAW_TP_ARGS, read: { args: true }, convert: false },
} as const satisfies ProgTypeRow;

export const RAW_TRACEPOINT_WRITABLE = {
  type: 24,
  since: '5.2',
  name: 'BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE',
  short: 'raw_tracepoint_writable',
  ...RAW_TP,
  ctx: { struct: RAW_TP_WRITABLE_ARGS, read: { buffer: true, args: true }, convert: false },
} as const satisfies ProgTypeRow;

/** tracing_prog_func_proto: for programs whose arguments BTF describes. */
export const TRACING_TYPED_SET = [
  'skb_output',
  'xdp_output',
  'skc_to_tcp6_sock',
  'skc_to_tcp_sock',
  'skc_to_tcp_timewait_sock',
  'skc_to_tcp_request_sock',
  'skc_to_udp6_sock',
  'skc_to_unix_sock',
  'skc_to_mptcp_sock',
  'sk_storage_get:tracing',
  'sk_storage_delete:tracing',
  'sock_from_file',
  'get_socket_cookie:ptr',
  'xdp_get_buff_len:tracing',
  'd_path',
] as const satisfies HelperGrants;

export const TRACING = {
  type: 26,
  since: '5.5',
  name: 'BPF_PROG_TYPE_TRACING',
  short: 'tracing',
  ctxStruct: 'void',
  ctx: { struct: BTF_ARGS, read: { args: true }, convert: false },
  btfCtx: true,
  packetAccess: 'none',
  helpers: [
    ...TRACING_TYPED_SET,
    { helper: 'seq_printf', attach: [BPF_TRACE_ITER] },
    { helper: 'seq_write', attach: [BPF_TRACE_ITER] },
    { helper: 'seq_printf_btf', attach: [BPF_TRACE_ITER] },
    { helper: 'get_func_arg', attach: TRAMPOLINE },
    { helper: 'get_func_ret', attach: TRAMPOLINE },
    { helper: 'get_func_arg_cnt', attach: TRAMPOLINE },
    { helper: 'get_attach_cookie', attach: [BPF_TRACE_RAW_TP, ...TRAMPOLINE] },
    { helper: 'setsockopt:sk', attach: [BPF_TRACE_ITER], attachBtf: ['bpf_iter_tcp', 'bpf_iter_unix'] },
    { helper: 'getsockopt:sk', attach: [BPF_TRACE_ITER], attachBtf: ['bpf_iter_tcp', 'bpf_iter_unix'] },
    'get_stackid',
    'get_func_ip',
    ...TRACING_SET,
  ],
  ret: [
    { attach: [BPF_TRACE_FENTRY, BPF_TRACE_FEXIT], range: [0, 0] },
    { attach: [BPF_TRACE_RAW_TP, BPF_MODIFY_RETURN], range: 'any' },
    { attach: [BPF_TRACE_ITER], range: [0, 1] },
  ],
  loadCaps: ['perfmon'],
  sleepable: [...TRAMPOLINE, BPF_TRACE_ITER],
  attachBtf: true,
} as const satisfies ProgTypeRow;
