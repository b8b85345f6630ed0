/** XDP programs, also those that devmap and cpumap entries run. */
import { XDP_MD } from '../ctx/net.ts';
import { SK_BASE, SK_LOOKUP_SET } from '../helpers/sets.ts';
import type { ProgTypeRow } from './row.ts';
import { BPF_ATTACH_TYPE } from '../../../../uapi/attach-types.ts';

const { BPF_XDP_DEVMAP } = BPF_ATTACH_TYPE;

export const XDP = {
  type: 6,
  since: '4.8',
  name: 'BPF_PROG_TYPE_XDP',
  short: 'xdp',
  ctxStruct: 'xdp_md',
  ctx: {
    struct: XDP_MD,
    read: {
      data: true,
      data_end: true,
      data_meta: true,
      ingress_ifindex: true,
      rx_queue_index: true,
      egress_ifindex: { attach: [BPF_XDP_DEVMAP] },
    },
    convert: true,
  },
  writesNfConn: true,
  packetAccess: 'write',
  packet: 'xdp',
  deviceBound: true,
  helpers: [
    'get_smp_processor_id',
    'perf_event_output',
    'csum_diff',
    'xdp_adjust_head',
    'xdp_adjust_meta',
    'redirect',
    'redirect_map',
    'xdp_adjust_tail',
    'xdp_get_buff_len',
    'xdp_load_bytes',
    'xdp_store_bytes',
    'fib_lookup',
    'check_mtu',
    ...SK_LOOKUP_SET,
    'tcp_check_syncookie',
    'tcp_gen_syncookie',
    'tcp_raw_gen_syncookie_ipv4',
    'tcp_raw_gen_syncookie_ipv6',
    'tcp_raw_check_syncookie_ipv4',
    'tcp_raw_check_syncookie_ipv6',
    ...SK_BASE,
  ],
  ret: [],
  loadCaps: ['netAdmin'],
} as const satisfies ProgTypeRow;
