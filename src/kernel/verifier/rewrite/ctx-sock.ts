/** Socket-like contexts in kernel structs: bpf_sock, bpf_tcp_sock, bpf_sock_addr, bpf_sock_ops, sk_msg_md, reuseport, socket lookup. */
import type { ConvertRow, ConvertTable } from './ctx-row.ts';

/** bpf_sock_convert_ctx_access: cgroup sock programs and every socket pointer. */
export const SOCK_ROWS = {
  bound_dev_if: { chain: ['sock_common.skc_bound_dev_if'] },
  mark: { chain: ['sock.sk_mark'] },
  priority: { chain: ['sock.sk_priority'] },
  family: { chain: ['sock_common.skc_family'] },
  type: { chain: ['sock.sk_type'] },
  protocol: { chain: ['sock.sk_protocol'] },
  src_ip4: { chain: ['sock_common.skc_rcv_saddr'] },
  src_ip6: { chain: ['sock_common.skc_v6_rcv_saddr'], size: 4, indexed: true },
  src_port: { chain: ['sock_common.skc_num'] },
  dst_port: { chain: ['sock_common.skc_dport'] },
  dst_ip4: { chain: ['sock_common.skc_daddr'] },
  dst_ip6: { chain: ['sock_common.skc_v6_daddr'], size: 4, indexed: true },
  state: { chain: ['sock_common.skc_state'] },
  rx_queue_mapping: { chain: ['sock_common.skc_rx_queue_mapping'], special: 'rx_queue_mapping' },
} as const satisfies ConvertTable;

const UADDR = 'bpf_sock_addr_kern.uaddr';
const SOCK_ADDR_TEMP = 'bpf_sock_addr_kern.tmp_reg';
const MSG_SRC = 'bpf_sock_addr_kern.t_ctx';

/** sock_addr_convert_ctx_access. */
export const SOCK_ADDR_ROWS = {
  user_family: { chain: [UADDR, 'sockaddr.sa_family'] },
  user_ip4: { chain: [UADDR, 'sockaddr_in.sin_addr'], size: 4, asAccess: true, temp: SOCK_ADDR_TEMP },
  user_ip6: { chain: [UADDR, 'sockaddr_in6.sin6_addr'], indexed: true, asAccess: true, temp: SOCK_ADDR_TEMP },
  user_port: { chain: [UADDR, 'sockaddr_in6.sin6_port'], temp: SOCK_ADDR_TEMP },
  family: { chain: ['bpf_sock_addr_kern.sk', 'sock_common.skc_family'] },
  type: { chain: ['bpf_sock_addr_kern.sk', 'sock.sk_type'] },
  protocol: { chain: ['bpf_sock_addr_kern.sk', 'sock.sk_protocol'] },
  msg_src_ip4: { chain: [MSG_SRC, 'in_addr.s_addr'], asAccess: true, temp: SOCK_ADDR_TEMP },
  msg_src_ip6: { chain: [MSG_SRC, 'in6_addr.in6_u'], indexed: true, asAccess: true, temp: SOCK_ADDR_TEMP },
  sk: { chain: ['bpf_sock_addr_kern.sk'] },
} as const satisfies ConvertTable;

const OPS_SK = 'bpf_sock_ops_kern.sk';
const OPS_SKB = 'bpf_sock_ops_kern.skb';
const opsSock = (member: string): ConvertRow => ({ chain: [OPS_SK, `sock_common.${member}`] });
/** Only while the socket is a locked TCP socket; 0 otherwise. */
const opsTcp = (member: string): ConvertRow => ({ chain: [OPS_SK, `tcp_sock.${member}`], special: 'sock_ops_tcp' });

/** sock_ops_convert_ctx_access. */
export const SOCK_OPS_ROWS: ConvertTable = {
  op: { chain: ['bpf_sock_ops_kern.op'] },
  reply: { chain: ['bpf_sock_ops_kern.reply'] },
  args: { chain: ['bpf_sock_ops_kern.reply'], plus: 4, size: 4, indexed: true },
  family: opsSock('skc_family'),
  remote_ip4: opsSock('skc_daddr'),
  local_ip4: opsSock('skc_rcv_saddr'),
  remote_ip6: { ...opsSock('skc_v6_daddr'), size: 4, indexed: true },
  local_ip6: { ...opsSock('skc_v6_rcv_saddr'), size: 4, indexed: true },
  remote_port: { ...opsSock('skc_dport'), adjust: [['lsh32', 16]] },
  local_port: opsSock('skc_num'),
  is_fullsock: { chain: ['bpf_sock_ops_kern.is_fullsock'] },
  snd_cwnd: opsTcp('snd_cwnd'),
  srtt_us: opsTcp('srtt_us'),
  bpf_sock_ops_cb_flags: opsTcp('bpf_sock_ops_cb_flags'),
  state: opsSock('skc_state'),
  rtt_min: { chain: [OPS_SK, 'tcp_sock.rtt_min'], plus: 4, size: 4 },
  snd_ssthresh: opsTcp('snd_ssthresh'),
  rcv_nxt: opsTcp('rcv_nxt'),
  snd_nxt: opsTcp('snd_nxt'),
  snd_una: opsTcp('snd_una'),
  mss_cache: opsTcp('mss_cache'),
  ecn_flags: opsTcp('ecn_flags'),
  rate_delivered: opsTcp('rate_delivered'),
  rate_interval_us: opsTcp('rate_interval_us'),
  packets_out: opsTcp('packets_out'),
  retrans_out: opsTcp('retrans_out'),
  total_retrans: opsTcp('total_retrans'),
  segs_in: opsTcp('segs_in'),
  data_segs_in: opsTcp('data_segs_in'),
  segs_out: opsTcp('segs_out'),
  data_segs_out: opsTcp('data_segs_out'),
  lost_out: opsTcp('lost_out'),
  sacked_out: opsTcp('sacked_out'),
  sk_txhash: { chain: [OPS_SK, 'sock.sk_txhash'], special: 'sock_ops_tcp', temp: 'bpf_sock_ops_kern.temp' },
  bytes_received: opsTcp('bytes_received'),
  bytes_acked: opsTcp('bytes_acked'),
  sk: { chain: [OPS_SK], special: 'sock_ops_sk' },
  skb_data: { chain: [OPS_SKB, 'sk_buff.data'], nullable: true },
  skb_data_end: { chain: ['bpf_sock_ops_kern.skb_data_end'] },
  skb_len: { chain: [OPS_SKB, 'sk_buff.len'], nullable: true },
  skb_tcp_flags: { chain: [OPS_SKB, 'tcp_skb_cb.tcp_flags'], inside: 'sk_buff.cb', nullable: true },
  skb_hwtstamp: { chain: [OPS_SKB, 'skb_shared_info.hwtstamps.hwtstamp'], special: 'sock_ops_shinfo' },
};

/** bpf_tcp_sock_convert_ctx_access. */
export const TCP_SOCK_ROWS: ConvertTable = {
  ...Object.fromEntries(
    [
      'snd_cwnd',
      'srtt_us',
      'snd_ssthresh',
      'rcv_nxt',
      'snd_nxt',
      'snd_una',
      'mss_cache',
      'ecn_flags',
      'rate_delivered',
      'rate_interval_us',
      'packets_out',
      'retrans_out',
      'total_retrans',
      'segs_in',
      'data_segs_in',
      'segs_out',
      'data_segs_out',
      'lost_out',
      'sacked_out',
      'bytes_received',
      'bytes_acked',
      'dsack_dups',
      'delivered',
      'delivered_ce',
    ].map((name) => [name, { chain: [`tcp_sock.${name}`] }]),
  ),
  rtt_min: { chain: ['tcp_sock.rtt_min'], plus: 4, size: 4 },
  icsk_retransmits: { chain: ['inet_connection_sock.icsk_retransmits'] },
};

/** bpf_xdp_sock_convert_ctx_access. */
export const XDP_SOCK_ROWS = { queue_id: { chain: ['xdp_sock.queue_id'] } } as const satisfies ConvertTable;

const msgSock = (member: string): ConvertRow => ({ chain: ['sk_msg.sk', `sock_common.${member}`] });

/** sk_msg_convert_ctx_access. */
export const SK_MSG_ROWS: ConvertTable = {
  data: { chain: ['sk_msg.data'] },
  data_end: { chain: ['sk_msg.data_end'] },
  family: msgSock('skc_family'),
  remote_ip4: msgSock('skc_daddr'),
  local_ip4: msgSock('skc_rcv_saddr'),
  remote_ip6: { ...msgSock('skc_v6_daddr'), size: 4, indexed: true },
  local_ip6: { ...msgSock('skc_v6_rcv_saddr'), size: 4, indexed: true },
  remote_port: { ...msgSock('skc_dport'), adjust: [['lsh32', 16]] },
  local_port: msgSock('skc_num'),
  size: { chain: ['sk_msg.sg.size'] },
  sk: { chain: ['sk_msg.sk'] },
};

const REUSE_SKB = 'sk_reuseport_kern.skb';

/** sk_reuseport_convert_ctx_access. */
export const SK_REUSEPORT_ROWS = {
  data: { chain: [REUSE_SKB, 'sk_buff.data'] },
  data_end: { chain: ['sk_reuseport_kern.data_end'] },
  len: { chain: [REUSE_SKB, 'sk_buff.len'] },
  eth_protocol: { chain: [REUSE_SKB, 'sk_buff.protocol'] },
  ip_protocol: { chain: ['sk_reuseport_kern.sk', 'sock.sk_protocol'] },
  bind_inany: { chain: ['sk_reuseport_kern.bind_inany'] },
  hash: { chain: ['sk_reuseport_kern.hash'] },
  sk: { chain: ['sk_reuseport_kern.sk'] },
  migrating_sk: { chain: ['sk_reuseport_kern.migrating_sk'] },
} as const satisfies ConvertTable;

/** sk_lookup_convert_ctx_access. */
export const SK_LOOKUP_ROWS = {
  sk: { chain: ['bpf_sk_lookup_kern.selected_sk'] },
  family: { chain: ['bpf_sk_lookup_kern.family'] },
  protocol: { chain: ['bpf_sk_lookup_kern.protocol'] },
  remote_ip4: { chain: ['bpf_sk_lookup_kern.v4.saddr'] },
  remote_ip6: { chain: ['bpf_sk_lookup_kern.v6.saddr', 'in6_addr.in6_u'], size: 4, indexed: true, nullable: true },
  remote_port: { chain: ['bpf_sk_lookup_kern.sport'] },
  remote_port_pad: { chain: [], special: 'zero', target: 2 },
  local_ip4: { chain: ['bpf_sk_lookup_kern.v4.daddr'] },
  local_ip6: { chain: ['bpf_sk_lookup_kern.v6.daddr', 'in6_addr.in6_u'], size: 4, indexed: true, nullable: true },
  local_port: { chain: ['bpf_sk_lookup_kern.dport'] },
  ingress_ifindex: { chain: ['bpf_sk_lookup_kern.ingress_ifindex'] },
} as const satisfies ConvertTable;
