/** Runs of programs with all that they may reach kept; what helpers see of a run is on the stack of invocations of its CPU. */
import type { Cpu } from '../run/cpu.ts';
import type { Deadline } from '../run/deadline.ts';
import type { HookEnv } from '../testrun/env.ts';
import type { LoadedProg } from '../object/prog.ts';
import type { RunStats } from '../object/run-stats.ts';
import type { Rcu } from '../mem/rcu.ts';
import type { Linkage } from '../run/linkage.ts';

type Runners = Pick<HookEnv, 'runProgram' | 'runBatch'>;

/** A kernel that only verifies has nothing to link programs against; what it compiles says so when it is run. */
export const NO_RUNNERS: Runners = {
  runProgram: (prog, ctx) => prog.exe.run(ctx),
  runBatch(prog, ctxs) {
    prog.exe.run(ctxs);
  },
};

/** The runners of a kernel with engines. Programs that a helper's callee runs may run others: each has its own invocation. */
export function programRunners(linkage: Linkage, rcu: Rcu, deadline: Deadline, stats: RunStats): Runners {
  const { cpu, mem } = linkage.env;
  const { u32 } = mem;
  return {
    runProgram(prog, ctx, of) {
      begin(cpu, rcu, deadline, prog, ctx);
      if (of !== undefined) {
        cpu.run.attachCookie = of.cookie;
        cpu.run.funcIp = of.funcIp;
        cpu.run.hasResult = of.hasResult === true;
      }
      const began = stats.begin();
      try {
        return prog.exe.run(ctx);
      } catch (error) {
        cpu.stopped();
        throw error;
      } finally {
        stats.end(prog, began, 1);
        cpu.pop();
        rcu.unlock();
      }
    },
    runBatch(prog, ctxs, stride, count, out) {
      const { exe } = prog;
      const some = (from: number, n: number): void => {
        if (exe.runBatch !== undefined) exe.runBatch(ctxs + from * stride, stride, n, out + from * 4);
        else for (let i = from; i < from + n; i++) u32[(out >>> 2) + i] = exe.run(ctxs + i * stride);
      };
      begin(cpu, rcu, deadline, prog, ctxs);
      const began = stats.begin();
      try {
        deadline.pace(count, some);
      } catch (error) {
        cpu.stopped();
        throw error;
      } finally {
        stats.end(prog, began, count);
        cpu.pop();
        rcu.unlock();
      }
    },
  };
}

function begin(cpu: Cpu, rcu: Rcu, deadline: Deadline, prog: LoadedProg, ctx: number): void {
  if (prog.refs === 0) throw new RangeError(`program ${prog.id} was closed`);
  if (!rcu.locked) deadline.reset();
  rcu.lock();
  cpu.push(prog.verified.progType, ctx);
}
