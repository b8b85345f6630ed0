/** Test runs of programs on socket buffers, struct __sk_buff as context in and out (bpf_prog_test_run_skb). */
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_F_TEST_SKB_CHECKSUM_COMPLETE } from '../../uapi/flags.ts';
import { checksumHolds, setChecksum } from './skb-checksum.ts';
import { packetKind } from '../rules/packet.ts';
import { ETH_HLEN } from '../world/net/if-ether.ts';
import type { CtxField } from '../rules/rows/ctx/row.ts';
import { SK_BUFF } from '../rules/rows/ctx/sk-buff.ts';
import type { HookEnv } from './env.ts';
import type { LoadedProg } from '../object/prog.ts';
import { SKB_MAX_LINEAR, SkBuff } from '../world/net/sk-buff.ts';
import type { TestRun } from './test-run.ts';
import { ctxFinish, ctxInit, dataFinish, invalid, runRepeated } from './io.ts';

/** sizeof(struct __sk_buff), and the members that a caller may set. */
const SKB_MD_SIZE = 192;
const MD = {
  mark: 8,
  priority: 32,
  ingressIfindex: 36,
  ifindex: 40,
  cb: 48,
  tstamp: 152,
  wireLen: 160,
  gsoSegs: 164,
  gsoSize: 176,
  hwtstamp: 184,
} as const;
/** Byte ranges of struct __sk_buff that must be zero on input. */
const MUST_BE_ZERO: readonly (readonly [from: number, to: number])[] = [
  [0, MD.mark],
  [MD.mark + 4, MD.priority],
  [MD.ifindex + 4, MD.cb],
  [MD.cb + 20, MD.tstamp],
  [MD.gsoSegs + 4, MD.gsoSize],
  [MD.gsoSize + 4, MD.hwtstamp],
];
const SETTABLE = [
  ...['mark', 'priority', 'ingress_ifindex', 'ifindex', 'cb', 'tstamp'],
  ...['wire_len', 'gso_segs', 'gso_size', 'hwtstamp'],
];
const CB_LEN = 20;
const GSO_LEGACY_MAX_SIZE = 65536;
const GSO_MAX_SEGS = 65535;
const LOOPBACK_IFINDEX = 1;

/** Bytes of the network header that a packet must have, by EtherType. */
const IP_HEADERS: ReadonlyMap<number, number> = new Map([
  [0x0800, 20],
  [0x86dd, 40],
]);

/** bpf_prog_test_run_skb. */
export function testRunSkb(env: HookEnv, prog: LoadedProg, test: TestRun): number {
  if ((test.flags ?? 0) & ~BPF_F_TEST_SKB_CHECKSUM_COMPLETE || test.cpu || test.batch_size) return -ERRNO.EINVAL;
  const input = test.data_in ?? new Uint8Array(0);
  if (input.length < ETH_HLEN) return invalid(test, `a packet has at least ${ETH_HLEN} bytes`);
  if (input.length > SKB_MAX_LINEAR) return -ERRNO.EINVAL;
  const ctx = ctxInit(test, SKB_MD_SIZE);
  if (typeof ctx === 'number') return ctx;
  const md = ctx && new DataView(ctx.buffer);
  const ifindex = md?.getUint32(MD.ifindex, true) ?? 0;
  const device = ifindex > LOOPBACK_IFINDEX ? env.devices.get(ifindex) : env.devices.loopback;
  if (device === undefined) return -ERRNO.ENODEV;
  const header = IP_HEADERS.get((input[12] << 8) | input[13]) ?? 0;
  if (input.length < ETH_HLEN + header) return invalid(test, `an IP packet has at least ${ETH_HLEN + header} bytes`);
  const l2 = packetKind(prog.verified.progType) === 'l2';
  const skb = new SkBuff(env);
  try {
    skb.load(input, device, l2);
    const refused = fillFromMd(env, skb, md, test);
    if (refused < 0) return refused;
    const complete = ((test.flags ?? 0) & BPF_F_TEST_SKB_CHECKSUM_COMPLETE) !== 0;
    if (complete) setChecksum(env, skb);
    runRepeated(env, prog, skb.addr, test);
    // Types that do not see it get a header of zeros in front of what they left.
    if (!l2 && !skb.pushZeros(ETH_HLEN)) return -ERRNO.ENOMEM;
    if (complete && !checksumHolds(env, skb)) return -ERRNO.EBADMSG;
    if (md !== undefined) fillMd(env, skb, md, device.ifindex);
    return dataFinish(test, skb.packet()) || ctxFinish(test, ctx);
  } finally {
    skb.dispose();
  }
}

/** Takes what struct __sk_buff sets: 0 or -EINVAL (convert___skb_to_skb). Without one nobody says how long the packet was on the wire. */
function fillFromMd(env: HookEnv, skb: SkBuff, md: DataView | undefined, test: TestRun): number {
  if (md === undefined) {
    env.mem.view.setUint32(skb.addr + skb.off.cbPktLen, 0, true);
    return 0;
  }
  for (const [from, to] of MUST_BE_ZERO)
    for (let i = from; i < to; i++) if (md.getUint8(i) !== 0) return invalid(test, notSettable(i));
  const { view } = env.mem;
  const { addr, off } = skb;
  view.setUint32(addr + off.mark, md.getUint32(MD.mark, true), true);
  view.setUint32(addr + off.priority, md.getUint32(MD.priority, true), true);
  view.setUint32(addr + off.iif, md.getUint32(MD.ingressIfindex, true), true);
  for (let i = 0; i < 8; i += 4) view.setUint32(addr + off.tstamp + i, md.getUint32(MD.tstamp + i, true), true);
  for (let i = 0; i < CB_LEN; i++) view.setUint8(addr + off.cbData + i, md.getUint8(MD.cb + i));
  const wireLen = md.getUint32(MD.wireLen, true);
  if (wireLen !== 0 && (wireLen < skb.len || wireLen > GSO_LEGACY_MAX_SIZE))
    return invalid(test, `__sk_buff.wire_len is 0 or between ${skb.len} and ${GSO_LEGACY_MAX_SIZE}`);
  view.setUint32(addr + off.cbPktLen, wireLen || skb.len, true);
  const gsoSegs = md.getUint32(MD.gsoSegs, true);
  if (gsoSegs > GSO_MAX_SEGS) return invalid(test, `__sk_buff.gso_segs is at most ${GSO_MAX_SEGS}`);
  const { shinfo } = skb;
  view.setUint16(shinfo + off.gsoSegs, gsoSegs, true);
  view.setUint16(shinfo + off.gsoSize, md.getUint32(MD.gsoSize, true), true);
  for (let i = 0; i < 8; i += 4) view.setUint32(shinfo + off.hwtstamp + i, md.getUint32(MD.hwtstamp + i, true), true);
  return 0;
}

/** Names the field of struct __sk_buff at an offset, and those that may be set. */
function notSettable(at: number): string {
  const found = Object.entries<CtxField>(SK_BUFF.fields).find(([, { off, size }]) => at >= off && at < off + size);
  const name =
    found === undefined ? `byte ${at} of struct __sk_buff` : `__sk_buff.${found[0]} (offset ${found[1].off})`;
  return `${name} must be 0: only ${SETTABLE.join(', ')} may be set`;
}

/** Tells what the program left in the fields that struct __sk_buff shows (convert_skb_to___skb). */
function fillMd(env: HookEnv, skb: SkBuff, md: DataView, ifindex: number): void {
  const { view } = env.mem;
  const { addr, off } = skb;
  md.setUint32(MD.mark, view.getUint32(addr + off.mark, true), true);
  md.setUint32(MD.priority, view.getUint32(addr + off.priority, true), true);
  md.setUint32(MD.ingressIfindex, view.getUint32(addr + off.iif, true), true);
  md.setUint32(MD.ifindex, ifindex, true);
  for (let i = 0; i < 8; i += 4) md.setUint32(MD.tstamp + i, view.getUint32(addr + off.tstamp + i, true), true);
  for (let i = 0; i < CB_LEN; i++) md.setUint8(MD.cb + i, view.getUint8(addr + off.cbData + i));
  md.setUint32(MD.wireLen, view.getUint32(addr + off.cbPktLen, true), true);
  md.setUint32(MD.gsoSegs, view.getUint16(skb.shinfo + off.gsoSegs, true), true);
  for (let i = 0; i < 8; i += 4)
    md.setUint32(MD.hwtstamp + i, view.getUint32(skb.shinfo + off.hwtstamp + i, true), true);
}
