/** Runs of programs with all that they may reach kept, and what helpers see of them set up before and put back after (bpf_run_ctx). */
import type { RunState } from '../run/env.ts';
import type { Deadline } from '../run/deadline.ts';
import type { HookEnv } from '../testrun/env.ts';
import type { LoadedProg } from '../object/prog.ts';
import type { Rcu } from '../mem/rcu.ts';
import type { RuntimeLink } from './linkage.ts';

type Runners = Pick<HookEnv, 'runProgram' | 'runBatch'>;

/** A kernel that only verifies has nothing to link programs against; what it compiles says so when it is run. */
export const NO_RUNNERS: Runners = {
  runProgram: (prog, ctx) => prog.exe.run(ctx),
  runBatch(prog, ctxs) {
    prog.exe.run(ctxs);
  },
};

/** The runners of a kernel with engines. */
export function programRunners(link: RuntimeLink, run: RunState, rcu: Rcu, deadline: Deadline): Runners {
  const runs = new Runs(link, run, rcu, deadline);
  const { u32 } = link.env.mem;
  return {
    runProgram(prog, ctx) {
      if (runs.depth > 0) return runs.nested(() => runs.once(prog, ctx));
      return runs.once(prog, ctx);
    },
    runBatch(prog, ctxs, stride, count, out) {
      const { exe } = prog;
      const some = (from: number, n: number): void => {
        if (exe.runBatch !== undefined) exe.runBatch(ctxs + from * stride, stride, n, out + from * 4);
        else for (let i = from; i < from + n; i++) u32[(out >>> 2) + i] = exe.run(ctxs + i * stride);
      };
      const all = (): void => runs.inside(prog, ctxs, () => deadline.pace(count, some));
      if (runs.depth > 0) runs.nested(all);
      else all();
    },
  };
}

class Runs {
  /** Programs in progress, one inside the other: ports of the host may run some. */
  depth = 0;
  readonly #link: RuntimeLink;
  readonly #run: RunState;
  readonly #rcu: Rcu;
  readonly #deadline: Deadline;

  constructor(link: RuntimeLink, run: RunState, rcu: Rcu, deadline: Deadline) {
    this.#link = link;
    this.#run = run;
    this.#rcu = rcu;
    this.#deadline = deadline;
  }

  /** One run on one context: as {@link inside}, without a closure for each packet. */
  once(prog: LoadedProg, ctx: number): number {
    this.#begin(prog, ctx);
    try {
      return prog.exe.run(ctx);
    } catch (error) {
      this.#stopped();
      throw error;
    } finally {
      this.depth--;
      this.#rcu.unlock();
    }
  }

  inside(prog: LoadedProg, ctx: number, work: () => void): void {
    this.#begin(prog, ctx);
    try {
      work();
    } catch (error) {
      this.#stopped();
      throw error;
    } finally {
      this.depth--;
      this.#rcu.unlock();
    }
  }

  #begin(prog: LoadedProg, ctx: number): void {
    if (prog.refs === 0) throw new RangeError(`program ${prog.id} was closed`);
    const rcu = this.#rcu;
    if (!rcu.locked) this.#deadline.reset();
    const run = this.#run;
    run.ctx = ctx;
    run.progType = prog.verified.progType;
    run.redirectIfindex = -1;
    run.redirectFlags = 0;
    run.redirectMapId = 0;
    run.redirectKey = 0;
    rcu.lock();
    this.depth++;
  }

  /** A run inside of another one of its program has overwritten where that one began. */
  #stopped(): void {
    const { stack } = this.#link;
    if (this.depth === 1) stack.sp.value = stack.top;
  }

  /** A program inside another: its guest stack lies below the other's, and it leaves everything as it was. */
  nested<R>(work: () => R): R {
    const { stack, env } = this.#link;
    const saved = { ...this.#run };
    const sp = stack.sp.value as number;
    const tailCalls = env.mem.i32[stack.tailCalls >>> 2];
    try {
      return work();
    } finally {
      env.mem.i32[stack.tailCalls >>> 2] = tailCalls;
      stack.sp.value = sp;
      Object.assign(this.#run, saved);
    }
  }
}
