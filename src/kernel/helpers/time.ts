/** Clocks: bpf_ktime_get_ns, _boot_ns, _coarse_ns, _tai_ns and bpf_jiffies64. */
import { Frames, type HelperMaker } from './frame.ts';

const TWO_32 = 0x1_0000_0000;
/** CONFIG_HZ of Debian's and most other x86_64 kernels. */
export const HZ = 250;
const TICK_NS = 1e9 / HZ;
/** jiffies_64 starts five minutes before its low half wraps. */
const INITIAL_JIFFIES = (-300 * HZ) >>> 0;

/** bpf_ktime_get_ns. There is no suspend here: time since boot is the same. */
export const ktimeGetNs: HelperMaker = (env) => {
  const f = new Frames(env);
  const out = new Int32Array(2);
  return (frame) => {
    env.host.ktimeNs(out);
    f.set64(frame, 0, out[0] as number, out[1] as number);
  };
};

/** bpf_ktime_get_coarse_ns: as of the last tick. */
export const ktimeGetCoarseNs: HelperMaker = (env) => {
  const f = new Frames(env);
  const out = new Int32Array(2);
  return (frame) => {
    env.host.ktimeNs(out);
    const lo = (out[0] as number) >>> 0;
    const hi = (out[1] as number) >>> 0;
    const since = ((((hi % TICK_NS) * (TWO_32 % TICK_NS)) % TICK_NS) + lo) % TICK_NS;
    f.set64(frame, 0, (lo - since) | 0, lo >= since ? hi : hi - 1);
  };
};

/** bpf_jiffies64 */
export const jiffies64: HelperMaker = (env) => {
  const f = new Frames(env);
  const out = new Int32Array(2);
  return (frame) => {
    env.host.ktimeNs(out);
    const ns = ((out[1] as number) >>> 0) * TWO_32 + ((out[0] as number) >>> 0);
    const jiffies = INITIAL_JIFFIES + Math.floor(ns / TICK_NS);
    f.set64(frame, 0, (jiffies % TWO_32) | 0, Math.floor(jiffies / TWO_32));
  };
};

/** bpf_ktime_get_tai_ns: wall-clock time; the kernel's TAI offset is 0 unless a time daemon set it. */
export const ktimeGetTaiNs: HelperMaker = (env) => {
  const f = new Frames(env);
  const out = new Int32Array(2);
  return (frame) => {
    if (env.host.realtimeNs) env.host.realtimeNs(out);
    else {
      const ns = Date.now() * 1e6;
      out[0] = (ns % TWO_32) | 0;
      out[1] = Math.floor(ns / TWO_32) | 0;
    }
    f.set64(frame, 0, out[0] as number, out[1] as number);
  };
};
