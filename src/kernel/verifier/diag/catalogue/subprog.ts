/** Rejections about functions of the program: calls, returns, arguments by BTF. */
import { ERRNO } from '../../../../uapi/errno.ts';
import type { Rejection } from '../reject.ts';

const TAGS =
  'The `__arg_*` annotations of the parameter contradict each other or its type, or are newer than this kernel. Keep one of __arg_ctx, __arg_nonnull, __arg_trusted, __arg_untrusted and __arg_arena; only __arg_trusted goes with __arg_nullable.';

export const SUBPROG = {
  STACK_TOO_DEEP: {
    errno: ERRNO.E2BIG,
    text: (frames: number) => `the call stack of ${frames} frames is too deep`,
    why: 'At most eight functions may be active at once, callbacks included. Inline small functions.',
  },
  RETURNS_STACK_POINTER: {
    errno: ERRNO.EINVAL,
    text: () => 'cannot return stack pointer to the caller',
    why: 'The frame that the pointer points into ends with the return. Let the caller provide the memory.',
  },
  CALLBACK_R0: {
    errno: ERRNO.EACCES,
    text: () => 'R0 not a scalar value',
    why: 'A callback must return a number: 0 to go on, 1 to stop. Set it on every path.',
  },
  CALLBACK_RANGE: {
    errno: ERRNO.EINVAL,
    text: (has: string, min: number, max: number) =>
      `At callback return the register R0 has${has} should have been in [${min}, ${max}]`,
    why: 'The helper that runs the callback understands only these return values (0 goes on, 1 stops).',
  },
  GLOBAL_WHILE_LOCKED: {
    errno: ERRNO.EINVAL,
    text: () => 'global function calls are not allowed while holding a lock,\nuse static function instead',
    why: 'A global function is verified by itself; that its caller holds a lock is not known there.',
  },
  GLOBAL_SLEEPABLE: {
    errno: ERRNO.EINVAL,
    text: () =>
      'global functions that may sleep are not allowed in non-sleepable context,\ni.e., in a RCU/IRQ/preempt-disabled section, or in\na non-sleepable BPF program context',
    why: 'The function may sleep, which its caller may not here. Call it outside of the section, or load the program with BPF_F_SLEEPABLE.',
  },
  GLOBAL_BAD_ARGS: {
    errno: ERRNO.EINVAL,
    text: (subprog: number, name: string) => `Caller passes invalid args into func#${subprog} ('${name}')`,
    why: 'A global function is verified for the types of its prototype, so the caller must pass just those.',
  },
  ARG_NOT_SCALAR: {
    errno: ERRNO.EINVAL,
    text: (regno: number) => `R${regno} is not a scalar`,
    why: "The function's prototype wants a number, and the register holds a pointer or nothing.",
  },
  ARG_NOT_CTX: {
    errno: ERRNO.EINVAL,
    text: (i: number) => `arg#${i} expects pointer to ctx`,
    why: "The function's prototype wants the program's context, as the main function got it.",
  },
  ARG_MAYBE_NULL: {
    errno: ERRNO.EINVAL,
    text: (i: number) => `arg#${i} is expected to be non-NULL`,
    why: 'The parameter is annotated as never NULL; check the pointer before the call.',
  },
  ARG_NOT_ARENA: {
    errno: ERRNO.EINVAL,
    text: (regno: number) => `R${regno} is not a pointer to arena or scalar.`,
    why: 'The parameter is annotated as an arena pointer. Pass one, or a number that was cast to one.',
  },
  ARG_MEM: {
    errno: ERRNO.EINVAL,
    text: () => '',
    why: 'The memory that is passed is smaller than what the parameter points to, or may not be accessed. The line before says where.',
  },
  TOO_MANY_ARGS: {
    errno: ERRNO.EINVAL,
    text: (name: string, n: number) => `Global function ${name}() with ${n} > 5 args. Buggy compiler.`,
    why: 'Functions take at most five arguments, in R1 to R5. Pass a pointer to a struct.',
  },
  RETURN_TYPE: {
    errno: ERRNO.EINVAL,
    text: (name: string) => `Global function ${name}() doesn't return scalar. Only those are supported.`,
    why: 'Global functions return int, an enum or another integer. Make the function static when it should return something else.',
  },
  STATIC_TAG: {
    errno: ERRNO.EOPNOTSUPP,
    text: (i: number) => `arg#${i} type tag is not supported in static functions`,
    why: 'Static functions are verified with what their callers really pass; annotations mean nothing there. Drop the annotation, or the word static.',
  },
  UNKNOWN_TAG: { errno: ERRNO.EOPNOTSUPP, text: (i: number) => `arg#${i} has unsupported set of tags`, why: TAGS },
  TAG_COMBINATION: { errno: ERRNO.EINVAL, text: (i: number) => `arg#${i} has invalid combination of tags`, why: TAGS },
  CTX_UNNAMED: {
    errno: ERRNO.EINVAL,
    text: (i: number) => `arg#${i} type doesn't have a name`,
    why: 'A parameter with __arg_ctx points to a type by whose name the context is known, or to void.',
  },
  CTX_TYPE: {
    errno: ERRNO.EINVAL,
    text: (i: number, struct: string) => `arg#${i} should be \`struct ${struct} *\``,
    why: 'A parameter with __arg_ctx points to the struct that programs of this type get as their context, or to void.',
  },
  CTX_NO_VOID: {
    errno: ERRNO.EINVAL,
    text: (i: number) => `arg#${i} should be void pointer`,
    why: 'The context of this program type has no struct: a parameter with __arg_ctx points to void, or to u64 where it is an array of arguments.',
  },
  TAG_UNTRUSTED: {
    errno: ERRNO.EINVAL,
    text: (i: number) => `arg#${i} untrusted cannot be combined with any other tags`,
    why: TAGS,
  },
  TAG_ARENA: {
    errno: ERRNO.EINVAL,
    text: (i: number) => `arg#${i} arena cannot be combined with any other tags`,
    why: TAGS,
  },
  TAG_NO_POINTER: {
    errno: ERRNO.EINVAL,
    text: (i: number) => `arg#${i} has pointer tag, but is not a pointer type`,
    why: TAGS,
  },
  ARG_SIZE: {
    errno: ERRNO.EINVAL,
    text: (i: number, kind: string, name: string) =>
      `arg#${i} reference type('${kind} ${name}') size cannot be determined: -22`,
    why: 'The parameter points to a type without a size, so nothing can be said about what may be accessed.',
  },
  ARG_UNSUPPORTED: {
    errno: ERRNO.EINVAL,
    text: (i: number, kind: string, name: string) => `Arg#${i} type ${kind} in ${name}() is not supported yet.`,
    why: 'Parameters of global functions are numbers and pointers. Pass the struct by a pointer.',
  },
  ARG_KERNEL_TYPE: {
    errno: ERRNO.ENOENT,
    text: (i: number, kind: string, name: string) => `arg#${i} reference type('${kind} ${name}') has no matches`,
    why: 'A trusted or untrusted kernel pointer must point to a type that the kernel has too. Define the struct (a mere declaration is a type of its own), with the name that the kernel gives it.',
  },
  ARG_AMBIGUOUS: {
    errno: ERRNO.ESRCH,
    text: (i: number, kind: string, name: string) => `arg#${i} reference type('${kind} ${name}') is ambiguous`,
    why: 'The kernel has several types of this name, so it cannot be told which of them the parameter points to. Pass the pointer in another way, for example to a static function.',
  },
  ARG_UNNAMED: {
    errno: ERRNO.EINVAL,
    text: (i: number, kind: string) =>
      `arg#${i} reference type('${kind} (anon)') candidate matching error: ${-ERRNO.EINVAL}`,
    why: 'A trusted kernel pointer must point to a type with a name, under which it is looked up in the kernel.',
  },
  EXCEPTION_CB_ARGS: {
    errno: ERRNO.EINVAL,
    text: () => 'exception cb only supports single integer argument',
    why: 'The exception callback gets the cookie of bpf_throw and nothing else. Give it one parameter, a u64.',
  },
  FOR_EACH_MAP: {
    errno: ERRNO.ENOTSUPP,
    text: () => 'callback function not allowed for map',
    why: 'bpf_for_each_map_elem does not walk maps of this type. It walks arrays and hashes, LRU and per-CPU ones included.',
  },
} as const satisfies Record<string, Rejection<never>>;
