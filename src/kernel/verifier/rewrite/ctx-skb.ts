/** __sk_buff fields in struct sk_buff. */
import type { ConvertTable } from './ctx-row.ts';

const sock = (member: string) => ['sk_buff.sk', `sock_common.${member}`] as const;
const CB = 'sk_buff.cb';
const PKT_TYPE_MAX = 7;

/** bpf_convert_ctx_access: for every type that has no table of its own. */
export const SKB_ROWS = {
  len: { chain: ['sk_buff.len'] },
  pkt_type: { chain: ['sk_buff.__pkt_type_offset'], size: 1, adjust: [['and32', PKT_TYPE_MAX]] },
  mark: { chain: ['sk_buff.mark'] },
  queue_mapping: { chain: ['sk_buff.queue_mapping'], special: 'queue_mapping' },
  protocol: { chain: ['sk_buff.protocol'] },
  vlan_present: { chain: ['sk_buff.vlan_all'], special: 'vlan_present' },
  vlan_tci: { chain: ['sk_buff.vlan_tci'] },
  vlan_proto: { chain: ['sk_buff.vlan_proto'] },
  priority: { chain: ['sk_buff.priority'] },
  ingress_ifindex: { chain: ['sk_buff.skb_iif'] },
  ifindex: { chain: ['sk_buff.dev', 'net_device.ifindex'], nullable: true },
  tc_index: { chain: ['sk_buff.tc_index'] },
  cb: { chain: ['qdisc_skb_cb.data'], inside: CB, indexed: true, asAccess: true },
  hash: { chain: ['sk_buff.hash'] },
  tc_classid: { chain: ['qdisc_skb_cb.tc_classid'], inside: CB },
  data: { chain: ['sk_buff.data'] },
  data_end: { chain: ['bpf_skb_data_end.data_end'], inside: CB },
  data_meta: { chain: ['bpf_skb_data_end.data_meta'], inside: CB },
  napi_id: { chain: ['sk_buff.napi_id'], special: 'napi_id' },
  family: { chain: sock('skc_family') },
  remote_ip4: { chain: sock('skc_daddr') },
  local_ip4: { chain: sock('skc_rcv_saddr') },
  remote_ip6: { chain: sock('skc_v6_daddr'), size: 4, indexed: true },
  local_ip6: { chain: sock('skc_v6_rcv_saddr'), size: 4, indexed: true },
  remote_port: { chain: sock('skc_dport'), adjust: [['lsh32', 16]] },
  local_port: { chain: sock('skc_num') },
  tstamp: { chain: ['sk_buff.tstamp'], special: 'tstamp' },
  tstamp_type: { chain: ['sk_buff.__mono_tc_offset'], size: 1, adjust: [['and32', 3]] },
  wire_len: { chain: ['qdisc_skb_cb.pkt_len'], inside: CB },
  gso_segs: { chain: ['skb_shared_info.gso_segs'], special: 'shinfo' },
  gso_size: { chain: ['skb_shared_info.gso_size'], special: 'shinfo' },
  hwtstamp: { chain: ['skb_shared_info.hwtstamps.hwtstamp'], special: 'shinfo' },
  sk: { chain: ['sk_buff.sk'] },
} as const satisfies ConvertTable;

/** tc_cls_act_convert_ctx_access: a device is always there. */
export const TC_ROWS = {
  ...SKB_ROWS,
  ifindex: { chain: ['sk_buff.dev', 'net_device.ifindex'] },
} as const satisfies ConvertTable;

/** sk_skb_convert_ctx_access: the control block belongs to TCP, the end of data is computed. */
export const SK_SKB_ROWS = {
  ...SKB_ROWS,
  cb: { chain: ['sk_skb_cb.data'], inside: CB, indexed: true, asAccess: true },
  data_end: { chain: ['sk_buff.data'], special: 'sk_skb_data_end' },
} as const satisfies ConvertTable;

/** flow_dissector_convert_ctx_access. */
export const FLOW_DISSECTOR_ROWS = {
  data: { chain: ['bpf_flow_dissector.data'] },
  data_end: { chain: ['bpf_flow_dissector.data_end'] },
  flow_keys: { chain: ['bpf_flow_dissector.flow_keys'] },
} as const satisfies ConvertTable;
