/** BPF_PROG_TEST_RUN: checks that all program types share, then the type's driver (bpf_prog_test_run). */
import type { TestRunAttr } from '../../../uapi/attr/attr.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import { BPF_PROG_TYPE as T } from '../../../uapi/prog-types.ts';
import { type BadBuffer, claimedLength, faults, isBadBuffer, isNullBuffer } from '../../../uapi/attr/user-buffer.ts';
import type { LoadedProg } from '../../object/prog.ts';
import { ETH_HLEN } from '../../world/net/if-ether.ts';
import { fdProg, type SyscallEnv } from '../env.ts';

/** A pointer and its length go together. */
const paired = (bytes: Uint8Array | undefined): boolean => isNullBuffer(bytes) === (claimedLength(bytes) === 0);

type TestRun = TestRunAttr['test'];

const PAGE_SIZE = 4096;
/** Types whose runs take nothing but a context. */
const PLAIN: ReadonlySet<number> = new Set([T.BPF_PROG_TYPE_RAW_TRACEPOINT, T.BPF_PROG_TYPE_SYSCALL]);

/** bpf_prog_test_run */
export function progTestRun(env: SyscallEnv, { test }: TestRunAttr): number {
  if (!paired(test.ctx_in) || !paired(test.ctx_out)) return -ERRNO.EINVAL;
  if (test.ctx_out === undefined && test.ctx_size_out) return -ERRNO.EINVAL;
  const prog = fdProg(env, test.prog_fd);
  if (typeof prog === 'number') return prog;
  const plain = PLAIN.has(prog.verified.progType);
  if (plain && test.duration) return -ERRNO.EINVAL;
  // What calls functions reads no packet.
  const unread = prog.verified.progType === T.BPF_PROG_TYPE_TRACING ? 0 : checkInputs(test, plain);
  if (unread < 0) return unread;
  const { data_out: dataOut, ctx_out: ctxOut } = test;
  const dataRoom = dataOut === undefined ? (test.data_size_out ?? 0) : claimedLength(dataOut);
  if (isBadBuffer(test.data_in)) test.data_in = withoutBad(test.data_in);
  if (isBadBuffer(test.data_out)) test.data_out = withoutBad(test.data_out);
  if (isBadBuffer(test.ctx_in)) test.ctx_in = withoutBad(test.ctx_in);
  if (isBadBuffer(test.ctx_out)) test.ctx_out = withoutBad(test.ctx_out);
  const result = run(env, prog, test);
  if (result !== 0) return result;
  if (plain) return 0;
  return (
    unwritten(dataOut, dataRoom, test.data_size_out ?? 0) ||
    unwritten(ctxOut, claimedLength(ctxOut), test.ctx_size_out ?? 0)
  );
}

/** What the driver would have read, and where its pointers lead nowhere: packets are measured before they are read. */
function checkInputs(test: TestRun, plain: boolean): number {
  const { data_in: data, ctx_in: ctx } = test;
  if (faults(data)) {
    if (plain) return isNullBuffer(data) ? 0 : -ERRNO.EINVAL;
    return claimedLength(data) < ETH_HLEN ? -ERRNO.EINVAL : -ERRNO.EFAULT;
  }
  return faults(ctx) ? -ERRNO.EFAULT : 0;
}

/** Null pointers become none, other ones memory that nobody sees. */
const withoutBad = (bad: BadBuffer): Uint8Array | undefined =>
  bad.isNull ? undefined : new Uint8Array(Math.min(bad.claimed, PAGE_SIZE));

/** bpf_test_finish, for what the driver could not write: room that is too small counts before memory that is not there. */
function unwritten(buffer: Uint8Array | undefined, room: number, size: number): number {
  if (buffer !== undefined && !isBadBuffer(buffer)) return 0;
  if (room !== 0 && room < size) return -ERRNO.ENOSPC;
  return isNullBuffer(buffer) ? 0 : -ERRNO.EFAULT;
}

function run(env: SyscallEnv, prog: LoadedProg, test: TestRun): number {
  // Ports of the host may close descriptors in the middle.
  env.objects.get(prog);
  try {
    return env.testRun(prog, test);
  } finally {
    env.objects.put(prog);
  }
}
