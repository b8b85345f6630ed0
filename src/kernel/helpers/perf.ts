/** bpf_perf_event_output: samples to the rings of a perf event array; packet programs may append packet bytes. */
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_F_CTXLEN_MASK_HI, BPF_F_CURRENT_CPU } from '../../uapi/flags.ts';
import { hasSkb, packetKind } from '../rules/packet.ts';
import { perfOutput } from '../maps/perf-event-array.ts';
import type { RingMemory } from '../maps/perf-ring.ts';
import type { HelperEnv } from '../run/env.ts';
import { Frames, type HelperMaker } from './frame.ts';
import { SkbView, skbOffsets, xdpOffsets } from '../world/net/packet.ts';
import { layoutsOf } from '../run/env.ts';
import { XdpFrags } from '../world/net/xdp-frags.ts';

/** Copies the first bytes of a packet program's packet; undefined when it is shorter. Layouts are read when first needed. */
function packetCopier(env: HelperEnv): (ctx: number, length: number) => Uint8Array | undefined {
  let skb: SkbView | undefined;
  let xdp: { readonly data: number; readonly frags: XdpFrags } | undefined;
  const { view, u8 } = env.mem;
  return (ctx, length) => {
    if (hasSkb(env.cpu.run.progType)) {
      skb ??= new SkbView(env.mem, skbOffsets(layoutsOf(env)));
      const data = skb.get32(ctx, 'data');
      return length > skb.headlen(ctx) ? undefined : u8.subarray(data, data + length);
    }
    const layouts = layoutsOf(env);
    xdp ??= { data: xdpOffsets(layouts).data, frags: new XdpFrags(env.mem, layouts) };
    if (length > xdp.frags.length(ctx)) return undefined;
    return xdp.frags.copy(ctx, view.getUint32(ctx + xdp.data, true), length);
  };
}

/** bpf_perf_event_output(ctx, map, flags, data, size): index in the low half of flags, packet bytes to append in the high. */
export const perfEventOutput: HelperMaker = (env) => {
  const f = new Frames(env);
  const copy = packetCopier(env);
  const memory = { mem: env.mem, copy: env.core.mem_copy as unknown as RingMemory['copy'] };
  return (frame) => {
    const ctx = f.u32(frame, 1);
    const map = f.u32(frame, 2);
    const index = f.u32(frame, 3);
    const high = f.hi(frame, 3) >>> 0;
    const data = f.u32(frame, 4);
    const size = f.u32(frame, 5);
    const { progType } = env.cpu.run;
    const packets = hasSkb(progType) || packetKind(progType) === 'xdp';
    if (high & ~(packets ? BPF_F_CTXLEN_MASK_HI : 0)) return f.ret(frame, -ERRNO.EINVAL);
    const packet = high ? copy(ctx, high) : undefined;
    if (high && packet === undefined) return f.ret(frame, -ERRNO.EFAULT);
    const at = index === BPF_F_CURRENT_CPU ? env.cpu.id : index;
    f.ret(frame, perfOutput(memory, map, at, { data, size, packet }));
  };
};
