/** Rejections of arithmetic. */
import { ERRNO } from '../../../../uapi/errno.ts';
import type { Rejection } from '../reject.ts';

const UNPRIV = 'pointer arithmetic with it prohibited for !root';
const RESERVED =
  'A field of the instruction that must be zero is not. Compilers do not write such code: the encoding is damaged, or from a newer instruction set.';
const MASKING =
  'Without CAP_PERFMON pointer arithmetic is masked against speculation, which needs one known direction and limit. Add constants, or bound the number on all paths in the same way.';

const reserved = (what: string) => ({ errno: ERRNO.EINVAL, text: () => `${what} uses reserved fields`, why: RESERVED });

export const ALU = {
  NEG_RESERVED_FIELDS: reserved('BPF_NEG'),
  END_RESERVED_FIELDS: reserved('BPF_END'),
  MOV_RESERVED_FIELDS: reserved('BPF_MOV'),
  ALU_RESERVED_FIELDS: reserved('BPF_ALU'),
  ADDR_SPACES: {
    errno: ERRNO.EINVAL,
    text: () => 'addr_space_cast insn can only convert between address space 1 and 0',
    why: 'Only the arena (address space 1) and the kernel (0) are known. Annotate arena pointers with address_space(1).',
  },
  NO_ARENA: {
    errno: ERRNO.EINVAL,
    text: () => 'addr_space_cast insn can only be used in a program that has an associated arena',
    why: 'The program names no arena map. Define one (BPF_MAP_TYPE_ARENA) and refer to it.',
  },
  POINTER_ARITHMETIC: {
    errno: ERRNO.EACCES,
    text: (regno: number) => `R${regno} pointer arithmetic prohibited`,
    why: 'The operation would turn a kernel address into a number that a program without CAP_PERFMON could read.',
  },
  SIGN_EXTEND_POINTER: {
    errno: ERRNO.EACCES,
    text: (regno: number) => `R${regno} sign-extension part of pointer`,
    why: 'Part of a kernel address would become a number that a program without CAP_PERFMON could read.',
  },
  PARTIAL_COPY: {
    errno: ERRNO.EACCES,
    text: (regno: number) => `R${regno} partial copy of pointer`,
    why: 'Half of a kernel address would become a number that a program without CAP_PERFMON could read.',
  },
  DIV_BY_ZERO: {
    errno: ERRNO.EINVAL,
    text: () => 'div by zero',
    why: 'The divisor is the constant 0. A divisor in a register may be 0: the result is then 0, or the dividend of a remainder.',
  },
  INVALID_SHIFT: {
    errno: ERRNO.EINVAL,
    text: (imm: number) => `invalid shift ${imm}`,
    why: 'A shift by a constant must be less than the width of the operation, 32 or 64. Mask the distance, or shift in a wider type.',
  },
  POINTERS_COMBINED: {
    errno: ERRNO.EACCES,
    text: (regno: number, op: string) => `R${regno} pointer ${op} pointer prohibited`,
    why: 'Two pointers can only be subtracted from each other, and only with CAP_PERFMON. Compute with offsets from one of them.',
  },
  PTR_ALU32: {
    errno: ERRNO.EACCES,
    text: (regno: number) => `R${regno} 32-bit pointer arithmetic prohibited`,
    why: 'A 32-bit operation would cut the pointer in half. Compute the offset first, then add it with a 64-bit operation.',
  },
  PTR_MAYBE_NULL: {
    errno: ERRNO.EACCES,
    text: (regno: number, type: string) => `R${regno} pointer arithmetic on ${type} prohibited, null-check it first`,
    why: 'The pointer may be NULL here; compare it with NULL before moving it.',
  },
  PTR_PROHIBITED: {
    errno: ERRNO.EACCES,
    text: (regno: number, type: string) => `R${regno} pointer arithmetic on ${type} prohibited`,
    why: 'Pointers of this kind cannot be moved. Use them as they were given.',
  },
  SUBTRACT_FROM_SCALAR: {
    errno: ERRNO.EACCES,
    text: (regno: number) => `R${regno} tried to subtract pointer from scalar`,
    why: 'The result would be neither a pointer nor a useful number. Subtract the number from the pointer instead.',
  },
  SUBTRACT_FROM_STACK: {
    errno: ERRNO.EACCES,
    text: (regno: number) => `R${regno} subtraction from stack pointer prohibited`,
    why: 'A stack pointer is moved by additions only. Add a negative constant instead.',
  },
  PTR_BITWISE: {
    errno: ERRNO.EACCES,
    text: (regno: number, op: string) => `R${regno} bitwise operator ${op} on pointer prohibited`,
    why: 'A pointer can only be moved by addition and subtraction. Compute the offset apart from it, and add that.',
  },
  PTR_OPERATOR: {
    errno: ERRNO.EACCES,
    text: (regno: number, op: string) => `R${regno} pointer arithmetic with ${op} operator prohibited`,
    why: 'A pointer can only be moved by addition and subtraction. Compute the offset apart from it, and add that.',
  },
  MATH_CONST: {
    errno: ERRNO.EINVAL,
    text: (type: string, value: string) => `math between ${type} pointer and ${value} is not allowed`,
    why: 'The distance is beyond what offsets may reach (2^29 bytes). Bound the number by the size of the memory first.',
  },
  PTR_OFFSET: {
    errno: ERRNO.EINVAL,
    text: (type: string, off: number) => `${type} pointer offset ${off} is not allowed`,
    why: 'The pointer moved further than offsets may reach (2^29 bytes). Start again from the beginning of the memory.',
  },
  MATH_UNBOUNDED: {
    errno: ERRNO.EINVAL,
    text: (type: string) => `math between ${type} pointer and register with unbounded min value is not allowed`,
    why: 'Nothing is known about how small the number is; bound it from below first.',
  },
  PTR_OUT_OF_BOUNDS: {
    errno: ERRNO.EINVAL,
    text: (value: string, type: string) => `value ${value} makes ${type} pointer be out of bounds`,
    why: 'The number may move the pointer further than offsets may reach (2^29 bytes). Bound it by the size of the memory first.',
  },
  MIXED_SIGN: {
    errno: ERRNO.EACCES,
    text: (regno: number) => `R${regno} has unknown scalar with mixed signed bounds, ${UNPRIV}`,
    why: MASKING,
  },
  UNSUPPORTED_ALU: {
    errno: ERRNO.EACCES,
    text: (regno: number) => `R${regno} has pointer with unsupported alu operation, ${UNPRIV}`,
    why: MASKING,
  },
  DIFFERENT_PATHS: {
    errno: ERRNO.EACCES,
    text: (regno: number, op: string) => `R${regno} tried to ${op} from different maps, paths or scalars, ${UNPRIV}`,
    why: MASKING,
  },
  BEYOND_POINTER: {
    errno: ERRNO.EACCES,
    text: (regno: number, op: string) => `R${regno} tried to ${op} beyond pointer bounds, ${UNPRIV}`,
    why: MASKING,
  },
  NOT_PUSHED: {
    errno: ERRNO.ENOMEM,
    text: (regno: number) => `R${regno} could not be pushed for speculative verification, ${UNPRIV}`,
    why: 'The path of a mispredicting processor has to be looked at too, and 8192 branches wait already. Split the function, or load with CAP_PERFMON.',
  },
  STACK_VARIABLE_UNPRIV: {
    errno: ERRNO.EACCES,
    text: (regno: number, tnum: string, off: number) =>
      `R${regno} variable stack access prohibited for !root, var_off=${tnum} off=${off}`,
    why: 'Without CAP_PERFMON the stack may only be addressed with constants. Put arrays that are indexed into a map.',
  },
  STACK_RANGE_UNPRIV: {
    errno: ERRNO.EACCES,
    text: (regno: number, off: number) =>
      `R${regno} stack pointer arithmetic goes out of range, prohibited for !root; off=${off}`,
    why: 'Without CAP_PERFMON a stack pointer may not even point outside the stack. Bound the offset before it is added.',
  },
  MAP_RANGE_UNPRIV: {
    errno: ERRNO.EACCES,
    text: (regno: number) => `R${regno} pointer arithmetic of map value goes out of range, prohibited for !root`,
    why: 'Without CAP_PERFMON a map value pointer may not even point outside the value. Bound the offset before it is added.',
  },
} as const satisfies Record<string, Rejection<never>>;
