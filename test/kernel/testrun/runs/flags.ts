/** 64-bit arguments of helpers: values whose low halves are good and whose upper halves are not. */
import { BPF_PROG_TYPE as T } from '../../../../src/uapi/prog-types.ts';
import type { RecordedRun } from '../recorded-run-cases.ts';

const { BPF_PROG_TYPE_SCHED_CLS: TC, BPF_PROG_TYPE_XDP: XDP } = T;
const FLAGS = ['0', '0x100000000', '0x8000000000000000', '0x100000001', '0xffffffff00000000', '1', '2', '4'];

/** `fp - 8` holds 1 (a key), `fp - 16` 5 (a value), `fp - 32` two zeros (room). */
const SETUP = `
  r6 = r1
  *(u64 *)(r10 -8) = 1
  *(u64 *)(r10 -16) = 5
  *(u64 *)(r10 -24) = 0
  *(u64 *)(r10 -32) = 0
`;
const KEY = 'r2 = r10\nr2 += -8';
const VALUE = 'r3 = r10\nr3 += -16';

interface Call {
  readonly name: string;
  readonly progType?: number;
  /** All arguments but the wide one, the number of which is `wide`. */
  readonly args: string;
  readonly wide: number;
  readonly helper: string;
  /** What uses the result where it is no number. */
  readonly after?: string;
}

const keyed = (map: string): string => `r1 = map[${map}] ll\n${KEY}\n${VALUE}`;
const pushed = (map: string): string => `r1 = map[${map}] ll\nr2 = r10\nr2 += -16`;
const RESERVED = `
  if r0 == 0 goto none
  r1 = r0
  r2 = 0
  call bpf_ringbuf_discard
  r0 = 77
none:
`;
const CALLS: readonly Call[] = [
  ...['array', 'hash', 'lru', 'lpm', 'percpu_array', 'percpu_hash'].map((map) => ({
    name: `map_update_elem of ${map}`,
    args: keyed(map),
    wide: 4,
    helper: 'bpf_map_update_elem',
  })),
  ...['queue', 'stack', 'bloom'].map((map) => ({
    name: `map_push_elem of ${map}`,
    args: pushed(map),
    wide: 3,
    helper: 'bpf_map_push_elem',
  })),
  { name: 'ringbuf_output', args: `${pushed('ring')}\nr3 = 8`, wide: 4, helper: 'bpf_ringbuf_output' },
  {
    name: 'ringbuf_reserve',
    args: 'r1 = map[ring] ll\nr2 = 8',
    wide: 3,
    helper: 'bpf_ringbuf_reserve',
    after: RESERVED,
  },
  { name: 'ringbuf_query', args: 'r1 = map[ring] ll', wide: 2, helper: 'bpf_ringbuf_query' },
  {
    name: 'perf_event_output',
    args: 'r1 = r6\nr2 = map[perf] ll\nr4 = r10\nr4 += -16\nr5 = 8',
    wide: 3,
    helper: 'bpf_perf_event_output',
  },
  {
    name: 'skb_store_bytes',
    args: 'r1 = r6\nr2 = 0\nr3 = r10\nr3 += -16\nr4 = 8',
    wide: 5,
    helper: 'bpf_skb_store_bytes',
  },
  { name: 'skb_change_tail', args: 'r1 = r6\nr2 = 80', wide: 3, helper: 'bpf_skb_change_tail' },
  { name: 'skb_change_head', args: 'r1 = r6\nr2 = 8', wide: 3, helper: 'bpf_skb_change_head' },
  { name: 'skb_change_proto', args: 'r1 = r6\nr2 = 0xdd86', wide: 3, helper: 'bpf_skb_change_proto' },
  { name: 'l3_csum_replace flags', args: 'r1 = r6\nr2 = 24\nr3 = 0\nr4 = 7', wide: 5, helper: 'bpf_l3_csum_replace' },
  { name: 'l4_csum_replace flags', args: 'r1 = r6\nr2 = 40\nr3 = 0\nr4 = 7', wide: 5, helper: 'bpf_l4_csum_replace' },
  ...[0, 2, 4].flatMap((size) => [
    {
      name: `l3_csum_replace from, size ${size}`,
      args: `r1 = r6\nr2 = 24\nr4 = 7\nr5 = ${size}`,
      wide: 3,
      helper: 'bpf_l3_csum_replace',
    },
    {
      name: `l3_csum_replace to, size ${size}`,
      args: `r1 = r6\nr2 = 24\nr3 = 0\nr5 = ${size}`,
      wide: 4,
      helper: 'bpf_l3_csum_replace',
    },
    {
      name: `l4_csum_replace from, size ${size}`,
      args: `r1 = r6\nr2 = 40\nr4 = 7\nr5 = ${size}`,
      wide: 3,
      helper: 'bpf_l4_csum_replace',
    },
    {
      name: `l4_csum_replace to, size ${size}`,
      args: `r1 = r6\nr2 = 40\nr3 = 0\nr5 = ${size}`,
      wide: 4,
      helper: 'bpf_l4_csum_replace',
    },
  ]),
  { name: 'csum_level', args: 'r1 = r6', wide: 2, helper: 'bpf_csum_level' },
  {
    name: 'check_mtu',
    args: 'r1 = r6\nr2 = 0\nr3 = r10\nr3 += -32\nr4 = 0',
    wide: 5,
    helper: 'bpf_check_mtu',
  },
  { name: 'redirect', args: 'r1 = 1', wide: 2, helper: 'bpf_redirect' },
  { name: 'redirect of xdp', progType: XDP, args: 'r1 = 1', wide: 2, helper: 'bpf_redirect' },
  { name: 'redirect_peer', args: 'r1 = 1', wide: 2, helper: 'bpf_redirect_peer' },
  { name: 'redirect_neigh', args: 'r1 = 1\nr2 = 0\nr3 = 0', wide: 4, helper: 'bpf_redirect_neigh' },
  {
    name: 'redirect_map flags',
    progType: XDP,
    args: 'r1 = map[devmap] ll\nr2 = 0',
    wide: 3,
    helper: 'bpf_redirect_map',
  },
  {
    name: 'redirect_map key',
    progType: XDP,
    args: 'r1 = map[devmap] ll\nr3 = 2',
    wide: 2,
    helper: 'bpf_redirect_map',
  },
  { name: 'clone_redirect', args: 'r1 = r6\nr2 = 0', wide: 3, helper: 'bpf_clone_redirect' },
  { name: 'skb_adjust_room', args: 'r1 = r6\nr2 = 4\nr3 = 0', wide: 4, helper: 'bpf_skb_adjust_room' },
  {
    name: 'strtol',
    args: 'r1 = r10\nr1 += -16\nr2 = 8\nr4 = r10\nr4 += -32',
    wide: 3,
    helper: 'bpf_strtol',
  },
];

export const FLAG_RUNS: readonly RecordedRun[] = CALLS.flatMap((call) =>
  FLAGS.map((flags) => ({
    name: `${call.name}, ${flags}`,
    progType: call.progType ?? TC,
    data: 64,
    ethertype: 0x0800,
    asm: `
      ${SETUP}
      ${call.args}
      r${call.wide} = ${flags} ll
      call ${call.helper}
      ${call.after ?? ''}
      r1 = map[out][0] ll
      *(u64 *)(r1 +0) = r0
      r0 = 0
      exit
    `,
  })),
);
