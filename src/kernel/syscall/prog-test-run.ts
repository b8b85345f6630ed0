/** BPF_PROG_TEST_RUN: checks that all program types share, then the type's driver (bpf_prog_test_run). */
import type { TestRunAttr } from '../../uapi/attr.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { inCall } from '../testrun/call.ts';
import { testRun } from '../testrun/test-run.ts';
import { fdProg, type SyscallEnv } from './env.ts';

/** A pointer and its length go together. */
const paired = (bytes: Uint8Array | undefined): boolean => bytes === undefined || bytes.length > 0;

/** bpf_prog_test_run */
export function progTestRun(env: SyscallEnv, { test }: TestRunAttr): number {
  if (!paired(test.ctx_in) || !paired(test.ctx_out)) return -ERRNO.EINVAL;
  if (test.ctx_out === undefined && test.ctx_size_out) return -ERRNO.EINVAL;
  const prog = fdProg(env, test.prog_fd);
  if (typeof prog === 'number') return prog;
  // Ports of the host may close descriptors in the middle.
  env.objects.get(prog);
  try {
    return inCall(env.hooks, () => testRun(env.hooks, prog, test));
  } finally {
    env.objects.put(prog);
  }
}
