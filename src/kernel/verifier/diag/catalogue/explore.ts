/** Rejections by the exploration itself: size, loops, control flow at run time. */
import { ERRNO } from '../../../../uapi/errno.ts';
import type { Rejection } from '../reject.ts';

export const EXPLORE = {
  TOO_MANY_JUMPS: {
    errno: ERRNO.EFAULT,
    text: (jumps: number) => `The sequence of ${jumps} jumps is too complex.`,
    why: 'More than 8192 branches wait to be explored at once. Split the function or make branches depend on less state.',
  },
  TOO_LARGE: {
    errno: ERRNO.E2BIG,
    text: (insns: number) => `BPF program is too large. Processed ${insns} insn`,
    why: 'All paths together took more than a million instructions. Bound loops tighter, use bpf_loop or global functions.',
  },
  INFINITE_LOOP: {
    errno: ERRNO.EINVAL,
    text: () => '',
    why: 'A loop came back to a state that it had before, so nothing in it makes it end. Let a bounded counter decide.',
  },
  UNEXPECTED_REGS: {
    errno: ERRNO.EFAULT,
    text: (regs: number) => `verifier bug: static subprog unexpected regs ${regs.toString(16)}`,
    why: 'Precision was traced back to a register that the called function had not set. Linux 6.18 gives up here too, which is a fault of its own; change the code around the call.',
  },
  BACKTRACKING_MISUSE: {
    errno: ERRNO.EFAULT,
    text: () => 'verifier bug: backtracking misuse',
    why: 'A pointer stands where a number must be known exactly, such as the count of bpf_loop(). Linux 6.18 calls this a fault of its own; pass a number.',
  },
  INVARIANTS_VIOLATION: {
    errno: ERRNO.EFAULT,
    text: () => '',
    why: 'The ranges of a register contradict each other, and BPF_F_TEST_REG_INVARIANTS asks to refuse such programs.',
  },
  INTERRUPTED: {
    errno: ERRNO.EAGAIN,
    text: () => '',
    why: 'Verification was stopped from outside before it came to a verdict. Load the program again, or raise the limit of time.',
  },
} as const satisfies Record<string, Rejection<never>>;
