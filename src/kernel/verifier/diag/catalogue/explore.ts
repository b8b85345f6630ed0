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
  LOST_TRACE: {
    errno: ERRNO.EFAULT,
    text: (what: string) => `verifier bug: ${what}`,
    why: 'Precision was traced back to a register or slot that nothing before had set: a function was left by LD_ABS or a tail call, or by a path that Linux 6.18 itself cannot follow back. It gives up here too, which is a fault of its own; change the code around the call.',
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
