/** What Linux 6.18's PROG_TEST_RUN gave for programs in assembler: verdicts, packets and contexts. */
import { BPF_PROG_TYPE as T } from '../../../src/uapi/prog-types.ts';

export interface TestRunCase {
  readonly name: string;
  readonly progType: number;
  readonly progFlags?: number;
  readonly asm: string;
  /** Input packet as hex; repeated zeros may be written as a number of bytes. */
  readonly data?: string;
  readonly ctx?: readonly number[];
  readonly repeat?: number;
  /** r0. */
  readonly retval: number;
  /** Output packet as hex, when it is compared. */
  readonly out?: string;
  /** Words of the output context that are not zero, by byte offset. */
  readonly ctxOut?: Readonly<Record<number, number>>;
}

const { BPF_PROG_TYPE_XDP: XDP, BPF_PROG_TYPE_SCHED_CLS: TC, BPF_PROG_TYPE_SOCKET_FILTER: SF } = T;
const CGROUP_SKB = T.BPF_PROG_TYPE_CGROUP_SKB;

const zeros = (n: number): string => '00'.repeat(n);
const ETH = '020000000001020000000002';
/** An IPv4 UDP packet from 10.0.0.1 to 10.0.0.2, 42 bytes. */
const IPV4 = `${ETH}0800450000200000000040110000${'0a000001'}${'0a000002'}${'04d2162e000c0000'}`;
const IPV6 = `${ETH}86dd6000000000083aff${'20010db8'}${zeros(11)}01${'20010db8'}${zeros(11)}02${'8000000000000000'}`;
const ARP = `${ETH}0806${zeros(28)}`;

const xdpLength = `
  r2 = *(u32 *)(r1 +0)
  r3 = *(u32 *)(r1 +4)
  r0 = r3
  r0 -= r2
  exit
`;
const field = (off: number): string => `
  r0 = *(u32 *)(r1 +${off})
  exit
`;
/** The first byte of the packet, by direct access. */
const firstByte = (data: number, end: number): string => `
  r2 = *(u32 *)(r1 +${data})
  r3 = *(u32 *)(r1 +${end})
  r4 = r2
  r4 += 1
  r0 = 1
  if r4 > r3 goto out
  r0 = *(u8 *)(r2 +0)
out:
  exit
`;

export const TEST_RUN_CASES: readonly TestRunCase[] = [
  { name: 'xdp length', progType: XDP, asm: xdpLength, data: IPV4, retval: 42, out: IPV4 },
  {
    name: 'xdp length with metadata',
    progType: XDP,
    asm: xdpLength,
    data: IPV4,
    ctx: [4, 42],
    retval: 38,
    out: IPV4,
    ctxOut: { 0: 4, 4: 42 },
  },
  {
    name: 'xdp length, linear part 20',
    progType: XDP,
    asm: xdpLength,
    data: IPV4,
    ctx: [0, 20],
    retval: 20,
    out: IPV4,
    ctxOut: { 4: 20 },
  },
  { name: 'xdp ingress_ifindex', progType: XDP, asm: field(12), data: IPV4, retval: 1 },
  { name: 'xdp rx_queue_index', progType: XDP, asm: field(16), data: IPV4, retval: 0 },
  {
    name: 'xdp writes the packet, three times',
    progType: XDP,
    asm: `
      r2 = *(u32 *)(r1 +0)
      r3 = *(u32 *)(r1 +4)
      r0 = 2
      r4 = r2
      r4 += 1
      if r4 > r3 goto out
      r5 = *(u8 *)(r2 +0)
      r5 += 1
      *(u8 *)(r2 +0) = r5
    out:
      exit
    `,
    data: zeros(14),
    repeat: 3,
    retval: 2,
    out: `03${zeros(13)}`,
  },
  {
    name: 'xdp moves its head',
    progType: XDP,
    asm: `
      r2 = 4
      call bpf_xdp_adjust_head
      exit
    `,
    data: IPV4,
    ctx: [0, 42],
    retval: 0,
    out: IPV4.slice(8),
    ctxOut: { 0: 0, 4: 38 },
  },
  {
    name: 'xdp cuts its tail',
    progType: XDP,
    asm: `
      r2 = -10
      call bpf_xdp_adjust_tail
      exit
    `,
    data: IPV4,
    retval: 0,
    out: IPV4.slice(0, 64),
  },
  { name: 'tc length', progType: TC, asm: field(0), data: IPV4, retval: 42, out: IPV4 },
  { name: 'tc pkt_type of a unicast to another host', progType: TC, asm: field(4), data: IPV4, retval: 3 },
  { name: 'tc pkt_type of a multicast', progType: TC, asm: field(4), data: `01${IPV4.slice(2)}`, retval: 2 },
  { name: 'tc pkt_type of a broadcast', progType: TC, asm: field(4), data: `ffffffffffff${IPV4.slice(12)}`, retval: 2 },
  {
    name: 'tc pkt_type of a packet to us',
    progType: TC,
    asm: field(4),
    data: `000000000000${IPV4.slice(12)}`,
    retval: 0,
  },
  { name: 'tc protocol, IPv4', progType: TC, asm: field(16), data: IPV4, retval: 0x0008 },
  { name: 'tc protocol, IPv6', progType: TC, asm: field(16), data: IPV6, retval: 0xdd86 },
  { name: 'tc protocol, ARP', progType: TC, asm: field(16), data: ARP, retval: 0x0608 },
  { name: 'tc protocol, 802.2', progType: TC, asm: field(16), data: `${ETH}0028${zeros(40)}`, retval: 0x0400 },
  { name: 'tc protocol, raw 802.3', progType: TC, asm: field(16), data: `${ETH}0028ffff${zeros(40)}`, retval: 0x0100 },
  { name: 'tc ifindex', progType: TC, asm: field(40), data: IPV4, retval: 1 },
  { name: 'tc ingress_ifindex', progType: TC, asm: field(36), data: IPV4, retval: 0 },
  { name: 'tc first byte', progType: TC, asm: firstByte(76, 80), data: IPV4, retval: 2 },
  {
    name: 'tc cb',
    progType: TC,
    asm: field(52),
    data: IPV4,
    ctx: at({ 52: 77 }),
    retval: 77,
    ctxOut: { 40: 1, 52: 77, 160: 42 },
  },
  {
    name: 'tc mark',
    progType: TC,
    asm: field(8),
    data: IPV4,
    ctx: at({ 8: 5 }),
    retval: 5,
    ctxOut: { 8: 5, 40: 1, 160: 42 },
  },
  { name: 'tc priority', progType: TC, asm: field(32), data: IPV4, ctx: at({ 32: 6 }), retval: 6 },
  {
    name: 'tc wire_len',
    progType: TC,
    asm: field(160),
    data: IPV4,
    ctx: at({ 160: 1000 }),
    retval: 1000,
    ctxOut: { 40: 1, 160: 1000 },
  },
  { name: 'tc gso_segs', progType: TC, asm: field(164), data: IPV4, ctx: at({ 164: 9 }), retval: 9 },
  { name: 'tc gso_size', progType: TC, asm: field(176), data: IPV4, ctx: at({ 176: 1400 }), retval: 1400 },
  {
    name: 'tc sets mark, priority and cb',
    progType: TC,
    asm: `
      r2 = 11
      *(u32 *)(r1 +8) = r2
      r2 = 12
      *(u32 *)(r1 +32) = r2
      r2 = 13
      *(u32 *)(r1 +64) = r2
      r0 = 0
      exit
    `,
    data: IPV4,
    retval: 0,
    ctxOut: { 8: 11, 32: 12, 40: 1, 64: 13, 160: 42 },
  },
  {
    name: 'socket filter length',
    progType: SF,
    asm: field(0),
    data: IPV4,
    retval: 28,
    out: `${zeros(14)}${IPV4.slice(28)}`,
  },
  { name: 'socket filter protocol', progType: SF, asm: field(16), data: IPV4, retval: 0x0008 },
  {
    name: 'cgroup_skb first byte is of layer 3',
    progType: CGROUP_SKB,
    asm: firstByteBool(0x45),
    data: IPV4,
    retval: 1,
    out: `${zeros(14)}${IPV4.slice(28)}`,
  },
  {
    name: 'cgroup_skb first byte is not Ethernet',
    progType: CGROUP_SKB,
    asm: firstByteBool(0x02),
    data: IPV4,
    retval: 0,
  },
  { name: 'cgroup_skb family, IPv4', progType: CGROUP_SKB, asm: isField(88, 2), data: IPV4, retval: 1 },
  { name: 'cgroup_skb family, IPv6', progType: CGROUP_SKB, asm: isField(88, 10), data: IPV6, retval: 1 },
  { name: 'cgroup_skb remote_ip4', progType: CGROUP_SKB, asm: isField(92, 0x0200000a), data: IPV4, retval: 1 },
  { name: 'cgroup_skb local_ip4', progType: CGROUP_SKB, asm: isField(96, 0x0100000a), data: IPV4, retval: 1 },
];

/** Words of struct __sk_buff by byte offset. */
function at(set: Readonly<Record<number, number>>): number[] {
  const words = new Array<number>(48).fill(0);
  for (const [off, value] of Object.entries(set)) words[Number(off) / 4] = value;
  return words;
}
function firstByteBool(byte: number): string {
  return `
    r2 = *(u32 *)(r1 +76)
    r3 = *(u32 *)(r1 +80)
    r4 = r2
    r4 += 1
    r0 = 0
    if r4 > r3 goto out
    r5 = *(u8 *)(r2 +0)
    if r5 != ${byte} goto out
    r0 = 1
  out:
    exit
  `;
}
function isField(off: number, value: number): string {
  return `
    r2 = *(u32 *)(r1 +${off})
    r0 = 0
    if w2 != ${value} goto out
    r0 = 1
  out:
    exit
  `;
}
