/** Rejections while an accepted program is rewritten. */
import { ERRNO } from '../../../../uapi/errno.ts';
import type { Rejection } from '../reject.ts';

export const REWRITE = {
  PATCH_RANGE: {
    errno: ERRNO.ENOMEM,
    text: (insn: number) => `insn ${insn} cannot be patched due to 16-bit range`,
    why: 'Rewriting makes the program longer (a context access becomes several instructions), and a jump over this instruction would then have to reach further than 32767 instructions. Split the function, or compile with -mcpu=v4, whose jumps reach further.',
  },
  NO_LAYOUT: {
    errno: ERRNO.ENOTSUPP,
    text: (struct: string, path: string) => `kernel BTF has no member ${path} of struct ${struct}`,
    why: 'The context access is rewritten to a kernel struct, and the kernel BTF that was given does not describe it.',
  },
  DANGLING_FUNCTION: {
    errno: ERRNO.EFAULT,
    text: (insn: number) => `verifier bug: No program to jit at insn ${insn} (subprog < 0)`,
    why: 'A callback that is never called (bpf_loop with no rounds) was removed, but its address is still taken. Linux 6.18 fails here too.',
  },
  CTX_NOT_CONVERTED: {
    errno: ERRNO.EFAULT,
    text: (insn: number) => `verifier bug: no conversion of the context access at insn ${insn}`,
    why: 'The access was allowed but has no place in the kernel struct. This is a fault of Skep.',
  },
} as const satisfies Record<string, Rejection<never>>;
