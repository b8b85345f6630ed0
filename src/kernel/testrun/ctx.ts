/** Test runs of programs whose context is plain bytes: raw tracepoints (u64 arguments) and syscall programs. */
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_F_TEST_RUN_ON_CPU } from '../../uapi/flags.ts';
import type { HookEnv } from './env.ts';
import type { LoadedProg } from '../object/prog.ts';
import type { TestRun } from './test-run.ts';
import { invalid } from './io.ts';

/** MAX_BPF_FUNC_ARGS u64 arguments. */
const RAW_TP_CTX_MAX = 12 * 8;
const SYSCALL_CTX_MAX = 0xffff;

/** Checks a run that takes a context of `least` to `most` bytes and nothing else: 0 or -EINVAL. */
function contextOnly(test: TestRun, size: number, least: number, most: number): number {
  if (!plainOnly(test)) return invalid(test, 'the type takes ctx_in alone: no data, ctx_out, repeat or batch_size');
  if (size < least) return invalid(test, `the program reads ${least} bytes of its context, and ${size} were given`);
  return size > most ? invalid(test, `the context has ${size} bytes, and ${most} are the most`) : 0;
}

const plainOnly = (test: TestRun): boolean =>
  test.data_in === undefined &&
  test.data_out === undefined &&
  test.ctx_out === undefined &&
  !test.duration &&
  !test.repeat &&
  !test.batch_size;

/** bpf_prog_test_run_raw_tp. */
export function testRunRawTp(env: HookEnv, prog: LoadedProg, test: TestRun): number {
  const onCpu = ((test.flags ?? 0) & BPF_F_TEST_RUN_ON_CPU) !== 0;
  const size = test.ctx_in?.length ?? 0;
  const refused = contextOnly(test, size, prog.verified.maxCtxOffset, RAW_TP_CTX_MAX);
  if (refused !== 0) return refused;
  if (!onCpu && test.cpu) return invalid(test, 'cpu is given without BPF_F_TEST_RUN_ON_CPU');
  const cpu = onCpu ? (test.cpu ?? 0) : env.cpu;
  if (cpu >= env.nrCpus) return -ERRNO.ENXIO;
  if (cpu !== env.cpu) {
    test.aborted = `a run on CPU ${cpu} is not simulated: programs of this runtime run on CPU ${env.cpu}`;
    return -ERRNO.EOPNOTSUPP;
  }
  return runOnBytes(env, prog, test, false);
}

/** bpf_prog_test_run_syscall: the program's writes go back into ctx_in. */
export function testRunSyscall(env: HookEnv, prog: LoadedProg, test: TestRun): number {
  const size = test.ctx_in?.length ?? 0;
  if (test.flags) return invalid(test, 'the type takes no flags');
  return contextOnly(test, size, prog.verified.maxCtxOffset, SYSCALL_CTX_MAX) || runOnBytes(env, prog, test, true);
}

function runOnBytes(env: HookEnv, prog: LoadedProg, test: TestRun, writeBack: boolean): number {
  const input = test.ctx_in;
  const ctx = env.heap.alloc(Math.max(input?.length ?? 0, RAW_TP_CTX_MAX), 8);
  if (ctx === 0) return -ERRNO.ENOMEM;
  try {
    if (input !== undefined) env.mem.u8.set(input, ctx);
    test.retval = env.runProgram(prog, ctx) >>> 0;
    if (writeBack && input !== undefined) input.set(env.mem.u8.subarray(ctx, ctx + input.length));
    return 0;
  } finally {
    env.heap.free(ctx);
  }
}
