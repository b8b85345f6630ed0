/** Test runs of programs on functions: the kernel's own test functions are called, with whatever is attached to them (bpf_prog_test_run_tracing). */
import { BPF_ATTACH_TYPE as A } from '../../uapi/attach-types.ts';
import { ERRNO } from '../../uapi/errno.ts';
import type { LoadedProg } from '../object/prog.ts';
import type { Trace } from '../world/trace/trace.ts';
import type { HookEnv } from './env.ts';
import type { TestRun } from './test-run.ts';

/** Functions for entries and exits: their arguments and what they give. Those that take an address in the kernel's stack get that of a word. */
const ENTRY_TESTS: readonly (readonly [name: string, args: readonly (number | 'word')[], result: number])[] = [
  ['bpf_fentry_test1', [1], 2],
  ['bpf_fentry_test2', [2, 3], 5],
  ['bpf_fentry_test3', [4, 5, 6], 15],
  ['bpf_fentry_test4', [7, 8, 9, 10], 34],
  ['bpf_fentry_test5', [11, 12, 13, 14, 15], 65],
  ['bpf_fentry_test6', [16, 17, 18, 19, 20, 21], 111],
  ['bpf_fentry_test7', [0], 0],
  ['bpf_fentry_test8', ['word'], 0],
  ['bpf_fentry_test9', ['word'], 0],
];
/** What the functions for fmod_ret find behind their pointer; those that run add one. */
const BEFORE = 2;

/** 0 or -errno; the result says for fmod_ret what the functions gave, and above 16 bits how many of them ran. */
export function testRunTracing(env: HookEnv, prog: LoadedProg, test: TestRun): number {
  if ((test.flags ?? 0) !== 0 || (test.cpu ?? 0) !== 0 || (test.batch_size ?? 0) !== 0) return -ERRNO.EINVAL;
  const { trace } = env;
  if (trace === undefined) {
    test.aborted = 'a kernel that only verifies calls no functions';
    return -ERRNO.EOPNOTSUPP;
  }
  const word = env.heap.alloc(8);
  if (word === 0) return -ERRNO.ENOMEM;
  try {
    switch (prog.verified.expectedAttachType) {
      case A.BPF_TRACE_FENTRY:
      case A.BPF_TRACE_FEXIT:
        return entries(trace, env, word, test);
      case A.BPF_MODIFY_RETURN:
        return modified(trace, env, word, test);
      default:
        return -ERRNO.EINVAL;
    }
  } finally {
    env.heap.free(word);
  }
}

function entries(trace: Trace, { mem }: HookEnv, word: number, test: TestRun): number {
  for (const [name, args, result] of ENTRY_TESTS) {
    if (trace.findFunction(name) === undefined) continue;
    mem.i32.fill(0, word >>> 2, (word >>> 2) + 2);
    const given = args.map((value) => (value === 'word' ? word : value));
    if (Number(trace.call(name, given, () => result)) !== result) return -ERRNO.EFAULT;
  }
  test.retval = 0;
  return 0;
}

function modified(trace: Trace, { mem }: HookEnv, word: number, test: TestRun): number {
  let ran = 0;
  let sum = 0;
  const call = (name: string, args: readonly number[], rest: number): void => {
    mem.i32[word >>> 2] = BEFORE;
    const result = trace.call(name, args, () => args[0] + ++mem.i32[word >>> 2] + rest);
    if (mem.i32[word >>> 2] !== BEFORE) ran++;
    sum += Number(result);
  };
  call('bpf_modify_return_test', [1, word], 0);
  call('bpf_modify_return_test2', [1, word, 3, 4, 5, 6, 7], 3 + 4 + 5 + 6 + 7);
  test.retval = ((ran << 16) | (sum & 0xffff)) >>> 0;
  return 0;
}
