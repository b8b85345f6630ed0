/** Helpers for memory of processes beyond reads of the one that runs, which the core serves. */
import { ERRNO } from '../../../uapi/errno.ts';
import { BPF_PROG_TYPE } from '../../../uapi/prog-types.ts';
import { layoutsOf } from '../../run/env.ts';
import { PF } from '../../world/task/current.ts';
import { Frames, type HelperMaker } from '../frame.ts';

type ReadUser = (space: number, dst: number, n: number, lo: number, hi: number) => number;
type WriteUser = (space: number, lo: number, hi: number, src: number, n: number) => number;

/** bpf_copy_from_user_task(dst, size, user_ptr, task, flags): all of it, or none. A kernel thread has no memory. */
export const copyFromUserTask: HelperMaker = (env) => {
  const f = new Frames(env);
  const { i32, u8, u32 } = env.mem;
  const layouts = layoutsOf(env);
  const mm = layouts.struct('task_struct').offset('mm');
  const pgd = layouts.struct('mm_struct').offset('pgd');
  const readUser = env.core.read_user as ReadUser;
  const pointer = (at: number): number => (i32[(at >>> 2) + 1] === 0 ? u32[at >>> 2] : 0);
  return (frame) => {
    const [dst, size] = [f.u32(frame, 1), f.u32(frame, 2)];
    if (f.lo(frame, 5) !== 0 || f.hi(frame, 5) !== 0) return f.ret(frame, -ERRNO.EINVAL);
    if (size === 0) return f.ret(frame, 0);
    const space = pointer(f.u32(frame, 4) + mm);
    const record = space === 0 ? 0 : pointer(space + pgd);
    if (readUser(record, dst, size, f.lo(frame, 3), f.hi(frame, 3)) === 0) return f.ret(frame, 0);
    u8.fill(0, dst, dst + size);
    f.ret(frame, -ERRNO.EFAULT);
  };
};

/** bpf_probe_write_user(dst, src, len): what could be written before the first byte that cannot stays. */
export const probeWriteUser: HelperMaker = (env) => {
  const f = new Frames(env);
  const { current, mem, cpu } = env;
  const writeUser = env.core.write_user as WriteUser;
  return (frame) => {
    const interrupt = cpu.run.progType === BPF_PROG_TYPE.BPF_PROG_TYPE_PERF_EVENT;
    if (interrupt || (current.flags & (PF.KTHREAD | PF.EXITING)) !== 0) return f.ret(frame, -ERRNO.EPERM);
    const space = mem.u32[current.spaceWord >>> 2];
    const left = writeUser(space, f.lo(frame, 1), f.hi(frame, 1), f.u32(frame, 2), f.u32(frame, 3));
    f.ret(frame, left === 0 ? 0 : -ERRNO.EFAULT);
  };
};
