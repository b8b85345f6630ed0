/** Inputs and outputs that test-run drivers share: contexts, repeats, copying out (bpf_ctx_init, bpf_test_run, bpf_test_finish). */
import { ERRNO } from '../../uapi/errno.ts';
import type { HookEnv } from './env.ts';
import type { LoadedProg } from '../object/prog.ts';
import type { TestRun } from './test-run.ts';

/** Refuses a test run with -EINVAL and says why, which the real kernel does not. */
export function invalid(test: TestRun, why: string): number {
  test.aborted = why;
  return -ERRNO.EINVAL;
}

/**
 * The context struct of the caller, zero-padded to `size`; undefined when neither an input nor an output was given,
 * -E2BIG when bytes beyond `size` are set.
 */
export function ctxInit(test: TestRun, size: number): Uint8Array | undefined | number {
  if (test.ctx_in === undefined && test.ctx_out === undefined) return undefined;
  const ctx = new Uint8Array(size);
  const input = test.ctx_in ?? ctx.subarray(0, 0);
  for (let i = size; i < input.length; i++) if (input[i] !== 0) return -ERRNO.E2BIG;
  ctx.set(input.subarray(0, size));
  return ctx;
}

/** Copies the context out: 0 or -ENOSPC (bpf_ctx_finish). */
export function ctxFinish(test: TestRun, ctx: Uint8Array | undefined): number {
  if (ctx === undefined || test.ctx_out === undefined) return 0;
  const room = test.ctx_out.length;
  test.ctx_out.set(ctx.subarray(0, room));
  test.ctx_size_out = ctx.length;
  return room < ctx.length ? -ERRNO.ENOSPC : 0;
}

/**
 * Copies the data out and tells its size: 0 or -ENOSPC (bpf_test_finish). Room that is too small for a packet in fragments gets as much of
 * the linear part as if all fragments had room, as in Linux; without even that nothing is written.
 */
export function dataFinish(test: TestRun, linear: Uint8Array, frags: readonly Uint8Array[] = []): number {
  const fragsSize = frags.reduce((sum, frag) => sum + frag.length, 0);
  const size = linear.length + fragsSize;
  const hint = test.data_out?.length ?? test.data_size_out ?? 0;
  const short = hint !== 0 && hint < size;
  const room = short ? hint : size;
  // Linux takes a length of 0 for no limit: nothing is copied to a buffer of no bytes.
  if (test.data_out !== undefined && test.data_out.length > 0) {
    let at = room - fragsSize;
    if (at < 0) {
      test.retval = undefined;
      test.duration = undefined;
      return -ERRNO.ENOSPC;
    }
    test.data_out.set(linear.subarray(0, at));
    for (const frag of frags) {
      const part = frag.subarray(0, room - at);
      test.data_out.set(part, at);
      at += part.length;
    }
  }
  test.data_size_out = size;
  return short ? -ERRNO.ENOSPC : 0;
}

/** Runs a program `repeat` times on one context, and notes r0 and the mean time (bpf_test_run). */
export function runRepeated(env: HookEnv, prog: LoadedProg, ctx: number, test: TestRun): void {
  const repeat = test.repeat || 1;
  const start = env.now();
  let retval = 0;
  env.deadline.pace(repeat, (_from, count) => {
    for (let i = 0; i < count; i++) retval = env.runProgram(prog, ctx);
  });
  test.retval = retval >>> 0;
  test.duration = Math.round(((env.now() - start) * 1e6) / repeat);
}
