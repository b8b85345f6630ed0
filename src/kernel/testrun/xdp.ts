/** Test runs of XDP programs: a page-sized frame, struct xdp_md as context in and out (bpf_prog_test_run_xdp). */
import { BPF_ATTACH_TYPE } from '../../uapi/attach-types.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_F_TEST_XDP_LIVE_FRAMES } from '../../uapi/flags.ts';
import { XDP_FRAME_SIZE } from '../world/net/packet.ts';
import { ETH_HLEN } from '../world/net/if-ether.ts';
import type { HookEnv } from './env.ts';
import type { LoadedProg } from '../object/prog.ts';
import type { TestRun } from './test-run.ts';
import { ctxFinish, ctxInit, dataFinish, invalid, runRepeated } from './io.ts';
import { XDP_MAX_LINEAR, XDP_PACKET_HEADROOM, XdpBuff } from '../world/net/xdp-buff.ts';

// struct xdp_md: u32 members by index.
const MD = { data: 0, dataEnd: 1, dataMeta: 2, ingressIfindex: 3, rxQueueIndex: 4, egressIfindex: 5 } as const;
const MD_SIZE = 24;
/** MAX_SKB_FRAGS pages behind the linear part. */
const MAX_FRAGS_SIZE = 17 * 4096;
/** sizeof(struct xdp_frame) must still fit before the metadata. */
const MAX_META = XDP_PACKET_HEADROOM - XDP_FRAME_SIZE;

/** bpf_prog_test_run_xdp; live frames are SCOPE 236. */
export function testRunXdp(env: HookEnv, prog: LoadedProg, test: TestRun): number {
  const attach = prog.verified.expectedAttachType;
  if (attach === BPF_ATTACH_TYPE.BPF_XDP_DEVMAP || attach === BPF_ATTACH_TYPE.BPF_XDP_CPUMAP) return -ERRNO.EINVAL;
  if (test.flags) {
    if (test.flags & ~BPF_F_TEST_XDP_LIVE_FRAMES) return -ERRNO.EINVAL;
    test.aborted = 'BPF_F_TEST_XDP_LIVE_FRAMES: frames that go on to devices are not simulated';
    return -ERRNO.EOPNOTSUPP;
  }
  if (test.batch_size) return -ERRNO.EINVAL;
  const ctx = ctxInit(test, MD_SIZE);
  if (typeof ctx === 'number') return ctx;
  const md = ctx && new Uint32Array(ctx.buffer);
  const input = test.data_in ?? new Uint8Array(0);
  const shape = packetShape(input.length, md, test);
  if (typeof shape === 'number') return shape;
  const rx = receiveQueue(env, md);
  if (typeof rx === 'number') return rx;
  if (input.length - shape.linear > MAX_FRAGS_SIZE) return -ERRNO.ENOMEM;
  const buff = new XdpBuff(env, XDP_MAX_LINEAR + input.length - shape.linear);
  try {
    buff.receiveOn(rx.device, rx.queue);
    buff.loadParts(input, shape.linear, shape.meta);
    runRepeated(env, prog, buff.addr, test);
    if (md !== undefined) {
      md[MD.data] = buff.data - buff.dataMeta;
      md[MD.dataEnd] = buff.dataEnd - buff.dataMeta;
    }
    const linear = env.mem.u8.subarray(buff.dataMeta, buff.dataEnd);
    return dataFinish(test, linear, buff.fragments()) || ctxFinish(test, ctx);
  } finally {
    buff.dispose();
  }
}

/** How much of the input is metadata and how much lies in the linear part, or -errno. */
function packetShape(
  size: number,
  md: Uint32Array | undefined,
  test: TestRun,
): { meta: number; linear: number } | number {
  const meta = md?.[MD.data] ?? 0;
  const end = md?.[MD.dataEnd] ?? size;
  if (md !== undefined) {
    if (md[MD.dataMeta] !== 0) return invalid(test, 'xdp_md.data_meta must be 0');
    if (end > size || meta > end)
      return invalid(test, `xdp_md.data and data_end lie in this order within the ${size} bytes of the packet`);
    if ((meta & 3) !== 0 || meta > MAX_META)
      return invalid(test, `xdp_md.data, the size of the metadata, is a multiple of 4 up to ${MAX_META}`);
  }
  if (size - meta < ETH_HLEN) return invalid(test, `a packet has at least ${ETH_HLEN} bytes`);
  return { meta, linear: Math.min(end, XDP_MAX_LINEAR + meta) };
}

/** The receive queue that xdp_md names, or the loopback device's (xdp_convert_md_to_buff). */
function receiveQueue(env: HookEnv, md: Uint32Array | undefined) {
  const { devices } = env;
  if (md === undefined) return { device: devices.loopback, queue: 0 };
  if (md[MD.egressIfindex] !== 0) return -ERRNO.EINVAL;
  const queue = md[MD.rxQueueIndex];
  if (md[MD.ingressIfindex] === 0) return queue === 0 ? { device: devices.loopback, queue } : -ERRNO.EINVAL;
  const device = devices.get(md[MD.ingressIfindex]);
  if (device === undefined) return -ERRNO.ENODEV;
  return queue < device.rxQueues ? { device, queue } : -ERRNO.EINVAL;
}
