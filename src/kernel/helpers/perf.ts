/** bpf_perf_event_output: samples to the sinks of a perf event array; packet programs may append packet bytes. */
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_F_CTXLEN_MASK_HI, BPF_F_CURRENT_CPU } from '../../uapi/flags.ts';
import { BPF_PROG_TYPE as T } from '../../uapi/prog-types.ts';
import type { PerfEventArrayMap } from '../maps/perf-event-array.ts';
import type { HelperEnv } from '../run/env.ts';
import { Frames, type HelperMaker } from './frame.ts';
import { SkbView, skbOffsets, type XdpOffsets, xdpOffsets } from '../world/net/packet.ts';
import { layoutsOf } from '../run/env.ts';

const SKB_TYPES: ReadonlySet<number> = new Set([
  T.BPF_PROG_TYPE_SOCKET_FILTER,
  T.BPF_PROG_TYPE_SCHED_CLS,
  T.BPF_PROG_TYPE_SCHED_ACT,
  T.BPF_PROG_TYPE_CGROUP_SKB,
  T.BPF_PROG_TYPE_LWT_IN,
  T.BPF_PROG_TYPE_LWT_OUT,
  T.BPF_PROG_TYPE_LWT_XMIT,
  T.BPF_PROG_TYPE_SK_SKB,
]);

/** Where the packet of a packet program's context lies: address and length. Layouts are read when first needed. */
function packetFinder(env: HelperEnv): (ctx: number) => readonly [number, number] {
  let skb: SkbView | undefined;
  let xdp: XdpOffsets | undefined;
  const { view } = env.mem;
  return (ctx) => {
    if (SKB_TYPES.has(env.run.progType)) {
      skb ??= new SkbView(env.mem, skbOffsets(layoutsOf(env)));
      return [skb.get32(ctx, 'data'), skb.headlen(ctx)];
    }
    xdp ??= xdpOffsets(layoutsOf(env));
    const data = view.getUint32(ctx + xdp.data, true);
    return [data, view.getUint32(ctx + xdp.data_end, true) - data];
  };
}

/** bpf_perf_event_output(ctx, map, flags, data, size): index in the low half of flags, packet bytes to append in the high. */
export const perfEventOutput: HelperMaker = (env) => {
  const f = new Frames(env);
  const find = packetFinder(env);
  const { u8 } = env.mem;
  return (frame) => {
    const ctx = f.u32(frame, 1);
    const map = env.mapAt(f.u32(frame, 2)) as PerfEventArrayMap;
    const index = f.u32(frame, 3);
    const high = f.hi(frame, 3) >>> 0;
    const data = f.u32(frame, 4);
    const size = f.u32(frame, 5);
    const packets = env.run.progType === T.BPF_PROG_TYPE_XDP || SKB_TYPES.has(env.run.progType);
    if (high & ~(packets ? BPF_F_CTXLEN_MASK_HI : 0)) return f.ret(frame, -ERRNO.EINVAL);
    let sample = u8.slice(data, data + size);
    if (high) {
      const [start, length] = find(ctx);
      if (high > length) return f.ret(frame, -ERRNO.EFAULT);
      const longer = new Uint8Array(size + high);
      longer.set(sample);
      longer.set(u8.subarray(start, start + high), size);
      sample = longer;
    }
    const { cpu } = env.run;
    f.ret(frame, map.output(index === BPF_F_CURRENT_CPU ? cpu : index, sample, cpu));
  };
};
