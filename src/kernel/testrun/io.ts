/** Inputs and outputs that test-run drivers share: contexts, repeats, copying out (bpf_ctx_init, bpf_test_run, bpf_test_finish). */
import { ERRNO } from '../../uapi/errno.ts';
import type { HookEnv } from './env.ts';
import type { LoadedProg } from '../object/prog.ts';
import type { TestRun } from './test-run.ts';

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

/** Copies the data out and tells its size: 0 or -ENOSPC (bpf_test_finish). `parts` follow each other. */
export function dataFinish(test: TestRun, parts: readonly Uint8Array[]): number {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const hint = test.data_out?.length ?? test.data_size_out ?? 0;
  test.data_size_out = size;
  if (test.data_out !== undefined) {
    let at = 0;
    for (const part of parts) {
      const room = part.subarray(0, Math.max(0, test.data_out.length - at));
      test.data_out.set(room, at);
      at += room.length;
    }
  }
  return hint !== 0 && hint < size ? -ERRNO.ENOSPC : 0;
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
