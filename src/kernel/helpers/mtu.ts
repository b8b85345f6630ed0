/** bpf_check_mtu: whether a packet fits the device that it came from or another. */
import { ERRNO } from '../../uapi/errno.ts';
import { packetKind } from '../rules/packet.ts';
import { type HelperMaker, Frames } from './frame.ts';
import { SkbView, skbOffsets, xdpOffsets } from '../world/net/packet.ts';
import { ETH_HLEN } from '../world/net/if-ether.ts';
import { layoutsOf } from '../run/env.ts';

const BPF_MTU_CHK_SEGS = 1;
const BPF_MTU_CHK_RET_FRAG_NEEDED = 1;

/** bpf_check_mtu(ctx, ifindex, mtu_len, len_diff, flags). Devices other than the packet's own are not known here (SCOPE 113). */
export const checkMtu: HelperMaker = (env) => {
  const f = new Frames(env);
  const layouts = layoutsOf(env);
  const skb = new SkbView(env.mem, skbOffsets(layouts));
  const xdp = xdpOffsets(layouts);
  const dev = layouts.struct('net_device');
  const rxqDev = layouts.struct('xdp_rxq_info').offset('dev');
  const { view } = env.mem;
  const word = (addr: number): number => view.getUint32(addr, true);
  return (frame) => {
    const ctx = f.u32(frame, 1);
    const ifindex = f.u32(frame, 2);
    const mtuLen = f.u32(frame, 3);
    const isXdp = packetKind(env.cpu.run.progType) === 'xdp';
    const flags = f.u32(frame, 5);
    if (f.hi(frame, 5) !== 0 || flags & ~(isXdp ? 0 : BPF_MTU_CHK_SEGS)) return f.ret(frame, -ERRNO.EINVAL);
    const asked = word(mtuLen);
    if (flags && (f.lo(frame, 4) !== 0 || asked !== 0)) return f.ret(frame, -ERRNO.EINVAL);
    const device = isXdp ? word(word(ctx + xdp.rxq) + rxqDev) : skb.get32(ctx, 'dev');
    if (device === 0 || (ifindex !== 0 && word(device + dev.offset('ifindex')) !== ifindex)) {
      return f.ret(frame, -ERRNO.ENODEV);
    }
    const mtu = word(device + dev.offset('mtu'));
    const own = isXdp ? word(ctx + xdp.data_end) - word(ctx + xdp.data) : skb.get32(ctx, 'len');
    const length = (asked ? asked + ETH_HLEN : own) + f.lo(frame, 4);
    view.setUint32(mtuLen, mtu, true);
    f.ret(frame, length <= mtu + ETH_HLEN ? 0 : BPF_MTU_CHK_RET_FRAG_NEEDED);
  };
};
