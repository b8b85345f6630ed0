/** Rejections about the use of registers as operands. */
import { ERRNO } from '../../../../uapi/errno.ts';
import type { Rejection } from '../reject.ts';

export const REGS = {
  REG_INVALID: {
    errno: ERRNO.EINVAL,
    text: (regno: number) => `R${regno} is invalid`,
    why: 'The instruction names a register that programs do not have; only R0 to R10 exist.',
  },
  REG_NOT_READABLE: {
    errno: ERRNO.EACCES,
    text: (regno: number) => `R${regno} !read_ok`,
    why: 'The register holds nothing yet on this path. R1 to R5 lose their contents at every call; initialise it first.',
  },
  FRAME_POINTER_READ_ONLY: {
    errno: ERRNO.EACCES,
    text: () => 'frame pointer is read only',
    why: 'R10 always points to the frame; copy it to another register and change that.',
  },
} as const satisfies Record<string, Rejection<never>>;
