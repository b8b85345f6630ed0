/** Contexts of XDP, perf events, sysctl and socket options in kernel structs. */
import type { ConvertTable } from './ctx-row.ts';

/** xdp_convert_ctx_access. */
export const XDP_ROWS = {
  data: { chain: ['xdp_buff.data'] },
  data_end: { chain: ['xdp_buff.data_end'] },
  data_meta: { chain: ['xdp_buff.data_meta'] },
  ingress_ifindex: { chain: ['xdp_buff.rxq', 'xdp_rxq_info.dev', 'net_device.ifindex'] },
  rx_queue_index: { chain: ['xdp_buff.rxq', 'xdp_rxq_info.queue_index'] },
  egress_ifindex: { chain: ['xdp_buff.txq', 'xdp_txq_info.dev', 'net_device.ifindex'] },
} as const satisfies ConvertTable;

/** pe_prog_convert_ctx_access. */
export const PERF_EVENT_ROWS = {
  regs: { chain: ['bpf_perf_event_data_kern.regs', ''], size: 8, indexed: true },
  sample_period: { chain: ['bpf_perf_event_data_kern.data', 'perf_sample_data.period'] },
  addr: { chain: ['bpf_perf_event_data_kern.data', 'perf_sample_data.addr'] },
} as const satisfies ConvertTable;

/** sysctl_convert_ctx_access. */
export const SYSCTL_ROWS = {
  write: { chain: ['bpf_sysctl_kern.write'] },
  file_pos: { chain: ['bpf_sysctl_kern.ppos'], special: 'sysctl_file_pos', target: 4 },
} as const satisfies ConvertTable;

/** cg_sockopt_convert_ctx_access. */
export const SOCKOPT_ROWS = {
  sk: { chain: ['bpf_sockopt_kern.sk'] },
  optval: { chain: ['bpf_sockopt_kern.optval'] },
  optval_end: { chain: ['bpf_sockopt_kern.optval_end'] },
  level: { chain: ['bpf_sockopt_kern.level'] },
  optname: { chain: ['bpf_sockopt_kern.optname'] },
  optlen: { chain: ['bpf_sockopt_kern.optlen'] },
  retval: {
    chain: ['bpf_sockopt_kern.current_task', 'task_struct.bpf_ctx', 'bpf_cg_run_ctx.retval'],
    temp: 'bpf_sockopt_kern.tmp_reg',
  },
} as const satisfies ConvertTable;
