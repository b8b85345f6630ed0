/** BPF_PROG_TEST_RUN: which driver serves a program type, and what all drivers share (bpf_prog_test_run, bpf_test_run). */
import type { TestRunAttr } from '../../uapi/attr/attr.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { bpfProgTypeName, BPF_PROG_TYPE as T } from '../../uapi/prog-types.ts';
import { ProgramAbort } from '../../util/errors.ts';
import type { HookEnv } from './env.ts';
import type { LoadedProg } from '../object/prog.ts';
import { MissingTypes } from '../world/layouts.ts';
import { StructError } from '../world/struct-view.ts';
import { inCall } from './call.ts';
import { testRunRawTp, testRunSyscall } from './ctx.ts';
import { testRunSkb } from './skb.ts';
import { testRunTracing } from './tracing.ts';
import { testRunXdp } from './xdp.ts';

export type TestRun = TestRunAttr['test'];
/** 0 or -errno; fills the outputs. */
export type TestRunDriver = (env: HookEnv, prog: LoadedProg, test: TestRun) => number;

const DRIVERS: Readonly<Record<number, TestRunDriver>> = {
  [T.BPF_PROG_TYPE_XDP]: testRunXdp,
  [T.BPF_PROG_TYPE_SOCKET_FILTER]: testRunSkb,
  [T.BPF_PROG_TYPE_SCHED_CLS]: testRunSkb,
  [T.BPF_PROG_TYPE_SCHED_ACT]: testRunSkb,
  [T.BPF_PROG_TYPE_CGROUP_SKB]: testRunSkb,
  [T.BPF_PROG_TYPE_LWT_IN]: testRunSkb,
  [T.BPF_PROG_TYPE_LWT_OUT]: testRunSkb,
  [T.BPF_PROG_TYPE_LWT_XMIT]: testRunSkb,
  [T.BPF_PROG_TYPE_LWT_SEG6LOCAL]: testRunSkb,
  [T.BPF_PROG_TYPE_RAW_TRACEPOINT]: testRunRawTp,
  [T.BPF_PROG_TYPE_SYSCALL]: testRunSyscall,
  [T.BPF_PROG_TYPE_TRACING]: testRunTracing,
};

/** Types that Linux runs and this kernel does not yet (SCOPE 236). */
const LATER: ReadonlySet<number> = new Set([
  T.BPF_PROG_TYPE_FLOW_DISSECTOR,
  T.BPF_PROG_TYPE_STRUCT_OPS,
  T.BPF_PROG_TYPE_SK_LOOKUP,
  T.BPF_PROG_TYPE_NETFILTER,
]);

/** Runs a program as BPF_PROG_TEST_RUN does, in one call: 0 or -errno. */
export function testRun(env: HookEnv, prog: LoadedProg, test: TestRun): number {
  try {
    return inCall(env, () => drive(env, prog, test));
  } catch (error) {
    if (!(error instanceof MissingTypes || error instanceof StructError)) throw error;
    test.aborted = error.message;
    return -ERRNO.EOPNOTSUPP;
  }
}

function drive(env: HookEnv, prog: LoadedProg, test: TestRun): number {
  const driver = DRIVERS[prog.verified.progType];
  if (driver === undefined) {
    if (!LATER.has(prog.verified.progType)) return -ERRNO.ENOTSUPP;
    test.aborted = `test runs of ${bpfProgTypeName(prog.verified.progType)} are not implemented`;
    return -ERRNO.EOPNOTSUPP;
  }
  try {
    return driver(env, prog, test);
  } catch (error) {
    if (!(error instanceof ProgramAbort)) throw error;
    test.aborted = error.message;
    return -ERRNO.EINTR;
  }
}
