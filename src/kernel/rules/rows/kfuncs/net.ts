/** Kfuncs of the network, of tracing sessions, files and congestion control. */
import { BPF_PROG_TYPE as P } from '../../../../uapi/prog-types.ts';
import {
  KF_ACQUIRE,
  KF_RELEASE,
  KF_RET_NULL,
  KF_SLEEPABLE,
  KF_TRUSTED_ARGS,
  type KfuncHook,
  type KfuncTable,
} from './row.ts';

const GET = KF_ACQUIRE | KF_RET_NULL;
const CONNTRACK: readonly KfuncHook[] = ['xdp', 'tc'];
const conntrack = { hooks: CONNTRACK, config: 'CONFIG_NF_CONNTRACK' } as const;
const LSM = { hooks: ['tracing'] as const, progTypes: [P.BPF_PROG_TYPE_LSM] } as const;
const SESSION = { hooks: ['kprobe'] as const, attach: [56, 57] } as const;
const BPF_TRACE_ITER = 28;

export const NET_KFUNCS: KfuncTable = {
  bpf_dynptr_from_skb: {
    flags: KF_TRUSTED_ARGS,
    hooks: ['tc', 'sched_act', 'sk_skb', 'socket_filter', 'cgroup', 'lwt', 'netfilter', 'tracing'],
  },
  bpf_dynptr_from_skb_meta: { flags: KF_TRUSTED_ARGS, hooks: ['tc', 'sched_act'] },
  bpf_dynptr_from_xdp: { flags: 0, hooks: ['xdp'] },
  bpf_xdp_pull_data: { flags: 0, hooks: ['xdp'] },
  bpf_sk_assign_tcp_reqsk: { flags: KF_TRUSTED_ARGS, hooks: ['tc'], config: 'CONFIG_SYN_COOKIES' },
  bpf_sock_addr_set_sun_path: { flags: 0, hooks: ['cgroup'] },
  bpf_sock_ops_enable_tx_tstamp: { flags: KF_TRUSTED_ARGS, hooks: ['cgroup'] },
  bpf_sock_destroy: {
    flags: KF_TRUSTED_ARGS,
    hooks: ['tracing'],
    progTypes: [P.BPF_PROG_TYPE_TRACING],
    attach: [BPF_TRACE_ITER],
  },
  bpf_xdp_get_xfrm_state: { flags: GET, hooks: ['xdp'], config: 'CONFIG_XFRM' },
  bpf_xdp_xfrm_state_release: { flags: KF_RELEASE, hooks: ['xdp'], config: 'CONFIG_XFRM' },
  bpf_skb_get_xfrm_info: { flags: 0, hooks: ['tc'], config: 'CONFIG_XFRM_INTERFACE' },
  bpf_skb_set_xfrm_info: { flags: 0, hooks: ['tc'], config: 'CONFIG_XFRM_INTERFACE' },
  bpf_skb_get_fou_encap: { flags: 0, hooks: ['tc'], config: 'CONFIG_NET_FOU' },
  bpf_skb_set_fou_encap: { flags: 0, hooks: ['tc'], config: 'CONFIG_NET_FOU' },

  bpf_xdp_ct_alloc: { flags: GET, ...conntrack },
  bpf_xdp_ct_lookup: { flags: GET, ...conntrack },
  bpf_skb_ct_alloc: { flags: GET, ...conntrack },
  bpf_skb_ct_lookup: { flags: GET, ...conntrack },
  bpf_ct_insert_entry: { flags: GET | KF_RELEASE, ...conntrack },
  bpf_ct_release: { flags: KF_RELEASE, ...conntrack },
  bpf_ct_set_timeout: { flags: KF_TRUSTED_ARGS, ...conntrack },
  bpf_ct_change_timeout: { flags: KF_TRUSTED_ARGS, ...conntrack },
  bpf_ct_set_status: { flags: KF_TRUSTED_ARGS, ...conntrack },
  bpf_ct_change_status: { flags: KF_TRUSTED_ARGS, ...conntrack },
  bpf_ct_set_nat_info: { flags: KF_TRUSTED_ARGS, hooks: CONNTRACK, config: 'CONFIG_NF_NAT' },

  ...Object.fromEntries(
    [
      'tcp_reno_ssthresh',
      'tcp_reno_cong_avoid',
      'tcp_reno_undo_cwnd',
      'tcp_slow_start',
      'tcp_cong_avoid_ai',
      'cubictcp_init',
      'cubictcp_recalc_ssthresh',
      'cubictcp_cong_avoid',
      'cubictcp_state',
      'cubictcp_cwnd_event',
      'cubictcp_acked',
      'bbr_init',
      'bbr_main',
      'bbr_sndbuf_expand',
      'bbr_undo_cwnd',
      'bbr_cwnd_event',
      'bbr_ssthresh',
      'bbr_min_tso_segs',
      'bbr_set_state',
    ].map((name) => [name, { flags: 0, hooks: ['struct_ops'] as const }]),
  ),

  bpf_session_is_return: { flags: 0, ...SESSION },
  bpf_session_cookie: { flags: 0, ...SESSION },
  css_rstat_updated: { flags: 0, hooks: ['tracing'], config: 'CONFIG_CGROUPS' },
  css_rstat_flush: { flags: KF_SLEEPABLE, hooks: ['tracing'], config: 'CONFIG_CGROUPS' },

  bpf_get_task_exe_file: { flags: GET | KF_TRUSTED_ARGS, ...LSM },
  bpf_put_file: { flags: KF_RELEASE, ...LSM },
  bpf_path_d_path: { flags: KF_TRUSTED_ARGS, ...LSM },
  bpf_get_dentry_xattr: { flags: KF_SLEEPABLE | KF_TRUSTED_ARGS, ...LSM },
  bpf_get_file_xattr: { flags: KF_SLEEPABLE | KF_TRUSTED_ARGS, ...LSM },
  bpf_set_dentry_xattr: { flags: KF_SLEEPABLE | KF_TRUSTED_ARGS, ...LSM },
  bpf_remove_dentry_xattr: { flags: KF_SLEEPABLE | KF_TRUSTED_ARGS, ...LSM },

  bpf_kfunc_call_test_release: { flags: KF_RELEASE, hooks: ['tc', 'tracing', 'syscall'], test: true },
  bpf_kfunc_call_memb_release: { flags: KF_RELEASE, hooks: ['tc', 'tracing', 'syscall'], test: true },
  bpf_fentry_test1: { flags: KF_SLEEPABLE, hooks: ['fmodret'], test: true },
  bpf_modify_return_test: { flags: KF_SLEEPABLE, hooks: ['fmodret'], test: true },
  bpf_modify_return_test2: { flags: KF_SLEEPABLE, hooks: ['fmodret'], test: true },
};
