/** Rejections of stack accesses. */
import { ERRNO } from '../../../../uapi/errno.ts';
import type { Rejection } from '../reject.ts';

const UNINIT =
  'The program has not written these bytes of the stack on this path. Initialise the variable, padding included.';

export const STACK = {
  UNBOUNDED: {
    errno: ERRNO.EACCES,
    text: (dir: string, regno: number) => `invalid unbounded variable-offset ${dir} stack R${regno}`,
    why: 'The offset of the stack access has no usable bounds. Compare the index with the size of the array first.',
  },
  OUT_OF_BOUNDS: {
    errno: ERRNO.EACCES,
    text: (dir: string, regno: number, off: string, size: number) =>
      `invalid ${dir} stack R${regno} off=${off} size=${size}`,
    why: 'A frame has 512 bytes below R10; the access is outside, or reads what was never written.',
  },
  ABOVE_FRAME: {
    errno: ERRNO.EINVAL,
    text: (dir: string, regno: number, off: string, size: number) =>
      `invalid ${dir} stack R${regno} off=${off} size=${size}`,
    why: 'The access reaches above R10, where the frame ends. Check index and size against the variable.',
  },
  VAR_OUT_OF_BOUNDS: {
    errno: ERRNO.EACCES,
    text: (dir: string, regno: number, tnum: string, off: number, size: number) =>
      `invalid variable-offset ${dir} stack R${regno} var_off=${tnum} off=${off} size=${size}`,
    why: 'With the offsets that are possible here the access may leave the frame. Bound the index tighter.',
  },
  VAR_ABOVE_FRAME: {
    errno: ERRNO.EINVAL,
    text: (dir: string, regno: number, tnum: string, off: number, size: number) =>
      `invalid variable-offset ${dir} stack R${regno} var_off=${tnum} off=${off} size=${size}`,
    why: 'With the offsets that are possible here the access may reach above R10. Bound the index tighter.',
  },
  VAR_TO_HELPER: {
    errno: ERRNO.EACCES,
    text: (tnum: string, off: number, size: number) =>
      `variable offset stack pointer cannot be passed into helper function; var_off=${tnum} off=${off} size=${size}`,
    why: 'An atomic operation on the stack needs a constant offset. Put the array into a map.',
  },
  CORRUPT_SPILL: {
    errno: ERRNO.EACCES,
    text: () => 'attempt to corrupt spilled pointer on stack',
    why: 'Writing part of a pointer that was saved on the stack would let a program without CAP_PERFMON forge or learn it.',
  },
  SPILL_SIZE: {
    errno: ERRNO.EACCES,
    text: () => 'invalid size of register spill',
    why: 'A pointer is saved on the stack as a whole, in eight aligned bytes.',
  },
  FILL_SIZE: {
    errno: ERRNO.EACCES,
    text: () => 'invalid size of register fill',
    why: 'A pointer is read back from the stack as a whole, in eight aligned bytes.',
  },
  SPILL_TO_CALLER: {
    errno: ERRNO.EINVAL,
    text: () => 'cannot spill pointers to stack into stack frame of the caller',
    why: "The pointer into this function's frame would outlive the frame. Let the caller provide the memory.",
  },
  READ_UNINIT: {
    errno: ERRNO.EACCES,
    text: (off: number, i: number, size: number) => `invalid read from stack off ${off}+${i} size ${size}`,
    why: UNINIT,
  },
  READ_UNINIT_REG: {
    errno: ERRNO.EACCES,
    text: (regno: number, off: number, i: number, size: number) =>
      `invalid read from stack R${regno} off ${off}+${i} size ${size}`,
    why: UNINIT,
  },
  READ_UNINIT_VAR: {
    errno: ERRNO.EACCES,
    text: (regno: number, tnum: string, i: number, size: number) =>
      `invalid read from stack R${regno} var_off ${tnum}+${i} size ${size}`,
    why: UNINIT,
  },
  LEAKING_SPILL: {
    errno: ERRNO.EACCES,
    text: (off: number) => `leaking pointer from stack off ${off}`,
    why: 'A saved pointer would be used as a number, which a program without CAP_PERFMON may not. Use another stack slot for the number.',
  },
  VAR_WRITE_OVER_SPILL: {
    errno: ERRNO.EINVAL,
    text: (insnIdx: number, off: number) =>
      `spilled ptr in range of var-offset stack write; insn ${insnIdx}, ptr off: ${off}`,
    why: 'A write to a variable place of the stack may hit a saved pointer, or bytes that were never written, which only CAP_PERFMON allows. Initialise the array first.',
  },
  ZERO_SIZED_READ: {
    errno: ERRNO.EACCES,
    text: () => 'invalid zero-sized read',
    why: 'The helper does not take an empty buffer. Pass at least one byte.',
  },
  DYNPTR_WRITE: {
    errno: ERRNO.EACCES,
    text: (off: number) => `potential write to dynptr at off=${off} disallowed`,
    why: 'The helper would write over a dynptr, whose contents only dynptr helpers may change. Give it another buffer.',
  },
} as const satisfies Record<string, Rejection<never>>;
