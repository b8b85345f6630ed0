/** Test runs of programs on socket buffers, struct __sk_buff as context in and out (bpf_prog_test_run_skb). */
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_F_TEST_SKB_CHECKSUM_COMPLETE } from '../../uapi/flags.ts';
import { BPF_PROG_TYPE as T } from '../../uapi/prog-types.ts';
import { ETH_HLEN } from '../world/net/packet.ts';
import type { HookEnv } from './env.ts';
import type { LoadedProg } from '../object/prog.ts';
import { SKB_MAX_LINEAR, SkBuff } from '../world/net/sk-buff.ts';
import type { TestRun } from './test-run.ts';
import { ctxFinish, ctxInit, dataFinish, runRepeated } from './io.ts';

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
const MUST_BE_ZERO: readonly (readonly [number, number])[] = [
  [0, MD.mark],
  [MD.mark + 4, MD.priority],
  [MD.ifindex + 4, MD.cb],
  [MD.cb + 20, MD.tstamp],
  [MD.gsoSegs + 4, MD.gsoSize],
  [MD.gsoSize + 4, MD.hwtstamp],
];
const CB_LEN = 20;
const GSO_LEGACY_MAX_SIZE = 65536;
const GSO_MAX_SEGS = 65535;
const LOOPBACK_IFINDEX = 1;

/** Types whose programs see the Ethernet header. */
const L2_TYPES: ReadonlySet<number> = new Set([T.BPF_PROG_TYPE_SCHED_CLS, T.BPF_PROG_TYPE_SCHED_ACT]);

/** bpf_prog_test_run_skb. */
export function testRunSkb(env: HookEnv, prog: LoadedProg, test: TestRun): number {
  if ((test.flags ?? 0) & ~BPF_F_TEST_SKB_CHECKSUM_COMPLETE || test.cpu || test.batch_size) return -ERRNO.EINVAL;
  const input = test.data_in ?? new Uint8Array(0);
  if (input.length < ETH_HLEN || input.length > SKB_MAX_LINEAR) return -ERRNO.EINVAL;
  const ctx = ctxInit(test, SKB_MD_SIZE);
  if (typeof ctx === 'number') return ctx;
  const md = ctx && new DataView(ctx.buffer);
  const ifindex = md?.getUint32(MD.ifindex, true) ?? 0;
  const device = ifindex > LOOPBACK_IFINDEX ? env.devices.get(ifindex) : env.devices.loopback;
  if (device === undefined) return -ERRNO.ENODEV;
  const l2 = L2_TYPES.has(prog.verified.progType);
  const skb = new SkBuff(env);
  try {
    skb.load(input, device, l2);
    const refused = md === undefined ? 0 : fillFromMd(env, skb, md);
    if (refused < 0) return refused;
    runRepeated(env, prog, skb.addr, test);
    if (!l2) pushZeroHeader(env, skb);
    if (md !== undefined) fillMd(env, skb, md, device.ifindex);
    return dataFinish(test, [skb.packet()]) || ctxFinish(test, ctx);
  } finally {
    skb.dispose();
  }
}

/** The kernel gives non-L2 types a header of zeros in front of what they left. */
function pushZeroHeader(env: HookEnv, skb: SkBuff): void {
  if (skb.headroom < ETH_HLEN) return;
  skb.push(ETH_HLEN);
  env.mem.u8.fill(0, skb.data, skb.data + ETH_HLEN);
}

/** Takes what struct __sk_buff sets: 0 or -EINVAL (convert___skb_to_skb). */
function fillFromMd(env: HookEnv, skb: SkBuff, md: DataView): number {
  for (const [from, to] of MUST_BE_ZERO) for (let i = from; i < to; i++) if (md.getUint8(i) !== 0) return -ERRNO.EINVAL;
  const { view } = env.mem;
  const { addr, off } = skb;
  view.setUint32(addr + off.mark, md.getUint32(MD.mark, true), true);
  view.setUint32(addr + off.priority, md.getUint32(MD.priority, true), true);
  view.setUint32(addr + off.iif, md.getUint32(MD.ingressIfindex, true), true);
  for (let i = 0; i < 8; i += 4) view.setUint32(addr + off.tstamp + i, md.getUint32(MD.tstamp + i, true), true);
  for (let i = 0; i < CB_LEN; i++) view.setUint8(addr + off.cbData + i, md.getUint8(MD.cb + i));
  const wireLen = md.getUint32(MD.wireLen, true);
  if (wireLen !== 0 && (wireLen < skb.len || wireLen > GSO_LEGACY_MAX_SIZE)) return -ERRNO.EINVAL;
  view.setUint32(addr + off.cbPktLen, wireLen || skb.len, true);
  const gsoSegs = md.getUint32(MD.gsoSegs, true);
  if (gsoSegs > GSO_MAX_SEGS) return -ERRNO.EINVAL;
  const { shinfo } = skb;
  view.setUint16(shinfo + off.gsoSegs, gsoSegs, true);
  view.setUint16(shinfo + off.gsoSize, md.getUint32(MD.gsoSize, true), true);
  for (let i = 0; i < 8; i += 4) view.setUint32(shinfo + off.hwtstamp + i, md.getUint32(MD.hwtstamp + i, true), true);
  return 0;
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
