/** Clocks: bpf_ktime_get_ns, _boot_ns, _coarse_ns, _tai_ns and bpf_jiffies64. */
import { timeWords } from '../run/cpu.ts';
import { toJiffies, toLastTick } from '../world/time/ticks.ts';
import { Frames, type HelperMaker } from './frame.ts';

/** bpf_ktime_get_ns. There is no suspend here: time since boot is the same. */
export const ktimeGetNs: HelperMaker = (env) => {
  const f = new Frames(env);
  const out = timeWords(env.mem, env.cpu.stack);
  const { clock } = env.time;
  return (frame) => {
    clock.monotonic(out);
    f.set64(frame, 0, out[0], out[1]);
  };
};

/** bpf_ktime_get_coarse_ns: as of the last tick. */
export const ktimeGetCoarseNs: HelperMaker = (env) => {
  const f = new Frames(env);
  const out = timeWords(env.mem, env.cpu.stack);
  const { clock } = env.time;
  return (frame) => {
    clock.monotonic(out);
    toLastTick(out);
    f.set64(frame, 0, out[0], out[1]);
  };
};

/** bpf_jiffies64 */
export const jiffies64: HelperMaker = (env) => {
  const f = new Frames(env);
  const out = timeWords(env.mem, env.cpu.stack);
  const { clock } = env.time;
  return (frame) => {
    clock.monotonic(out);
    toJiffies(out);
    f.set64(frame, 0, out[0], out[1]);
  };
};

/** bpf_ktime_get_tai_ns: wall-clock time; the kernel's TAI offset is 0 unless a time daemon set it. */
export const ktimeGetTaiNs: HelperMaker = (env) => {
  const f = new Frames(env);
  const out = timeWords(env.mem, env.cpu.stack);
  const { clock } = env.time;
  return (frame) => {
    clock.realtime(out);
    f.set64(frame, 0, out[0], out[1]);
  };
};
