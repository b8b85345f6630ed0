/** LD_ABS and LD_IND: sizes, ends of the packet, headers that negative offsets count from, the exit where there are no bytes. */
import { BPF_PROG_TYPE as T } from '../../../../src/uapi/prog-types.ts';
import type { RecordedRun } from '../recorded-run-cases.ts';

const SIZE = 60;
const TYPES = [
  ['socket filter', T.BPF_PROG_TYPE_SOCKET_FILTER],
  ['tc', T.BPF_PROG_TYPE_SCHED_CLS],
  ['cgroup_skb', T.BPF_PROG_TYPE_CGROUP_SKB],
] as const;
const SKF_AD_OFF = -0x1000;
const SKF_NET_OFF = -0x100000;
const SKF_LL_OFF = -0x200000;
const OFFSETS = [
  ...[0, 1, 14, 42, 43, 44, 45, 46, 56, 57, 58, 59, 60, 61, 0x7fffffff],
  ...[-1, -4, SKF_AD_OFF, SKF_AD_OFF + 4, SKF_AD_OFF - 1],
  ...[SKF_NET_OFF, SKF_NET_OFF + 8, SKF_NET_OFF + 42, SKF_NET_OFF + 43, SKF_NET_OFF + 45, SKF_NET_OFF + 46],
  ...[SKF_NET_OFF - 1, SKF_LL_OFF, SKF_LL_OFF + 12, SKF_LL_OFF + 56, SKF_LL_OFF + 57, SKF_LL_OFF + 59],
  ...[SKF_LL_OFF + 60, SKF_LL_OFF - 1, -0x80000000],
];
const WIDTHS = ['u8', 'u16', 'u32'] as const;

/** Stores r0 with a mark that it came so far. */
const keep = `
  r1 = map[out][0] ll
  *(u64 *)(r1 +0) = r0
  *(u64 *)(r1 +8) = 1
  r0 = 1
  exit
`;

function runs(): RecordedRun[] {
  const out: RecordedRun[] = [];
  for (const [type, progType] of TYPES)
    for (const width of WIDTHS)
      for (const off of OFFSETS) {
        const shared = { progType, data: SIZE, ethertype: 0x0800 };
        const name = `${type} ${width} at ${off}`;
        out.push({ ...shared, name: `ld_abs ${name}`, asm: `r6 = r1\nr0 = *(${width} *)skb[${off}]\n${keep}` });
        if (type !== 'tc') continue;
        const load = `r0 = *(${width} *)skb[r7 + 2]`;
        out.push({ ...shared, name: `ld_ind ${name}`, asm: `r6 = r1\nr7 = ${off - 2} ll\n${load}\n${keep}` });
      }
  return out;
}

export const LD_ABS_RUNS: readonly RecordedRun[] = runs();
