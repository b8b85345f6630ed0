/** Rejections at jumps. */
import { ERRNO } from '../../../../uapi/errno.ts';
import type { Rejection } from '../reject.ts';

export const BRANCH = {
  MAY_GOTO_IMM: {
    errno: ERRNO.EINVAL,
    text: (imm: number) => `invalid may_goto imm ${imm}`,
    why: 'A may_goto carries only a jump offset; its other fields are reserved. The encoding is damaged, or from a newer instruction set.',
  },
  RESERVED_FIELDS: {
    errno: ERRNO.EINVAL,
    text: () => 'BPF_JMP/JMP32 uses reserved fields',
    why: 'A field of the jump that must be zero is not. Compilers do not write such code: the encoding is damaged, or from a newer instruction set.',
  },
  CALL_RESERVED_FIELDS: {
    errno: ERRNO.EINVAL,
    text: () => 'BPF_CALL uses reserved fields',
    why: 'A field of the call that must be zero is not. Compilers do not write such code: the encoding is damaged, or from a newer instruction set.',
  },
  JA_RESERVED_FIELDS: {
    errno: ERRNO.EINVAL,
    text: () => 'BPF_JA uses reserved fields',
    why: 'A field of the jump that must be zero is not. Compilers do not write such code: the encoding is damaged, or from a newer instruction set.',
  },
  EXIT_RESERVED_FIELDS: {
    errno: ERRNO.EINVAL,
    text: () => 'BPF_EXIT uses reserved fields',
    why: 'A field of exit that must be zero is not. Compilers do not write such code: the encoding is damaged.',
  },
  POINTER_COMPARISON: {
    errno: ERRNO.EACCES,
    text: (regno: number) => `R${regno} pointer comparison prohibited`,
    why: 'Without CAP_PERFMON a program must not learn kernel addresses, which comparing pointers would tell it.',
  },
  CALL_WHILE_LOCKED: {
    errno: ERRNO.EINVAL,
    text: () => 'function calls are not allowed while holding a lock',
    why: 'Between bpf_spin_lock and bpf_spin_unlock only the unlock may be called, and functions of lists and trees. Do the rest before or after.',
  },
} as const satisfies Record<string, Rejection<never>>;
