/** Rejections of helper calls as such: which helper, in which place, on which map, and what may be returned. */
import { ERRNO } from '../../../../uapi/errno.ts';
import type { Rejection } from '../reject.ts';

export const CALL = {
  INVALID_FUNC: {
    errno: ERRNO.EINVAL,
    text: (name: string, id: number) => `invalid func ${name}#${id}`,
    why: 'No helper of this kernel has this number. Was the program compiled with the headers of a newer kernel, or an undefined function been called?',
  },
  HELPER_NOT_ALLOWED: {
    errno: ERRNO.EINVAL,
    text: (name: string, id: number) => `program of this type cannot use helper ${name}#${id}`,
    why: 'Each program type has its own list of helpers. Some also need more capabilities, another attach type, or a sleepable program.',
  },
  GPL_ONLY: {
    errno: ERRNO.EINVAL,
    text: () => 'cannot call GPL-restricted function from non-GPL compatible program',
    why: 'This helper is open to programs whose license string is compatible with the GPL. Set the one of the object, for example to "GPL".',
  },
  NOT_IN_PROBE: {
    errno: ERRNO.EINVAL,
    text: () => 'helper call is not allowed in probe',
    why: 'The helper is not safe in the function that the program is attached to. Attach to another one, or leave the call out.',
  },
  MIGHT_SLEEP: {
    errno: ERRNO.EINVAL,
    text: () => 'helper call might sleep in a non-sleepable prog',
    why: 'It may sleep, so only programs loaded with BPF_F_SLEEPABLE may call it. Where the hook allows that, use its sleepable section (fentry.s and the like).',
  },
  SLEEPABLE_IN: {
    errno: ERRNO.EINVAL,
    text: (name: string, id: number, region: string) => `sleepable helper ${name}#${id} in ${region} region`,
    why: 'Inside this section nothing may sleep. Call the helper before or after it.',
  },
  MAP_FUNC_MISMATCH: {
    errno: ERRNO.EINVAL,
    text: (type: number, name: string, id: number) => `cannot pass map_type ${type} into func ${name}#${id}`,
    why: 'The helper does not work on maps of this type. Its documentation says which it takes.',
  },
  SOCKMAP_CONTEXT: {
    errno: ERRNO.EINVAL,
    text: (type: number, name: string, id: number) =>
      `cannot update sockmap in this context\ncannot pass map_type ${type} into func ${name}#${id}`,
    why: 'Socket maps may only be changed where the socket lock cannot be held already. Update them from sock_ops, or from user space.',
  },
  MAP_WRITE_FORBIDDEN: {
    errno: ERRNO.EACCES,
    text: () => 'write into map forbidden',
    why: 'The map was created with BPF_F_RDONLY_PROG: programs may only read it. Drop the flag, or change the map from user space.',
  },
  EXPECTED_PROG_ARRAY: {
    errno: ERRNO.EINVAL,
    text: () => 'expected prog array map for tail call',
    why: 'The second argument of bpf_tail_call is no array of programs. Pass a map of type BPF_MAP_TYPE_PROG_ARRAY.',
  },
  NOT_ACQUIRED: {
    errno: ERRNO.EINVAL,
    text: (name: string, id: number) => `func ${name}#${id} reference has not been acquired before`,
    why: 'The object was released already, or never acquired by this program. Release each once, on every path.',
  },
  LOCAL_STORAGE_FLAGS: {
    errno: ERRNO.EINVAL,
    text: () => "get_local_storage() doesn't support non-zero flags",
    why: 'The helper cannot report an error, so it takes no flags. Pass the constant 0.',
  },
  DYNPTR_FROM_MEM: {
    errno: ERRNO.EACCES,
    text: (type: string) => `Unsupported reg type ${type} for bpf_dynptr_from_mem data`,
    why: 'A local dynptr can only stand on a map value. Copy the data into one, or use bpf_dynptr_from_skb and the like.',
  },
  LSM_VOID_RETVAL: {
    errno: ERRNO.EINVAL,
    text: () => "BPF_LSM_CGROUP that attach to void LSM hooks can't modify return value!",
    why: 'The hook returns nothing, so there is no value to set. Leave the call out.',
  },
  TYPE_SIZE: {
    errno: ERRNO.EINVAL,
    text: (type: string, errno: number) => `unable to resolve the size of type '${type}': ${errno}`,
    why: 'The type of the kernel variable is incomplete, so nothing is known about what may be read. Declare it as a variable whose type is defined.',
  },
  FUNC_IP_TRACING: {
    errno: ERRNO.ENOTSUPP,
    text: (name: string, id: number) => `func ${name}#${id} supported only for fentry/fexit/fmod_ret programs`,
    why: 'Only these attach points know the address of the traced function. Attach by one of them.',
  },
  FUNC_IP_TYPE: {
    errno: ERRNO.ENOTSUPP,
    text: (name: string, id: number, type: number) => `func ${name}#${id} not supported for program type ${type}`,
    why: 'This program type does not know the address of a traced function. Use kprobe or fentry programs.',
  },
  KPTR_TYPE: {
    errno: ERRNO.EACCES,
    text: (regno: number, type: string, expected: string) =>
      `invalid kptr access, R${regno} type=${type} expected=${expected}`,
    why: 'A kptr member takes only unmodified pointers to its own struct. Acquire the object, and store just that pointer.',
  },
  RETURN_LEAKS: {
    errno: ERRNO.EACCES,
    text: (regno: number) => `R${regno} leaks addr as return value`,
    why: 'Without CAP_PERFMON an address must not leave the program. Return a number.',
  },
  SUBPROG_RETURN: {
    errno: ERRNO.EINVAL,
    text: (regno: number, type: string) => `At subprogram exit the register R${regno} is not a scalar value (${type})`,
    why: 'Global functions and callbacks return numbers. Make the function static when it should return a pointer.',
  },
  RETURN_NOT_KNOWN: {
    errno: ERRNO.EINVAL,
    text: (where: string, regno: number, type: string) =>
      `${where} the register R${regno} is not a known value (${type})`,
    why: 'The kernel acts on the returned number here, and this is a pointer. Set the return value on every path.',
  },
  RETURN_RANGE: {
    errno: ERRNO.EINVAL,
    text: (where: string, reg: string, has: string, min: number, max: number) =>
      `${where} the register ${reg} has${has} should have been in [${min}, ${max}]`,
    why: 'The kernel acts on the returned value and knows only these. Set it to one of them on every path.',
  },
  RETURN_VOID_HOOK: {
    errno: ERRNO.EINVAL,
    text: () => "Note, BPF_LSM_CGROUP that attach to void LSM hooks can't modify return value!",
    why: 'The hook returns nothing that could be changed. Return 1.',
  },
} as const satisfies Record<string, Rejection<never>>;
