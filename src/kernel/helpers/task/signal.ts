/** Helpers that send signals to the task that runs, and the registers that it entered the kernel with. */
import { ERRNO } from '../../../uapi/errno.ts';
import { BPF_PROG_TYPE } from '../../../uapi/prog-types.ts';
import { NotSimulated } from '../../../util/errors.ts';
import { layoutsOf } from '../../run/env.ts';
import { PF } from '../../world/task/current.ts';
import { postSignal, SIGNALS } from '../../world/task/signals.ts';
import { KERNEL_STACK } from '../../world/task/kernel-stack.ts';
import { Frames, type HelperMaker } from '../frame.ts';

/** @param where the record that gets it, of the task's own and its group's */
function sender(where: 'threadSignals' | 'groupSignals'): HelperMaker {
  return (env) => {
    const f = new Frames(env);
    const { current, mem, cpu } = env;
    return (frame) => {
      const signal = f.u32(frame, 1);
      if ((current.flags & (PF.KTHREAD | PF.EXITING)) !== 0 || current.tgid === 1) return f.ret(frame, -ERRNO.EPERM);
      if (signal > SIGNALS) return f.ret(frame, -ERRNO.EINVAL);
      // In an interrupt it waits for the end of that, and there is room for one.
      if (cpu.run.progType === BPF_PROG_TYPE.BPF_PROG_TYPE_PERF_EVENT) {
        if (cpu.run.signalled) return f.ret(frame, -ERRNO.EBUSY);
        cpu.run.signalled = true;
      }
      postSignal(mem, current[where], signal, current.threadSignals);
      f.ret(frame, 0);
    };
  };
}

/** bpf_send_signal(sig): to any thread of its group. */
export const sendSignal = sender('groupSignals');

/** bpf_send_signal_thread(sig): to itself. */
export const sendSignalThread = sender('threadSignals');

/** bpf_task_pt_regs(task): they lie at the upper end of its kernel stack. */
export const taskPtRegs: HelperMaker = (env) => {
  const f = new Frames(env);
  const { u32 } = env.mem;
  const layouts = layoutsOf(env);
  const task = layouts.struct('task_struct');
  const [stack, pid] = [task.offset('stack'), task.offset('pid')];
  const { size } = layouts.struct('pt_regs');
  return (frame) => {
    const at = f.u32(frame, 1);
    const base = u32[(at + stack) >>> 2];
    if (base === 0)
      throw new NotSimulated(
        'bpf_task_pt_regs',
        `task ${u32[(at + pid) >>> 2]} has made no system call and was given no registers: see TaskSpec.registers`,
      );
    f.retU32(frame, base + KERNEL_STACK - size);
  };
};
