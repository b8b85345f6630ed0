/** A complete checksum of a test run's packet (BPF_F_TEST_SKB_CHECKSUM_COMPLETE): set before the program, and looked at after it. */
import type { SkBuff } from '../world/net/sk-buff.ts';
import { CHECKSUM_COMPLETE, SkbView } from '../world/net/packet.ts';
import type { HookEnv } from './env.ts';

/** Sum over the packet from its network header on. */
function sumOf(env: HookEnv, view: SkbView, skb: SkBuff): number {
  const from = view.get32(skb.addr, 'head') + view.get16(skb.addr, 'network_header');
  return env.checksum(from, skb.len - (from - skb.data));
}

/** The packet comes with its checksum. */
export function setChecksum(env: HookEnv, skb: SkBuff): void {
  const view = new SkbView(env.mem, skb.off);
  view.set32(skb.addr, 'csum', sumOf(env, view, skb));
  view.setIpSummed(skb.addr, CHECKSUM_COMPLETE);
}

/** Whether the program has kept it right. */
export function checksumHolds(env: HookEnv, skb: SkBuff): boolean {
  const view = new SkbView(env.mem, skb.off);
  return fold(view.get32(skb.addr, 'csum')) === fold(sumOf(env, view, skb));
}

function fold(sum: number): number {
  const once = (sum >>> 16) + (sum & 0xffff);
  return ((once >>> 16) + once) & 0xffff;
}
