/** bpf_spin_lock, bpf_spin_unlock, and per-CPU kernel variables. One thread runs: nobody else can hold a lock. */
import { Frames, type HelperMaker, simple } from './frame.ts';

/** bpf_spin_lock: the verifier allows one lock at a time, so a set word is left over from a run that was stopped. */
export const spinLock = simple((env) => (lock) => {
  env.mem.u32[lock >>> 2] = 1;
  return 0;
});

/** bpf_spin_unlock */
export const spinUnlock = simple((env) => (lock) => {
  env.mem.u32[lock >>> 2] = 0;
  return 0;
});

/** bpf_per_cpu_ptr(ptr, cpu): variables of this kernel exist once, so every CPU sees the same; NULL beyond the CPUs. */
export const perCpuPtr: HelperMaker = (env) => {
  const f = new Frames(env);
  return (frame) => f.retU32(frame, f.u32(frame, 2) < (env.nrCpus ?? 1) ? f.u32(frame, 1) : 0);
};

/** bpf_this_cpu_ptr(ptr) */
export const thisCpuPtr: HelperMaker = (env) => {
  const f = new Frames(env);
  return (frame) => f.retU32(frame, f.u32(frame, 1));
};
