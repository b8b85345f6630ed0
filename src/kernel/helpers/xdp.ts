/** XDP helpers that move a packet's ends: bpf_xdp_adjust_head, _meta, _tail. */
import { ERRNO } from '../../uapi/errno.ts';
import type { HelperEnv } from '../run/env.ts';
import { Frames, type HelperMaker } from './frame.ts';
import { SHARED_INFO_SIZE, XDP_FRAME_SIZE, xdpOffsets } from '../world/net/packet.ts';
import { ETH_HLEN } from '../world/net/if-ether.ts';
import { layoutsOf } from '../run/env.ts';
import { XdpFrags } from '../world/net/xdp-frags.ts';

/** skb_shared_info.meta_len is one byte. */
const META_MAX = 255;

/** Word accessors of one xdp_buff layout. */
function xdpWords(env: HelperEnv) {
  const off = xdpOffsets(layoutsOf(env));
  const u32 = env.mem.u32;
  const u8 = env.mem.u8;
  const word = (field: keyof typeof off) => (xdp: number) => (xdp + off[field]) >>> 2;
  return {
    frags: new XdpFrags(env.mem, layoutsOf(env)),
    u32,
    u8,
    data: word('data'),
    dataEnd: word('data_end'),
    dataMeta: word('data_meta'),
    hardStart: word('data_hard_start'),
    frameSize: word('frame_sz'),
  };
}

type Words = ReturnType<typeof xdpWords>;

function maker(fn: (x: Words, xdp: number, offset: number) => number): HelperMaker {
  return (env) => {
    const f = new Frames(env);
    const words = xdpWords(env);
    return (frame) => f.ret(frame, fn(words, f.u32(frame, 1), f.lo(frame, 2)));
  };
}

const at = (x: Words, index: number): number => x.u32[index];
/** A driver without metadata support leaves data_meta behind data. */
const noMeta = (x: Words, xdp: number): boolean => at(x, x.dataMeta(xdp)) > at(x, x.data(xdp));

/** bpf_xdp_adjust_head */
export const xdpAdjustHead = maker((x, xdp, offset) => {
  const meta = at(x, x.dataMeta(xdp));
  const old = at(x, x.data(xdp));
  const metaLen = noMeta(x, xdp) ? 0 : old - meta;
  const lowest = at(x, x.hardStart(xdp)) + XDP_FRAME_SIZE + metaLen;
  const data = old + offset;
  if (data < lowest || data > at(x, x.dataEnd(xdp)) - ETH_HLEN) return -ERRNO.EINVAL;
  if (metaLen) x.u8.copyWithin(meta + offset, meta, meta + metaLen);
  x.u32[x.dataMeta(xdp)] = meta + offset;
  x.u32[x.data(xdp)] = data;
  return 0;
});

/** bpf_xdp_adjust_meta */
export const xdpAdjustMeta = maker((x, xdp, offset) => {
  if (noMeta(x, xdp)) return -ERRNO.ENOTSUPP;
  const meta = at(x, x.dataMeta(xdp)) + offset;
  const data = at(x, x.data(xdp));
  if (meta < at(x, x.hardStart(xdp)) + XDP_FRAME_SIZE || meta > data) return -ERRNO.EINVAL;
  const length = data - meta;
  if (length & 3 || length > META_MAX) return -ERRNO.EACCES;
  x.u32[x.dataMeta(xdp)] = meta;
  return 0;
});

/** bpf_xdp_adjust_tail: of a packet in fragments the last one grows in its page, and those that become empty are let go. */
export const xdpAdjustTail = maker((x, xdp, offset) => {
  if (x.frags.has(xdp)) {
    if (offset >= 0) return x.frags.grow(xdp, offset) ? 0 : -ERRNO.EINVAL;
    if (-offset > x.frags.length(xdp) - ETH_HLEN) return -ERRNO.EINVAL;
    x.u32[x.dataEnd(xdp)] -= x.frags.shrink(xdp, -offset);
    return 0;
  }
  const limit = at(x, x.hardStart(xdp)) + at(x, x.frameSize(xdp)) - SHARED_INFO_SIZE;
  const old = at(x, x.dataEnd(xdp));
  const end = old + offset;
  if (end > limit || end < at(x, x.data(xdp)) + ETH_HLEN) return -ERRNO.EINVAL;
  if (offset > 0) x.u8.fill(0, old, end);
  x.u32[x.dataEnd(xdp)] = end;
  return 0;
});
