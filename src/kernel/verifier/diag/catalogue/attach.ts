/** Rejections of what a program wants to be attached to (check_attach_btf_id, bpf_check_attach_target). */
import { ERRNO } from '../../../../uapi/errno.ts';
import type { Rejection } from '../reject.ts';

const { EINVAL, ENOTSUPP } = ERRNO;
const fixed = (text: string) => () => text;
const byId = (what: string) => (id: number) => `attach_btf_id ${id} ${what}`;
const unsupportedMember = (member: string, struct: string) =>
  `attach to unsupported member ${member} of struct ${struct}`;

export const ATTACH = {
  SYSCALL_SLEEPABLE: {
    errno: EINVAL,
    text: fixed('Syscall programs can only be sleepable'),
    why: 'Programs of this type run in the context of a process and may always sleep. Load them with BPF_F_SLEEPABLE.',
  },
  NOT_SLEEPABLE_TYPE: {
    errno: EINVAL,
    text: fixed('Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable'),
    why: 'Programs of this type run where the kernel must not sleep. Load the program without BPF_F_SLEEPABLE, or attach it elsewhere.',
  },
  NO_BTF_ID: {
    errno: EINVAL,
    text: fixed('Tracing programs must provide btf_id'),
    why: 'Tracing programs must name the kernel function, tracepoint or iterator by its BTF type. Put its name into the section, as in fentry/vfs_read.',
  },
  INVALID_ID: {
    errno: EINVAL,
    text: byId('is invalid'),
    why: 'The kernel BTF has no type of that number. Was the program made for another kernel?',
  },
  NOT_TYPEDEF: {
    errno: EINVAL,
    text: byId('is not a typedef'),
    why: 'Raw tracepoints are named by their btf_trace_* typedef, and that type is not one. Was the program made for another kernel?',
  },
  NOT_FUNCTION: {
    errno: EINVAL,
    text: byId('is not a function'),
    why: 'This attach type wants a kernel function, and the type of that number is something else. Was the program made for another kernel?',
  },
  WRONG_NAME: {
    errno: EINVAL,
    text: (id: number, name: string) => `attach_btf_id ${id} points to wrong type name ${name}`,
    why: 'The type exists, but it is no hook of the kind that the attach type names. Check the section name and the name of the hook.',
  },
  NOT_SLEEPABLE: {
    errno: EINVAL,
    text: (name: string) => `${name} is not sleepable`,
    why: 'This kernel function is also called where the kernel must not sleep. Load the program without BPF_F_SLEEPABLE.',
  },
  UNSUPPORTED_ITER: {
    errno: EINVAL,
    text: fixed(''),
    why: 'The function is no iterator target of this kernel. Iterators are the functions named bpf_iter_*.',
  },
  UNSUPPORTED_TYPE: {
    errno: EINVAL,
    text: fixed(''),
    why: 'This attach type does not take a kernel function. Tracing programs name fentry, fexit, fmod_ret, raw tracepoints or iterators.',
  },
  NO_PROTO: {
    errno: EINVAL,
    text: fixed(''),
    why: 'The BTF of the attach target has no function prototype, so its arguments are unknown. Attach to another function.',
  },
  LSM_NOT_GPL: {
    errno: EINVAL,
    text: fixed('LSM programs must have a GPL compatible license'),
    why: 'LSM programs must be under a GPL compatible licence. Set the license string of the object, for example to "GPL".',
  },
  LSM_DISABLED: {
    errno: EINVAL,
    text: (id: number, name: string) => `attach_btf_id ${id} points to disabled hook ${name}`,
    why: 'Programs cannot implement this hook: what it returns or passes on is more than a verdict.',
  },
  NOT_MODIFIABLE: {
    errno: EINVAL,
    text: (name: string) => `${name}() is not modifiable`,
    why: 'Only system calls, security hooks and error injection points may have their result replaced.',
  },
  NORETURN: {
    errno: EINVAL,
    text: (name: string) => `Attaching fexit/fmod_ret to __noreturn function '${name}' is rejected.`,
    why: 'The function never returns, so that nothing would run after it. Use fentry.',
  },
  DENIED: {
    errno: EINVAL,
    text: (name: string) => `Attaching tracing programs to function '${name}' is rejected.`,
    why: 'The function is used by the tracing machinery itself, which would call itself without end. Attach to one of its callers.',
  },
  STRUCT_OPS_NOT_GPL: {
    errno: EINVAL,
    text: fixed('struct ops programs must have a GPL compatible license'),
    why: 'struct_ops programs must be under a GPL compatible licence. Set the license string of the object, for example to "GPL".',
  },
  STRUCT_OPS_NO_ID: { errno: ENOTSUPP, text: fixed(''), why: 'The load must name the kernel struct by its BTF type.' },
  STRUCT_OPS_UNSUPPORTED: {
    errno: ENOTSUPP,
    text: byId('is not a supported struct'),
    why: 'The kernel does not let programs implement this struct. Only tables that were registered for it can be.',
  },
  STRUCT_OPS_MEMBER: {
    errno: EINVAL,
    text: (index: number, name: string) => `attach to invalid member idx ${index} of struct ${name}`,
    why: 'The struct has fewer members than the attach type counts. Was the program made for another kernel?',
  },
  STRUCT_OPS_NOT_FUNC: {
    errno: EINVAL,
    text: (member: string, index: number, name: string) =>
      `attach to invalid member ${member}(@idx ${index}) of struct ${name}`,
    why: 'The member is no pointer to a function. Only those can be implemented by a program.',
  },
  STRUCT_OPS_NOT_SUPPORTED: {
    errno: ENOTSUPP,
    text: unsupportedMember,
    why: 'The kernel does not let programs implement this member. Leave it out: the kernel has a default.',
  },
  STRUCT_OPS_SLEEPABLE: {
    errno: EINVAL,
    text: unsupportedMember,
    why: 'The kernel calls this member where it must not sleep; load the program without BPF_F_SLEEPABLE.',
  },
} as const satisfies Record<string, Rejection<never>>;
