/** Rejections about arguments of helpers: types, memory, sizes. */
import { ERRNO } from '../../../../uapi/errno.ts';
import type { Rejection } from '../reject.ts';

export const ARGS = {
  LEAKS_ADDR_INTO_HELPER: {
    errno: ERRNO.EACCES,
    text: (regno: number) => `R${regno} leaks addr into helper function`,
    why: 'The helper takes a number here, and without CAP_PERFMON a pointer must not become visible as one.',
  },
  PACKET_NOT_ALLOWED: {
    errno: ERRNO.EACCES,
    text: () => 'helper access to the packet is not allowed',
    why: 'This helper, or this program type, does not take packet pointers. Copy the bytes to the stack first.',
  },
  TYPE_MISMATCH: {
    errno: ERRNO.EACCES,
    text: (regno: number, type: string, expected: string) => `R${regno} type=${type} expected=${expected}`,
    why: 'The argument is not of a kind that the helper takes. An _or_null pointer must be compared with NULL before it is passed on.',
  },
  MAY_WRITE_INTO: {
    errno: ERRNO.EACCES,
    text: (func: string, regno: number, type: string) =>
      `${func}() may write into memory pointed by R${regno} type=${type}`,
    why: 'The helper writes to this argument, and kernel objects are read-only for programs. Give it a buffer on the stack.',
  },
  POSSIBLY_NULL: {
    errno: ERRNO.EACCES,
    text: (regno: number) => `Possibly NULL pointer passed to helper arg${regno}`,
    why: 'The helper needs a valid object; compare the pointer with NULL first.',
  },
  BTF_TYPE_MISMATCH: {
    errno: ERRNO.EACCES,
    text: (regno: number, is: string, expected: string) => `R${regno} is of type ${is} but ${expected} is expected`,
    why: 'The pointer leads to another kernel struct than the helper takes. Follow the member that leads to the right one, or look for a helper that converts.',
  },
  RELEASE_OFFSET: {
    errno: ERRNO.EINVAL,
    text: (regno: number) => `R${regno} must have zero offset when passed to release func or trusted arg to kfunc`,
    why: 'An object is released through the pointer that was acquired, not through one into its middle.',
  },
  UNACQUIRED_DYNPTR: {
    errno: ERRNO.EINVAL,
    text: (regno: number) => `arg ${regno} is an unacquired reference`,
    why: 'There is no dynptr with a reference at this stack address. Reserve one first, and release it once.',
  },
  RELEASE_CONST_DYNPTR: {
    errno: ERRNO.EINVAL,
    text: () => 'cannot release unowned const bpf_dynptr',
    why: 'The dynptr was given by the kernel; only a dynptr that the program made can be released by it.',
  },
  NOT_REFERENCED: {
    errno: ERRNO.EINVAL,
    text: (regno: number) => `R${regno} must be referenced when passed to release function`,
    why: 'The object was not acquired by this program, or it was released already.',
  },
  MANY_REFERENCED: {
    errno: ERRNO.EACCES,
    text: (regno: number, a: number, b: number) => `more than one arg with ref_obj_id R${regno} ${a} ${b}`,
    why: 'The call would not know which of the referenced arguments its result belongs to. Pass one acquired object at a time.',
  },
  TIMER_MAP_MISMATCH: {
    errno: ERRNO.EINVAL,
    text: (timer: number, map: number) =>
      `timer pointer in R1 map_uid=${timer} doesn't match map pointer in R2 map_uid=${map}`,
    why: 'A timer must be initialised with the map that its value lies in. Pass that map as the second argument.',
  },
  NOT_CONSTANT: {
    errno: ERRNO.EACCES,
    text: (regno: number) => `R${regno} is not a known constant'`,
    why: 'The size of what is allocated must be one number that is known when the program is loaded.',
  },
  SIZE_NEGATIVE: {
    errno: ERRNO.EACCES,
    text: (regno: number) => `R${regno} min value is negative, either use unsigned or 'var &= const'`,
    why: 'The size may be negative on this path. Compare it with a bound first, as an unsigned number.',
  },
  SIZE_ZERO: {
    errno: ERRNO.EACCES,
    text: (regno: number, umin: string, umax: string) => `R${regno} invalid zero-sized read: u64=[${umin},${umax}]`,
    why: 'The size may be 0, which the helper does not take. Check for it first.',
  },
  SIZE_UNBOUNDED: {
    errno: ERRNO.EACCES,
    text: (regno: number) => `R${regno} unbounded memory access, use 'var &= const' or 'if (var < const)'`,
    why: 'Nothing bounds the size on this path. Compare it with a constant before the call.',
  },
  CANNOT_WRITE_INTO: {
    errno: ERRNO.EACCES,
    text: (regno: number, type: string) => `R${regno} cannot write into ${type}`,
    why: 'The helper would write to memory that is read-only for programs. Give it a buffer on the stack.',
  },
  SOCKMAP_ARG: {
    errno: ERRNO.EINVAL,
    text: () => 'invalid arg_type for sockmap/sockhash',
    why: 'Values of socket maps are sockets. Pass a socket, not memory.',
  },
  STR_NOT_MAP_VALUE: {
    errno: ERRNO.EACCES,
    text: (regno: number) => `R${regno} does not point to a readonly map'`,
    why: 'A format string must lie in a frozen read-only map: write it as a string constant.',
  },
  STR_NOT_CONSTANT_ADDRESS: {
    errno: ERRNO.EACCES,
    text: (regno: number) => `R${regno} is not a constant address'`,
    why: 'Which string is meant must be known when the program is loaded. Choose among string constants by branches, not by an index.',
  },
  STR_NO_DIRECT_ACCESS: {
    errno: ERRNO.EACCES,
    text: () => 'no direct value access support for this map type',
    why: 'Only array maps hold constant strings. Write the string as a constant: it then lies in .rodata.',
  },
  STR_DIRECT_ACCESS_FAILED: {
    errno: ERRNO.ENOTSUPP,
    text: () => 'direct value access on string failed',
    why: 'The array has more than one element, or none that can be read. A string constant lies in an array of one element, as .rodata does.',
  },
  STR_NOT_TERMINATED: {
    errno: ERRNO.EINVAL,
    text: () => 'string is not zero-terminated',
    why: 'The string runs to the end of the map value. End it with a 0 byte.',
  },
  RBTREE_CB_LOCK: {
    errno: ERRNO.EACCES,
    text: () => "can't spin_{lock,unlock} in rbtree cb",
    why: 'The comparison callback of a tree runs with its lock held, which the caller of bpf_rbtree_add takes and gives back.',
  },
  FMT_INVALID: {
    errno: ERRNO.EINVAL,
    text: () => 'Invalid format string',
    why: 'The format has a conversion that bpf_snprintf does not know, or another number of conversions than arguments.',
  },
} as const satisfies Record<string, Rejection<never>>;
