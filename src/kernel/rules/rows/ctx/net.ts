/** Context structs of XDP, sockets, sockmap, cgroup network hooks and netfilter. */
import {
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_PACKET,
  PTR_TO_PACKET_END,
  PTR_TO_PACKET_META,
  PTR_TO_SOCKET,
  PTR_TO_SOCK_COMMON,
  PTR_TRUSTED,
} from '../../reg-types.ts';
import type { CtxStruct } from './row.ts';

export const XDP_MD = {
  name: 'xdp_md',
  size: 24,
  fields: {
    data: { off: 0, size: 4, read: 'exact', reg: PTR_TO_PACKET, noSext: true },
    data_end: { off: 4, size: 4, read: 'exact', reg: PTR_TO_PACKET_END, noSext: true },
    data_meta: { off: 8, size: 4, read: 'exact', reg: PTR_TO_PACKET_META, noSext: true },
    ingress_ifindex: { off: 12, size: 4, read: 'exact' },
    rx_queue_index: { off: 16, size: 4, read: 'exact' },
    egress_ifindex: { off: 20, size: 4, read: 'exact' },
  },
} as const satisfies CtxStruct;

export const BPF_SOCK = {
  name: 'bpf_sock',
  size: 80,
  fields: {
    bound_dev_if: { off: 0, size: 4, read: 'exact' },
    family: { off: 4, size: 4, read: 'prefix' },
    type: { off: 8, size: 4, read: 'prefix' },
    protocol: { off: 12, size: 4, read: 'prefix' },
    mark: { off: 16, size: 4, read: 'exact' },
    priority: { off: 20, size: 4, read: 'exact' },
    src_ip4: { off: 24, size: 4 },
    src_ip6: { off: 28, size: 16, unit: 4 },
    src_port: { off: 44, size: 4, read: 'prefix' },
    /** Two bytes and padding; a 4-byte load of both is kept for old programs. */
    dst_port: { off: 48, size: 2, unit: 4 },
    dst_ip4: { off: 52, size: 4 },
    dst_ip6: { off: 56, size: 16, unit: 4 },
    state: { off: 72, size: 4, read: 'prefix' },
    rx_queue_mapping: { off: 76, size: 4, read: 'prefix' },
  },
} as const satisfies CtxStruct;

/** The struct behind PTR_TO_TCP_SOCK. */
export const BPF_TCP_SOCK = {
  name: 'bpf_tcp_sock',
  size: 112,
  fields: {
    snd_cwnd: { off: 0, size: 4, read: 'exact' },
    srtt_us: { off: 4, size: 4, read: 'exact' },
    rtt_min: { off: 8, size: 4, read: 'exact' },
    snd_ssthresh: { off: 12, size: 4, read: 'exact' },
    rcv_nxt: { off: 16, size: 4, read: 'exact' },
    snd_nxt: { off: 20, size: 4, read: 'exact' },
    snd_una: { off: 24, size: 4, read: 'exact' },
    mss_cache: { off: 28, size: 4, read: 'exact' },
    ecn_flags: { off: 32, size: 4, read: 'exact' },
    rate_delivered: { off: 36, size: 4, read: 'exact' },
    rate_interval_us: { off: 40, size: 4, read: 'exact' },
    packets_out: { off: 44, size: 4, read: 'exact' },
    retrans_out: { off: 48, size: 4, read: 'exact' },
    total_retrans: { off: 52, size: 4, read: 'exact' },
    segs_in: { off: 56, size: 4, read: 'exact' },
    data_segs_in: { off: 60, size: 4, read: 'exact' },
    segs_out: { off: 64, size: 4, read: 'exact' },
    data_segs_out: { off: 68, size: 4, read: 'exact' },
    lost_out: { off: 72, size: 4, read: 'exact' },
    sacked_out: { off: 76, size: 4, read: 'exact' },
    bytes_received: { off: 80, size: 8, read: 'exact' },
    bytes_acked: { off: 88, size: 8, read: 'exact' },
    dsack_dups: { off: 96, size: 4, read: 'exact' },
    delivered: { off: 100, size: 4, read: 'exact' },
    delivered_ce: { off: 104, size: 4, read: 'exact' },
    icsk_retransmits: { off: 108, size: 4, read: 'exact' },
  },
} as const satisfies CtxStruct;

/** The struct behind PTR_TO_XDP_SOCK. */
export const BPF_XDP_SOCK = {
  name: 'bpf_xdp_sock',
  size: 4,
  fields: { queue_id: { off: 0, size: 4, read: 'exact' } },
} as const satisfies CtxStruct;

export const BPF_SOCK_ADDR = {
  name: 'bpf_sock_addr',
  size: 72,
  fields: {
    user_family: { off: 0, size: 4, read: 'exact' },
    user_ip4: { off: 4, size: 4 },
    user_ip6: { off: 8, size: 16, unit: 4, read: 'wide', write: 'pair' },
    user_port: { off: 24, size: 4 },
    family: { off: 28, size: 4, read: 'exact' },
    type: { off: 32, size: 4, read: 'exact' },
    protocol: { off: 36, size: 4, read: 'exact' },
    msg_src_ip4: { off: 40, size: 4 },
    msg_src_ip6: { off: 44, size: 16, unit: 4, read: 'wide', write: 'pair' },
    sk: { off: 64, size: 8, read: 'exact', reg: PTR_TO_SOCKET },
  },
} as const satisfies CtxStruct;

const U32 = { size: 4, read: 'exact' } as const;
export const BPF_SOCK_OPS = {
  name: 'bpf_sock_ops',
  size: 224,
  fields: {
    op: { off: 0, ...U32 },
    /** Shares its first word with `reply`, the only one that programs write. */
    reply: { off: 4, ...U32 },
    args: { off: 8, size: 12, unit: 4, read: 'exact' },
    family: { off: 20, ...U32 },
    remote_ip4: { off: 24, ...U32 },
    local_ip4: { off: 28, ...U32 },
    remote_ip6: { off: 32, size: 16, unit: 4, read: 'exact' },
    local_ip6: { off: 48, size: 16, unit: 4, read: 'exact' },
    remote_port: { off: 64, ...U32 },
    local_port: { off: 68, ...U32 },
    is_fullsock: { off: 72, ...U32 },
    snd_cwnd: { off: 76, ...U32 },
    srtt_us: { off: 80, ...U32 },
    bpf_sock_ops_cb_flags: { off: 84, ...U32 },
    state: { off: 88, ...U32 },
    rtt_min: { off: 92, ...U32 },
    snd_ssthresh: { off: 96, ...U32 },
    rcv_nxt: { off: 100, ...U32 },
    snd_nxt: { off: 104, ...U32 },
    snd_una: { off: 108, ...U32 },
    mss_cache: { off: 112, ...U32 },
    ecn_flags: { off: 116, ...U32 },
    rate_delivered: { off: 120, ...U32 },
    rate_interval_us: { off: 124, ...U32 },
    packets_out: { off: 128, ...U32 },
    retrans_out: { off: 132, ...U32 },
    total_retrans: { off: 136, ...U32 },
    segs_in: { off: 140, ...U32 },
    data_segs_in: { off: 144, ...U32 },
    segs_out: { off: 148, ...U32 },
    data_segs_out: { off: 152, ...U32 },
    lost_out: { off: 156, ...U32 },
    sacked_out: { off: 160, ...U32 },
    sk_txhash: { off: 164, ...U32 },
    bytes_received: { off: 168, size: 8, read: 'exact' },
    bytes_acked: { off: 176, size: 8, read: 'exact' },
    sk: { off: 184, size: 8, read: 'exact', reg: PTR_TO_SOCKET | PTR_MAYBE_NULL },
    skb_data: { off: 192, size: 8, read: 'exact', reg: PTR_TO_PACKET },
    skb_data_end: { off: 200, size: 8, read: 'exact', reg: PTR_TO_PACKET_END },
    skb_len: { off: 208, ...U32 },
    skb_tcp_flags: { off: 212, size: 4, read: 'prefix' },
    skb_hwtstamp: { off: 216, size: 8, read: 'exact' },
  },
} as const satisfies CtxStruct;

export const SK_MSG_MD = {
  name: 'sk_msg_md',
  size: 80,
  fields: {
    data: { off: 0, size: 8, read: 'exact', reg: PTR_TO_PACKET },
    data_end: { off: 8, size: 8, read: 'exact', reg: PTR_TO_PACKET_END },
    family: { off: 16, ...U32 },
    remote_ip4: { off: 20, ...U32 },
    local_ip4: { off: 24, ...U32 },
    remote_ip6: { off: 28, size: 16, unit: 4, read: 'exact' },
    local_ip6: { off: 44, size: 16, unit: 4, read: 'exact' },
    remote_port: { off: 60, ...U32 },
    local_port: { off: 64, ...U32 },
    size: { off: 68, ...U32 },
    sk: { off: 72, size: 8, read: 'exact', reg: PTR_TO_SOCKET },
  },
} as const satisfies CtxStruct;

export const SK_REUSEPORT_MD = {
  name: 'sk_reuseport_md',
  size: 56,
  fields: {
    data: { off: 0, size: 8, read: 'exact', reg: PTR_TO_PACKET },
    data_end: { off: 8, size: 8, read: 'exact', reg: PTR_TO_PACKET_END },
    len: { off: 16, size: 4 },
    eth_protocol: { off: 20, size: 4, min: 2 },
    ip_protocol: { off: 24, size: 4 },
    bind_inany: { off: 28, size: 4 },
    hash: { off: 32, ...U32 },
    sk: { off: 40, size: 8, read: 'exact', reg: PTR_TO_SOCKET },
    migrating_sk: { off: 48, size: 8, read: 'exact', reg: PTR_TO_SOCK_COMMON | PTR_MAYBE_NULL },
  },
} as const satisfies CtxStruct;

export const BPF_SK_LOOKUP = {
  name: 'bpf_sk_lookup',
  size: 72,
  fields: {
    sk: { off: 0, size: 8, read: 'exact', reg: PTR_TO_SOCKET | PTR_MAYBE_NULL },
    family: { off: 8, size: 4 },
    protocol: { off: 12, size: 4 },
    remote_ip4: { off: 16, size: 4 },
    remote_ip6: { off: 20, size: 16, unit: 4 },
    /** Two bytes and padding; a 4-byte load of both is kept for old programs. */
    remote_port: { off: 36, size: 2, unit: 4 },
    /** The padding behind it, always zero. */
    remote_port_pad: { off: 38, size: 2 },
    local_ip4: { off: 40, size: 4 },
    local_ip6: { off: 44, size: 16, unit: 4 },
    local_port: { off: 60, size: 4 },
    ingress_ifindex: { off: 64, size: 4 },
  },
} as const satisfies CtxStruct;

export const BPF_NF_CTX = {
  name: 'bpf_nf_ctx',
  size: 16,
  fields: {
    state: { off: 0, size: 8, read: 'exact', reg: PTR_TO_BTF_ID | PTR_TRUSTED, btf: 'nf_hook_state' },
    skb: { off: 8, size: 8, read: 'exact', reg: PTR_TO_BTF_ID | PTR_TRUSTED, btf: 'sk_buff' },
  },
} as const satisfies CtxStruct;
