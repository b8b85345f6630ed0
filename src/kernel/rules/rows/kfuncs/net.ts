/** Kfuncs of the network, of tracing sessions, files and congestion control. */
import { BPF_PROG_TYPE as P } from '../../../../uapi/prog-types.ts';
import {
  KF_ACQUIRE,
  KF_RELEASE,
  KF_RET_NULL,
  KF_SLEEPABLE,
  KF_TRUSTED_ARGS,
  type KfuncHook,
  type KfuncRow,
  type KfuncTable,
} from './row.ts';
import { BPF_ATTACH_TYPE } from '../../../../uapi/attach-types.ts';

const { BPF_TRACE_ITER, BPF_TRACE_KPROBE_SESSION, BPF_TRACE_UPROBE_SESSION } = BPF_ATTACH_TYPE;

const GET = KF_ACQUIRE | KF_RET_NULL;
const CONNTRACK: readonly KfuncHook[] = ['xdp', 'tc'];
const conntrack = { hooks: CONNTRACK, config: 'CONFIG_NF_CONNTRACK' } as const;
const LSM = { hooks: ['tracing'] as const, progTypes: [P.BPF_PROG_TYPE_LSM] } as const;
const SESSION = { hooks: ['kprobe'] as const, attach: [BPF_TRACE_KPROBE_SESSION, BPF_TRACE_UPROBE_SESSION] } as const;

/** Functions of the kernel's own congestion controls, for those that are written in BPF. */
const congestionControl = (config: Pick<KfuncRow, 'config'>, names: string): KfuncTable =>
  Object.fromEntries(
    names.split(' ').map((name) => [name, { since: '5.13', flags: 0, hooks: ['struct_ops'], ...config }]),
  );

/** Functions for queueing disciplines (struct Qdisc_ops), and the operations that may call them. */
const qdisc = (ops: readonly string[], flags: number): KfuncRow => ({
  ...{ since: '6.16', flags, hooks: ['struct_ops'], ops: ops.map((member) => `Qdisc_ops.${member}`) },
  config: 'CONFIG_NET_SCH_BPF',
});

export const NET_KFUNCS: KfuncTable = {
  bpf_dynptr_from_skb: {
    since: '6.4',
    flags: KF_TRUSTED_ARGS,
    hooks: ['tc', 'sched_act', 'sk_skb', 'socket_filter', 'cgroup', 'lwt', 'netfilter', 'tracing', 'struct_ops'],
    ops: ['Qdisc_ops.*'],
    makesDynptr: 'skb',
  },
  bpf_dynptr_from_skb_meta: {
    since: '6.18',
    flags: KF_TRUSTED_ARGS,
    hooks: ['tc', 'sched_act'],
    makesDynptr: 'skb_meta',
  },
  bpf_dynptr_from_xdp: { since: '6.4', flags: 0, hooks: ['xdp'], makesDynptr: 'xdp' },
  bpf_xdp_pull_data: { since: '6.18', flags: 0, hooks: ['xdp'], changesPacket: true },
  bpf_sk_assign_tcp_reqsk: { since: '6.9', flags: KF_TRUSTED_ARGS, hooks: ['tc'], config: 'CONFIG_SYN_COOKIES' },
  bpf_sock_addr_set_sun_path: { since: '6.7', flags: 0, hooks: ['cgroup'] },
  bpf_sock_ops_enable_tx_tstamp: { since: '6.15', flags: KF_TRUSTED_ARGS, hooks: ['cgroup'] },
  bpf_sock_destroy: {
    since: '6.5',
    flags: KF_TRUSTED_ARGS,
    hooks: ['tracing'],
    progTypes: [P.BPF_PROG_TYPE_TRACING],
    attach: [BPF_TRACE_ITER],
  },
  bpf_xdp_get_xfrm_state: { since: '6.8', flags: GET, hooks: ['xdp'], config: 'CONFIG_XFRM' },
  bpf_xdp_xfrm_state_release: { since: '6.8', flags: KF_RELEASE, hooks: ['xdp'], config: 'CONFIG_XFRM' },
  bpf_skb_get_xfrm_info: { since: '6.2', flags: 0, hooks: ['tc'], config: 'CONFIG_XFRM_INTERFACE' },
  bpf_skb_set_xfrm_info: { since: '6.2', flags: 0, hooks: ['tc'], config: 'CONFIG_XFRM_INTERFACE' },
  bpf_skb_get_fou_encap: { since: '6.4', flags: 0, hooks: ['tc'], config: 'CONFIG_NET_FOU' },
  bpf_skb_set_fou_encap: { since: '6.4', flags: 0, hooks: ['tc'], config: 'CONFIG_NET_FOU' },

  bpf_xdp_ct_alloc: { since: '6.0', flags: GET, ...conntrack },
  bpf_xdp_ct_lookup: { since: '5.18', flags: GET, ...conntrack },
  bpf_skb_ct_alloc: { since: '6.0', flags: GET, ...conntrack },
  bpf_skb_ct_lookup: { since: '5.18', flags: GET, ...conntrack },
  bpf_ct_insert_entry: { since: '6.0', flags: GET | KF_RELEASE, ...conntrack },
  bpf_ct_release: { since: '5.18', flags: KF_RELEASE, ...conntrack },
  bpf_ct_set_timeout: { since: '6.0', flags: KF_TRUSTED_ARGS, ...conntrack },
  bpf_ct_change_timeout: { since: '6.0', flags: KF_TRUSTED_ARGS, ...conntrack },
  bpf_ct_set_status: { since: '6.0', flags: KF_TRUSTED_ARGS, ...conntrack },
  bpf_ct_change_status: { since: '6.0', flags: KF_TRUSTED_ARGS, ...conntrack },
  bpf_ct_set_nat_info: { since: '6.1', flags: KF_TRUSTED_ARGS, hooks: CONNTRACK, config: 'CONFIG_NF_NAT' },

  ...congestionControl({}, 'tcp_reno_ssthresh tcp_reno_cong_avoid tcp_reno_undo_cwnd tcp_slow_start tcp_cong_avoid_ai'),
  ...congestionControl(
    {},
    'cubictcp_init cubictcp_recalc_ssthresh cubictcp_cong_avoid cubictcp_state cubictcp_cwnd_event cubictcp_acked',
  ),
  ...congestionControl(
    { config: 'CONFIG_TCP_CONG_BBR' },
    'bbr_init bbr_main bbr_sndbuf_expand bbr_undo_cwnd bbr_cwnd_event bbr_ssthresh bbr_min_tso_segs bbr_set_state',
  ),

  bpf_skb_get_hash: qdisc(['*'], KF_TRUSTED_ARGS),
  bpf_kfree_skb: qdisc(['*'], KF_RELEASE),
  bpf_qdisc_skb_drop: qdisc(['enqueue'], KF_RELEASE),
  bpf_qdisc_watchdog_schedule: qdisc(['enqueue', 'dequeue'], KF_TRUSTED_ARGS),
  bpf_qdisc_bstats_update: qdisc(['dequeue'], KF_TRUSTED_ARGS),

  bpf_session_is_return: { since: '6.10', flags: 0, ...SESSION },
  bpf_session_cookie: { since: '6.10', flags: 0, ...SESSION, makes: 'writable' },
  css_rstat_updated: { since: '6.16', flags: 0, hooks: ['tracing'], config: 'CONFIG_CGROUPS' },
  css_rstat_flush: { since: '6.16', flags: KF_SLEEPABLE, hooks: ['tracing'], config: 'CONFIG_CGROUPS' },

  bpf_get_task_exe_file: { since: '6.12', flags: GET | KF_TRUSTED_ARGS, ...LSM },
  bpf_get_fsverity_digest: { since: '6.8', flags: KF_SLEEPABLE | KF_TRUSTED_ARGS, ...LSM, config: 'CONFIG_FS_VERITY' },
  bpf_put_file: { since: '6.12', flags: KF_RELEASE, ...LSM },
  bpf_path_d_path: { since: '6.12', flags: KF_TRUSTED_ARGS, ...LSM },
  bpf_get_dentry_xattr: { since: '6.12', flags: KF_SLEEPABLE | KF_TRUSTED_ARGS, ...LSM },
  bpf_get_file_xattr: { since: '6.8', flags: KF_SLEEPABLE | KF_TRUSTED_ARGS, ...LSM },
  bpf_set_dentry_xattr: { since: '6.15', flags: KF_SLEEPABLE | KF_TRUSTED_ARGS, ...LSM },
  bpf_remove_dentry_xattr: { since: '6.15', flags: KF_SLEEPABLE | KF_TRUSTED_ARGS, ...LSM },

  bpf_kfunc_call_test_release: { since: '5.18', flags: KF_RELEASE, hooks: ['tc', 'tracing', 'syscall'], test: true },
  bpf_kfunc_call_memb_release: { since: '5.18', flags: KF_RELEASE, hooks: ['tc', 'tracing', 'syscall'], test: true },
  bpf_fentry_test1: { since: '6.0', flags: KF_SLEEPABLE, hooks: ['fmodret'], test: true },
  bpf_modify_return_test: { since: '6.0', flags: KF_SLEEPABLE, hooks: ['fmodret'], test: true },
  bpf_modify_return_test2: { since: '6.0', flags: KF_SLEEPABLE, hooks: ['fmodret'], test: true },
};
