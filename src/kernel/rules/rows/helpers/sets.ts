/** Sets of helpers that program types share, by the capability that each needs (bpf_base_func_proto and its relatives). */
import type { ConfigName } from '../../build.ts';
import type { VersionName } from '../../version.ts';
import type { HelperKey } from './protos.ts';

/** One helper that a program type offers, and on which terms. Every column that is there must hold. */
export interface HelperGrant {
  readonly helper: HelperKey;
  /** Only for these expected attach types. */
  readonly attach?: readonly number[];
  readonly cap?: 'bpf' | 'perfmon' | 'sysAdmin';
  /** The first release that offers it to the type, where the helper itself is older. */
  readonly since?: VersionName;
  /** The first release that no longer offers it on these terms. */
  readonly until?: VersionName;
  /** Kernel configuration without which the kernel does not have it. */
  readonly config?: ConfigName;
  /** Only while the attach BTF type has one of these names (`*` at the end matches the rest). */
  readonly attachBtf?: readonly string[];
  readonly sleepable?: boolean;
}
export type HelperGrants = readonly (HelperKey | HelperGrant)[];

/** For every program, whatever its privileges. */
export const BASE_PUBLIC = [
  'map_lookup_elem',
  'map_update_elem',
  'map_delete_elem',
  'map_push_elem',
  'map_pop_elem',
  'map_peek_elem',
  'map_lookup_percpu_elem',
  'get_prandom_u32',
  'get_smp_processor_id:raw',
  'get_numa_node_id',
  'tail_call',
  'ktime_get_ns',
  'ktime_get_boot_ns',
  'ktime_get_tai_ns',
  'ringbuf_output',
  'ringbuf_reserve',
  'ringbuf_submit',
  'ringbuf_discard',
  'ringbuf_query',
  'strncmp',
  'strtol',
  'strtoul',
  'get_current_pid_tgid',
  'get_ns_current_pid_tgid',
] as const satisfies HelperGrants;

const bpf = (helper: HelperKey): HelperGrant => ({ helper, cap: 'bpf' });
const perfmon = (helper: HelperKey): HelperGrant => ({ helper, cap: 'perfmon' });

const BASE_BPF = (
  [
    'spin_lock',
    'spin_unlock',
    'jiffies64',
    'per_cpu_ptr',
    'this_cpu_ptr',
    'timer_init',
    'timer_set_callback',
    'timer_start',
    'timer_cancel',
    'kptr_xchg',
    'for_each_map_elem',
    'loop',
    'user_ringbuf_drain',
    'ringbuf_reserve_dynptr',
    'ringbuf_submit_dynptr',
    'ringbuf_discard_dynptr',
    'dynptr_from_mem',
    'dynptr_read',
    'dynptr_write',
    'dynptr_data',
    'cgrp_storage_get',
    'cgrp_storage_delete',
    'get_current_cgroup_id',
    'get_current_ancestor_cgroup_id',
  ] as const
).map(bpf);

/** In the base set since 6.16, before that among those of some types (TRACING_BEFORE, CGROUP_CURRENT). */
const BASE_BPF_6_16 = (
  [
    'current_task_under_cgroup',
    'get_current_uid_gid',
    'get_cgroup_classid',
    'task_storage_get',
    'task_storage_delete',
  ] as const
).map((helper): HelperGrant => ({ helper, cap: 'bpf', since: '6.16' }));

const BASE_PERFMON = (
  [
    'trace_printk',
    'get_current_task',
    'get_current_task_btf',
    'probe_read_user',
    'probe_read_kernel',
    'probe_read_user_str',
    'probe_read_kernel_str',
    'snprintf_btf',
    'snprintf',
    'task_pt_regs',
    'trace_vprintk',
  ] as const
).map(perfmon);

const BASE_PERFMON_6_16 = (
  [
    'get_current_comm',
    'copy_from_user',
    'copy_from_user_task',
    'perf_event_read',
    'perf_event_read_value',
    'send_signal',
    'send_signal_thread',
    'get_task_stack',
    'get_branch_snapshot',
    'find_vma',
  ] as const
).map((helper): HelperGrant => ({ helper, cap: 'perfmon', since: '6.16' }));

/** bpf_base_func_proto: for every program type. */
export const BASE: HelperGrants = [
  ...BASE_PUBLIC,
  ...BASE_BPF,
  ...BASE_BPF_6_16,
  ...BASE_PERFMON,
  ...BASE_PERFMON_6_16,
];

/** bpf_sk_base_func_proto: for the types of the network. */
export const SK_BASE: HelperGrants = [
  'ktime_get_coarse_ns',
  ...(
    [
      'skc_to_tcp6_sock',
      'skc_to_tcp_sock',
      'skc_to_tcp_timewait_sock',
      'skc_to_tcp_request_sock',
      'skc_to_udp6_sock',
      'skc_to_unix_sock',
      'skc_to_mptcp_sock',
    ] as const
  ).map(perfmon),
];

const before616 = (helper: HelperKey): HelperGrant => ({ helper, until: '6.16' });

/** Helpers that tracing programs had first, and on easier terms, before they came into the base set. */
const TRACING_BEFORE = (
  [
    'trace_printk',
    'get_current_task',
    'get_current_task_btf',
    'probe_read_user',
    'probe_read_kernel',
    'probe_read_user_str',
    'probe_read_kernel_str',
    'snprintf_btf',
    'snprintf',
    'task_pt_regs',
    'trace_vprintk',
    'get_current_uid_gid',
    'current_task_under_cgroup',
    'task_storage_get',
    'task_storage_delete',
    'get_current_comm',
    'copy_from_user',
    'copy_from_user_task',
    'perf_event_read',
    'perf_event_read_value',
    'send_signal',
    'send_signal_thread',
    'get_task_stack',
    'get_branch_snapshot',
    'find_vma',
  ] as const
).map(before616);

/** Helpers that cgroup programs had before they came into the base set. */
export const CGROUP_CURRENT = (
  ['get_current_uid_gid', 'get_current_comm', 'get_cgroup_classid', 'current_task_under_cgroup'] as const
).map(before616);

/** Helpers that sk_msg programs had before they came into the base set. */
export const SK_MSG_CURRENT = (['get_current_uid_gid', 'get_cgroup_classid'] as const).map(before616);

/** bpf_tracing_func_proto: kprobes, tracepoints, raw tracepoints, perf events, BTF-typed tracing. */
export const TRACING_SET: HelperGrants = [
  'get_smp_processor_id',
  'probe_read',
  'probe_read_str',
  'perf_event_output',
  'get_stack',
  { helper: 'probe_write_user', cap: 'sysAdmin' },
  ...TRACING_BEFORE,
];

/** cgroup_common_func_proto, for types that may also replace the hook's return value. */
export const CGROUP_COMMON: HelperGrants = ['get_local_storage', 'get_retval', 'set_retval'];

/** lwt_out_func_proto: what every lightweight tunnel program has. */
export const LWT_SET: HelperGrants = [
  'get_smp_processor_id',
  'skb_load_bytes',
  'skb_pull_data',
  'csum_diff',
  'get_cgroup_classid:skb',
  'get_route_realm',
  'get_hash_recalc',
  'perf_event_output',
  'skb_under_cgroup',
];

/** Lookup of sockets by address. */
export const SK_LOOKUP_SET: HelperGrants = ['sk_lookup_tcp', 'sk_lookup_udp', 'sk_release', 'skc_lookup_tcp'];
