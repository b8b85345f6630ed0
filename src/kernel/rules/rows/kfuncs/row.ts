/** The shape of a kfunc row: flags, who may call it, what it does. Prototypes come from the kernel's BTF by name. */
import type { Configured } from '../../build.ts';
import type { Callback, LockEffect, Sole } from '../../effects.ts';
import { BPF_PROG_TYPE as P } from '../../../../uapi/prog-types.ts';

// KF_* flags.
export const KF_ACQUIRE = 1 << 0;
export const KF_RELEASE = 1 << 1;
export const KF_RET_NULL = 1 << 2;
export const KF_TRUSTED_ARGS = 1 << 4;
export const KF_SLEEPABLE = 1 << 5;
export const KF_DESTRUCTIVE = 1 << 6;
export const KF_RCU = 1 << 7;
export const KF_ITER_NEW = 1 << 8;
export const KF_ITER_NEXT = 1 << 9;
export const KF_ITER_DESTROY = 1 << 10;
export const KF_RCU_PROTECTED = 1 << 11;
export const KF_FASTCALL = 1 << 12;
export const KF_ARENA_RET = 1 << 13;
export const KF_ARENA_ARG1 = 1 << 14;
export const KF_ARENA_ARG2 = 1 << 15;

/** enum btf_kfunc_hook: program types share sets. */
export type KfuncHook =
  | 'common'
  | 'xdp'
  | 'tc'
  | 'struct_ops'
  | 'tracing'
  | 'syscall'
  | 'fmodret'
  | 'cgroup'
  | 'sched_act'
  | 'sk_skb'
  | 'socket_filter'
  | 'lwt'
  | 'netfilter'
  | 'kprobe';

/** The section that a kfunc enters or leaves, the lock that it takes or drops, or how it ends the program. */
export type KfuncEffect = Sole<
  | { readonly rcu: 'lock' | 'unlock' }
  | { readonly preempt: 'off' | 'on' }
  /** The argument with the suffix __irq_flag is filled, or used up; `res-irq` locks do so as well. */
  | { readonly irq: 'save' | 'restore' }
  | LockEffect<'res' | 'res-irq'>
  /** `throw`: the program ends with the exception. `trap`: a compiler put it where control must never come. */
  | { readonly ends: 'throw' | 'trap' }
>;

/** Objects that programs allocate, by allocator. */
export type AllocatedObject = 'object' | 'percpu-object';

/** The returned pointer, where the prototype does not say. */
export type KfuncResult =
  /** A new object of the program's own type that the constant argument names. */
  | AllocatedObject
  /** Another reference to the object that was passed; it cannot fail while the program owns that one. */
  | 'reference'
  /** The context as the kernel sees it (struct bpf_ctx_convert). */
  | 'kern-ctx'
  /** A pointer to the kernel type that the constant argument names, only to be read and with faults giving 0. */
  | 'cast'
  /** Memory in the dynptr that was passed, of the constant size; writable in the second form. */
  | 'slice'
  | 'slice-rdwr'
  /** The struct of the prototype, which may vanish at any time. */
  | 'untrusted'
  /** The memory of the prototype, and it may be written. */
  | 'writable';

/** The dynptr that a kfunc makes in its __uninit argument: over a packet or its metadata, or as the one that was passed. */
export type KfuncDynptr = 'skb' | 'skb_meta' | 'xdp' | 'clone';

/** The effect of a kfunc beyond its prototype and flags: one of these, or none. */
export type KfuncAction =
  | object
  | { readonly effect: KfuncEffect }
  | { readonly makes: KfuncResult }
  | { readonly makesDynptr: KfuncDynptr }
  /** The object of the __alloc argument is given back to its allocator. */
  | { readonly drops: AllocatedObject }
  /** The argument (1 to 5) whose object goes into a list or tree, and who calls back on the way. */
  | { readonly owns: 1 | 2 | 3 | 4 | 5; readonly callback?: Callback }
  | { readonly callback: Callback };

interface KfuncBase extends Configured {
  readonly flags: number;
  readonly hooks: readonly KfuncHook[];
  /** Further limits that the kernel's filters set. */
  readonly progTypes?: readonly number[];
  readonly attach?: readonly number[];
  /** Of struct_ops programs those that implement one of these, as `table.member` or `table.*`. */
  readonly ops?: readonly string[];
  /** A condition beyond these (kfuncAllowedIn), with a message of its own. */
  readonly allowedIn?: 'css_task_iter';
  /** Only for programs that are bound to a device. */
  readonly deviceBound?: true;
  /** It may be called while a lock is held (kfunc_spin_allowed). */
  readonly underLock?: true;
  /** Packet pointers are stale afterwards (bpf_kfunc_changes_pkt_data). */
  readonly changesPacket?: true;
  /** The kernel's own test functions. */
  readonly test?: boolean;
}

/** A kfunc: who may call it, and what the call does. The verifier asks the columns, never the name. */
export type KfuncRow = KfuncBase & Sole<KfuncAction>;
export type KfuncTable = Readonly<Record<string, KfuncRow>>;

/** bpf_prog_type_to_kfunc_hook; types that are not here call the common set only. */
export const PROG_KFUNC_HOOK: Readonly<Record<number, Configured & { readonly hook: KfuncHook }>> = {
  [P.BPF_PROG_TYPE_XDP]: { since: '6.0', hook: 'xdp' },
  [P.BPF_PROG_TYPE_SCHED_CLS]: { since: '6.0', hook: 'tc' },
  [P.BPF_PROG_TYPE_STRUCT_OPS]: { since: '6.0', hook: 'struct_ops' },
  [P.BPF_PROG_TYPE_TRACING]: { since: '6.0', hook: 'tracing' },
  [P.BPF_PROG_TYPE_TRACEPOINT]: { since: '6.0', hook: 'tracing' },
  [P.BPF_PROG_TYPE_PERF_EVENT]: { since: '6.0', hook: 'tracing' },
  [P.BPF_PROG_TYPE_LSM]: { since: '6.0', hook: 'tracing' },
  [P.BPF_PROG_TYPE_SYSCALL]: { since: '6.0', hook: 'syscall' },
  [P.BPF_PROG_TYPE_CGROUP_SKB]: { since: '6.0', hook: 'cgroup' },
  [P.BPF_PROG_TYPE_CGROUP_SOCK]: { since: '6.0', hook: 'cgroup' },
  [P.BPF_PROG_TYPE_CGROUP_DEVICE]: { since: '6.0', hook: 'cgroup' },
  [P.BPF_PROG_TYPE_CGROUP_SOCK_ADDR]: { since: '6.0', hook: 'cgroup' },
  [P.BPF_PROG_TYPE_CGROUP_SOCKOPT]: { since: '6.0', hook: 'cgroup' },
  [P.BPF_PROG_TYPE_CGROUP_SYSCTL]: { since: '6.0', hook: 'cgroup' },
  [P.BPF_PROG_TYPE_SOCK_OPS]: { since: '6.15', hook: 'cgroup' },
  [P.BPF_PROG_TYPE_SCHED_ACT]: { since: '6.0', hook: 'sched_act' },
  [P.BPF_PROG_TYPE_SK_SKB]: { since: '6.0', hook: 'sk_skb' },
  [P.BPF_PROG_TYPE_SOCKET_FILTER]: { since: '6.0', hook: 'socket_filter' },
  [P.BPF_PROG_TYPE_LWT_OUT]: { since: '6.0', hook: 'lwt' },
  [P.BPF_PROG_TYPE_LWT_IN]: { since: '6.0', hook: 'lwt' },
  [P.BPF_PROG_TYPE_LWT_XMIT]: { since: '6.0', hook: 'lwt' },
  [P.BPF_PROG_TYPE_LWT_SEG6LOCAL]: { since: '6.0', hook: 'lwt' },
  [P.BPF_PROG_TYPE_NETFILTER]: { since: '6.0', hook: 'netfilter' },
  [P.BPF_PROG_TYPE_KPROBE]: { since: '6.0', hook: 'kprobe' },
};

/** Endings of parameter names that the verifier reads (Documentation/bpf/kfuncs.rst). */
export const KFUNC_ARG_SUFFIX = {
  /** With the memory argument before it: that memory's size. */
  __sz: 'memory size',
  /** As above, and the size is a constant. */
  __szk: 'constant memory size',
  /** A scalar that must be known. */
  __k: 'constant',
  /** Not checked. */
  __ign: 'ignored',
  /** An object that is not finished yet (KF_RELEASE alternatives). */
  __init: 'uninitialised object',
  /** A dynptr or object that is being built. */
  __uninit: 'uninitialised',
  /** May be a null pointer. */
  __nullable: 'nullable',
  /** May be null, memory of the size that follows. */
  __opt: 'optional memory',
  /** A program-allocated object. */
  __alloc: 'allocated object',
  /** A refcounted program-allocated object. */
  __refcounted_kptr: 'refcounted object',
  /** A reference is taken over. */
  __map: 'map',
  /** A null-terminated constant string. */
  __str: 'constant string',
  /** The value of an irq flag on the stack. */
  __irq_flag: 'irq flag',
  /** Filled in by the verifier: the program's aux. */
  __prog: 'program',
} as const;
