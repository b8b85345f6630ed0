/** Rejections of programs that replace or trace functions of other programs (bpf_check_attach_target, btf_check_type_match). */
import { ERRNO } from '../../../../uapi/errno.ts';
import type { Rejection } from '../reject.ts';

const { EINVAL } = ERRNO;
const fixed = (text: string) => () => text;

export const ATTACH_PROGRAM = {
  KERNEL_FUNCTION: {
    errno: EINVAL,
    text: fixed('Cannot replace kernel functions'),
    why: 'Programs of this type replace functions of other programs. Give the program whose function it is (attach_prog_fd).',
  },
  UNTYPED: {
    errno: EINVAL,
    text: fixed('FENTRY/FEXIT program can only be attached to another program annotated with BTF'),
    why: 'The target program was loaded without types, so its functions are unknown. Compile it with -g and load it with its BTF.',
  },
  NO_FUNCTION: {
    errno: EINVAL,
    text: (name: string) => `Subprog ${name} doesn't exist`,
    why: 'The object has such a function, but the target program does not call it, so that it is no part of it. Take the program that does.',
  },
  EXCEPTION_CALLBACK: {
    errno: EINVAL,
    text: (kind: string) => `${kind} programs cannot attach to exception callback`,
    why: 'The function runs when the target program throws; what stood on it would be skipped. Attach to another function.',
  },
  STATIC: {
    errno: EINVAL,
    text: fixed('Cannot replace static functions'),
    why: 'Only functions that the verifier checks by their prototype alone can be replaced: make it global (not static) and __noinline, with a context or numbers as parameters.',
  },
  CHANGES_PACKET: {
    errno: EINVAL,
    text: fixed('Extension program changes packet data, while original does not'),
    why: 'Callers keep their packet pointers over a call of the replaced function. Let the replaced function change the packet as well, if only on a path that is never taken.',
  },
  MIGHT_SLEEP: {
    errno: EINVAL,
    text: fixed('Extension program may sleep, while original does not'),
    why: 'The replaced function was checked as one that never sleeps, and may be called where nothing must. Do without the call that sleeps.',
  },
  NESTED: {
    errno: EINVAL,
    text: fixed('Cannot nest tracing program attach more than once'),
    why: 'The target traces a program itself. Tracing programs stand on each other at most once.',
  },
  RECURSIVE: {
    errno: EINVAL,
    text: fixed('Cannot recursively attach'),
    why: 'The target replaces a function itself. Attach to the program that is replaced in, or trace this one.',
  },
  EXTENDS_TRACING: {
    errno: EINVAL,
    text: fixed('Cannot extend fentry/fexit'),
    why: 'Functions of fentry and fexit programs are not replaced: they could then trace themselves without end.',
  },
  NOT_AROUND: {
    errno: EINVAL,
    text: fixed('Only FENTRY/FEXIT progs are attachable to another BPF prog'),
    why: "Raw tracepoints are the kernel's. Functions of programs are traced by fentry and fexit.",
  },
  MODIFIES: {
    errno: EINVAL,
    text: fixed("can't modify return codes of BPF programs"),
    why: 'What a program returns is not modified by fmod_ret. Replace the function with an freplace program.',
  },
  NO_BTF: {
    errno: EINVAL,
    text: fixed('Program extension requires BTF'),
    why: 'The types of the two functions are compared. Compile with -g, and load the program with its BTF and func_info.',
  },
  NOT_GLOBAL: {
    errno: EINVAL,
    text: (fn: string) => `${fn}() is not a global function`,
    why: 'Both functions have to be global: without static.',
  },
  ARG_COUNT: {
    errno: EINVAL,
    text: (fn: string, n: number, target: string, m: number) => `${fn}() has ${n} args while ${target}() has ${m} args`,
    why: 'The two functions must have the same parameters. Give the program the prototype of the function that it replaces.',
  },
  RETURN: {
    errno: EINVAL,
    text: (type: string, fn: string, other: string, target: string) =>
      `Return type ${type} of ${fn}() doesn't match type ${other} of ${target}()`,
    why: 'The two functions must return the same type. Give the program the prototype of the function that it replaces.',
  },
  ARG_KIND: {
    errno: EINVAL,
    text: (i: number, fn: string, type: string, target: string, other: string) =>
      `arg${i} in ${fn}() is ${type} while ${target}() has ${other}`,
    why: 'The parameters must be of the same kind. Give the program the prototype of the function that it replaces.',
  },
  ARG_SIZE: {
    errno: EINVAL,
    text: (i: number, fn: string, size: number, target: string, other: number) =>
      `arg${i} in ${fn}() has size ${size} while ${target}() has ${other}`,
    why: 'The parameters must be of the same size. Give the program the prototype of the function that it replaces.',
  },
  ARG_TYPE: {
    errno: EINVAL,
    text: (i: number, fn: string) => `arg${i} in ${fn}() has unrecognized type`,
    why: 'Functions that are replaced take numbers and the context.',
  },
  ARG_NO_CONTEXT: {
    errno: EINVAL,
    text: (i: number, fn: string) => `arg${i} in ${fn}() is not a pointer to context`,
    why: 'Of pointers, functions that are replaced take the context alone.',
  },
  ARG_CONTEXT: {
    errno: EINVAL,
    text: (i: number, fn: string, type: string, target: string, other: string) =>
      `arg${i} ${fn}(struct ${type} *) doesn't match ${target}(struct ${other} *)`,
    why: 'The two functions must take the same context. Give the program the prototype of the function that it replaces.',
  },
} as const satisfies Record<string, Rejection<never>>;
