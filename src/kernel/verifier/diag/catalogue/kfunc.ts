/** Rejections of calls of kernel functions. */
import { ERRNO } from '../../../../uapi/errno.ts';
import type { Rejection } from '../reject.ts';

/** A node of a list or tree: its struct and its offset there. */
export interface GraphNode {
  readonly struct: string;
  readonly off: number;
}

export const KFUNC = {
  NOT_ALLOWED: {
    errno: ERRNO.EACCES,
    text: (name: string) => `calling kernel function ${name} is not allowed`,
    why: 'Each program type has its own list of kernel functions, and this one is not on it. Use another program type, or look for a helper that does the same.',
  },
  DEVICE_BOUND: {
    errno: ERRNO.EINVAL,
    text: () => 'metadata kfuncs require device-bound program',
    why: 'Metadata of received packets is read by functions of one driver, so the program must be bound to its device.',
  },
  TRAP: {
    errno: ERRNO.EFAULT,
    text: () => 'unexpected __bpf_trap() due to uninitialized variable?',
    why: 'The compiler put a trap where the C code has undefined behaviour, most often an uninitialised variable.',
  },
  DESTRUCTIVE: {
    errno: ERRNO.EACCES,
    text: () => 'destructive kfunc calls require CAP_SYS_BOOT capability',
    why: 'The function can crash the machine, so the loader needs CAP_SYS_BOOT.',
  },
  SLEEPABLE: {
    errno: ERRNO.EACCES,
    text: (name: string) => `program must be sleepable to call sleepable kfunc ${name}`,
    why: 'It may sleep, so only programs loaded with BPF_F_SLEEPABLE may call it. Where the hook allows that, use its sleepable section (fentry.s and the like).',
  },
  SLEEPABLE_IN: {
    errno: ERRNO.EACCES,
    text: (name: string, where: string) => `kernel func ${name} is sleepable within ${where} region`,
    why: 'Inside this section nothing may sleep. Call the function before or after it.',
  },
  CALLBACK_FAILED: {
    errno: ERRNO.EINVAL,
    text: (name: string, id: number) => `kfunc ${name}#${id} failed callback verification`,
    why: 'The function that would be called back is not usable here; the line before says why.',
  },
  RCU_UNMATCHED: {
    errno: ERRNO.EINVAL,
    text: (name: string) => `unmatched rcu read unlock (kernel function ${name})`,
    why: 'There is no bpf_rcu_read_lock before it on this path. Lock and unlock in pairs, on every path.',
  },
  RCU_NESTED: {
    errno: ERRNO.EINVAL,
    text: (name: string) => `nested rcu read lock (kernel function ${name})`,
    why: 'Linux 6.18 takes one bpf_rcu_read_lock at a time. Leave the inner pair out: the outer one protects as much.',
  },
  PREEMPT_UNMATCHED: {
    errno: ERRNO.EINVAL,
    text: (name: string) => `unmatched attempt to enable preemption (kernel function ${name})`,
    why: 'There is no bpf_preempt_disable before it on this path. Disable and enable in pairs, on every path.',
  },
  RCU_IN_TREE_CB: {
    errno: ERRNO.EACCES,
    text: () => 'Calling bpf_rcu_read_{lock,unlock} in unnecessary rbtree callback',
    why: 'The comparison callback of a tree runs with its lock held, which protects as much. Leave the RCU section out.',
  },
  RCU_REQUIRED: {
    errno: ERRNO.EACCES,
    text: (name: string) => `kernel func ${name} requires RCU critical section protection`,
    why: 'What the function returns or takes is only alive under RCU. Call bpf_rcu_read_lock before it.',
  },
  NOT_ACQUIRED: {
    errno: ERRNO.EINVAL,
    text: (name: string, id: number) => `kfunc ${name}#${id} reference has not been acquired before`,
    why: 'The object was released already, or never acquired by this program. Release each once, on every path.',
  },
  NOT_BTF_ACQUIRE: {
    errno: ERRNO.EINVAL,
    text: () => 'acquire kernel function does not return PTR_TO_BTF_ID',
    why: 'What is acquired must be a pointer to a struct, which this function of the kernel does not return. It cannot be called.',
  },
  RETURN_TYPE: {
    errno: ERRNO.EINVAL,
    text: (name: string, kind: string, type: string) =>
      `kernel function ${name} returns pointer type ${kind} ${type} is not supported`,
    why: 'The size of what the returned pointer leads to is unknown, so nothing could be done with it. The function cannot be called.',
  },
  TOO_MANY_ARGS: {
    errno: ERRNO.EINVAL,
    text: (name: string, n: number) => `Function ${name} has ${n} > 5 args`,
    why: 'Programs pass arguments in R1 to R5 only. The function cannot be called from them.',
  },
  NOT_SCALAR: {
    errno: ERRNO.EINVAL,
    text: (regno: number) => `R${regno} is not a scalar`,
    why: 'The function takes a number here, and the register holds a pointer or nothing. Check the order of the arguments.',
  },
  NOT_CONSTANT: {
    errno: ERRNO.EINVAL,
    text: (regno: number) => `R${regno} must be a known constant`,
    why: 'This argument must be one number that is known when the program is loaded. Pass a constant.',
  },
  NOT_CONST_SIZE: {
    errno: ERRNO.EINVAL,
    text: (regno: number) => `R${regno} is not a const`,
    why: 'The size of the memory that the function returns must be known when the program is loaded.',
  },
  ARG_KIND: {
    errno: ERRNO.EINVAL,
    text: (i: number, kind: string) => `Unrecognized arg#${i} type ${kind}`,
    why: 'Programs can pass numbers and pointers only. The function cannot be called from them.',
  },
  POSSIBLY_NULL: {
    errno: ERRNO.EACCES,
    text: (i: number) => `Possibly NULL pointer passed to trusted arg${i}`,
    why: 'The function needs a valid object; compare the pointer with NULL first.',
  },
  NOT_MAP: {
    errno: ERRNO.EINVAL,
    text: (regno: number) => `pointer in R${regno} isn't map pointer`,
    why: 'The function takes a map here. Pass the address of one that the program defines.',
  },
  WQ_MAP_MISMATCH: {
    errno: ERRNO.EINVAL,
    text: (a: number, b: number) => `workqueue pointer in R1 map_uid=${a} doesn't match map pointer in R2 map_uid=${b}`,
    why: 'The work queue must be initialised with the map that it lies in. Pass that map as the second argument.',
  },
  TASK_WORK_MAP_MISMATCH: {
    errno: ERRNO.EINVAL,
    text: (a: number, b: number) =>
      `bpf_task_work pointer in R2 map_uid=${a} doesn't match map pointer in R3 map_uid=${b}`,
    why: 'The deferred work must be scheduled with the map that it lies in. Pass that map as the third argument.',
  },
  NOT_TRUSTED: {
    errno: ERRNO.EINVAL,
    text: (regno: number) => `R${regno} must be referenced or trusted`,
    why: 'The object could go away meanwhile. Acquire a reference, or use a pointer that the kernel gave as an argument.',
  },
  NOT_RCU: {
    errno: ERRNO.EINVAL,
    text: (regno: number) => `R${regno} must be a rcu pointer`,
    why: 'The object could go away meanwhile. Read the pointer inside bpf_rcu_read_lock, or acquire a reference.',
  },
  NOT_CTX: {
    errno: ERRNO.EINVAL,
    text: (i: number, type: string) => `arg#${i} expected pointer to ctx, but got ${type}`,
    why: 'The function takes the context of the program here. Pass it as the main function got it.',
  },
  NO_KERN_CTX: {
    errno: ERRNO.EINVAL,
    text: (id: number) => `kern ctx type id ${id} is not a struct`,
    why: 'The context of this program type has no kernel struct to cast to. Read it as it is.',
  },
  FOR_OBJ_DROP: {
    errno: ERRNO.EINVAL,
    text: (i: number, percpu: string) => `arg#${i} expected for bpf_${percpu}obj_drop_impl()`,
    why: 'The object was allocated by the other of bpf_obj_new and bpf_percpu_obj_new. Use the drop function of the same kind.',
  },
  NOT_ALLOCATED: {
    errno: ERRNO.EINVAL,
    text: (i: number) => `arg#${i} expected pointer to allocated object`,
    why: 'The function takes an object of bpf_obj_new. Allocate one, and pass its pointer.',
  },
  NOT_REFERENCED: {
    errno: ERRNO.EINVAL,
    text: () => 'allocated object must be referenced',
    why: 'The object belongs to a list or tree already, or was dropped. Take it out first.',
  },
  CSS_TASK_ITER: {
    errno: ERRNO.EINVAL,
    text: () => 'css_task_iter is only allowed in bpf_lsm, bpf_iter and sleepable progs',
    why: 'The iterator takes a lock that other programs may interrupt. Use it in a sleepable program.',
  },
  GRAPH_NOT_ROOT: {
    errno: ERRNO.EINVAL,
    text: (i: number) => `arg#${i} expected pointer to map value or allocated object`,
    why: 'Lists and trees live in map values or allocated objects. Pass the address of such a member.',
  },
  GRAPH_OFFSET: {
    errno: ERRNO.EINVAL,
    text: (regno: number, type: string) =>
      `R${regno} doesn't have constant offset. ${type} has to be at the constant offset`,
    why: 'Which member is meant must be known when the program is loaded. Address it with a constant.',
  },
  GRAPH_NOT_FOUND: {
    errno: ERRNO.EINVAL,
    text: (type: string, off: number) => `${type} not found at offset=${off}`,
    why: 'The pointer does not lead to such a member. Pass its address, not that of the whole value.',
  },
  GRAPH_OTHER_LOCK: {
    errno: ERRNO.EINVAL,
    text: (off: number, type: string) =>
      `held lock and object are not in the same allocation\nbpf_spin_lock at off=${off} must be held for ${type}`,
    why: 'The lock that is held protects another list or tree. Take the lock that lies in the same value.',
  },
  GRAPH_UNLOCKED: {
    errno: ERRNO.EINVAL,
    text: (off: number, type: string) => `bpf_spin_lock at off=${off} must be held for ${type}`,
    why: 'Lists and trees may only be used with the lock of their own value held. Call bpf_spin_lock on it before.',
  },
  GRAPH_NODE_TYPE: {
    errno: ERRNO.EINVAL,
    text: (root: string, node: string, want: GraphNode, have: GraphNode) =>
      `operation on ${root} expects arg#1 ${node} at offset=${want.off} in struct ${want.struct}, but arg is at offset=${have.off} in struct ${have.struct}`,
    why: 'The list or tree holds another kind of object. Its __contains annotation names the struct and the node.',
  },
  GRAPH_NODE_OFFSET: {
    errno: ERRNO.EINVAL,
    text: (off: number, node: string, want: number, type: string) =>
      `arg#1 offset=${off}, but expected ${node} at offset=${want} in struct ${type}`,
    why: 'The object has several nodes; this list or tree uses another of them. Pass the address of the node that __contains names.',
  },
  RB_NODE_OWNING: {
    errno: ERRNO.EINVAL,
    text: (name: string) => `${name} can only take non-owning or refcounted bpf_rb_node pointer`,
    why: 'The node must be in a tree, or hold a reference. Pass what bpf_rbtree_first or bpf_refcount_acquire gave.',
  },
  RB_IN_CB: {
    errno: ERRNO.EINVAL,
    text: (name: string) => `${name} not allowed in rbtree cb`,
    why: 'The comparison callback must not change the tree. Compare only, and remove nodes outside of it.',
  },
  BTF_REG: {
    errno: ERRNO.EINVAL,
    text: (i: number, type: string, expected: string) => `arg#${i} is ${type} expected ${expected} or socket`,
    why: 'The function takes a pointer to a kernel object that is certainly alive. Casts and plain loads give none: acquire a reference, or pass what the hook was given.',
  },
  BTF_MISMATCH: {
    errno: ERRNO.EINVAL,
    text: (name: string, i: number, wanted: string, regno: number, have: string) =>
      `kernel function ${name} args#${i} expected pointer to ${wanted} but R${regno} has a pointer to ${have}`,
    why: 'The pointer leads to another struct than the function takes. Check the order of the arguments, or follow the member that leads to the right one.',
  },
  BTF_ARG_KIND: {
    errno: ERRNO.EINVAL,
    text: (name: string, i: number, kind: string, type: string) =>
      `kernel function ${name} args#${i} pointer type ${kind} ${type} is not supported`,
    why: 'The function wants plain memory here, and gets a kernel object. Copy the data to the stack first.',
  },
  MEM_KIND: {
    errno: ERRNO.EINVAL,
    text: (i: number, kind: string, type: string, isVoid: string) =>
      `arg#${i} pointer type ${kind} ${type} must point to ${isVoid}scalar, or struct with scalar`,
    why: 'Plain memory can only be passed as numbers or structs of numbers, and this parameter holds pointers. The register must hold the kernel object itself.',
  },
  MEM_LEN_PAIR: {
    errno: ERRNO.EINVAL,
    text: (i: number) => `arg#${i} arg#${i + 1} memory, len pair leads to invalid memory access`,
    why: 'The memory is smaller than the size that follows it; the line before says where.',
  },
  NOT_FUNC: {
    errno: ERRNO.EINVAL,
    text: (i: number) => `arg${i} expected pointer to func`,
    why: 'The function takes one of the functions of the program here. Pass its name, not a pointer from elsewhere.',
  },
  NOT_REF: {
    errno: ERRNO.EINVAL,
    text: (i: number) => `arg#${i} is neither owning or non-owning ref`,
    why: 'The function takes an object of bpf_obj_new. Allocate one, and pass its pointer.',
  },
  TWO_REFERENCES: {
    errno: ERRNO.EFAULT,
    text: (regno: number, a: number, b: number) =>
      `verifier bug: more than one arg with ref_obj_id R${regno} ${a} ${b}`,
    why: 'The function takes one object over; the call would not know which of two. Pass one acquired object at a time.',
  },
  NO_RECORD: {
    errno: ERRNO.EFAULT,
    text: () => "verifier bug: Couldn't find btf_record",
    why: 'The object has no special fields at all. A reference count is a member of type struct bpf_refcount, not behind a typedef.',
  },
  NO_REFCOUNT: {
    errno: ERRNO.EINVAL,
    text: (i: number) => `arg#${i} doesn't point to a type with bpf_refcount field`,
    why: 'Only objects with a struct bpf_refcount can be shared. Add that member to the struct.',
  },
  NOT_CONST_STR: {
    errno: ERRNO.EINVAL,
    text: (i: number) => `arg#${i} doesn't point to a const string`,
    why: 'The string must lie in a frozen read-only map: write it as a string constant.',
  },
  NOT_MAP_VALUE: {
    errno: ERRNO.EINVAL,
    text: (i: number) => `arg#${i} doesn't point to a map value`,
    why: 'Work queues and deferred work live in map values. Look the value up, and pass the address of the member.',
  },
  NOT_IRQ_STACK: {
    errno: ERRNO.EINVAL,
    text: (i: number) => `arg#${i} doesn't point to an irq flag on stack`,
    why: 'The saved interrupt flag lives on the stack of the program. Pass the address of a local unsigned long.',
  },
  NOT_LOCK: {
    errno: ERRNO.EINVAL,
    text: (i: number) => `arg#${i} doesn't point to map value or allocated object`,
    why: 'Locks live in map values or allocated objects. Pass the address of such a member.',
  },
  RELEASE_NOTHING: {
    errno: ERRNO.EINVAL,
    text: (name: string) => `release kernel function ${name} expects refcounted PTR_TO_BTF_ID`,
    why: 'The object was not acquired by this program, so there is nothing to release. Release what an acquiring function returned.',
  },
  LOCAL_TYPE_RANGE: {
    errno: ERRNO.EINVAL,
    text: () => 'local type ID argument must be in range [0, U32_MAX]',
    why: 'The type id is no BTF id. Use bpf_obj_new(struct T).',
  },
  LOCAL_TYPE_NO_BTF: {
    errno: ERRNO.EINVAL,
    text: () => 'bpf_obj_new/bpf_percpu_obj_new requires prog BTF',
    why: 'Objects are allocated by their BTF type; compile with -g.',
  },
  LOCAL_TYPE_STRUCT: {
    errno: ERRNO.EINVAL,
    text: () => 'bpf_obj_new/bpf_percpu_obj_new type ID argument must be of a struct',
    why: 'Only structs can be allocated. Wrap the data into one.',
  },
  PERCPU_SIZE: {
    errno: ERRNO.EINVAL,
    text: (size: number, max: number) => `bpf_percpu_obj_new type size (${size}) is greater than ${max}`,
    why: 'Per-CPU objects come from a pool of small ones. Make the struct smaller, or use a per-CPU map.',
  },
  PERCPU_EMPTY: {
    errno: ERRNO.EINVAL,
    text: () => '',
    why: 'There is no per-CPU memory of 0 bytes: give the struct a member.',
  },
  PERCPU_SCALARS: {
    errno: ERRNO.EINVAL,
    text: () => 'bpf_percpu_obj_new type ID argument must be of a struct of scalars',
    why: 'Per-CPU objects hold numbers only. Put locks, lists and pointers into objects of bpf_obj_new.',
  },
  PERCPU_FIELDS: {
    errno: ERRNO.EINVAL,
    text: () => 'bpf_percpu_obj_new type ID argument must not contain special fields',
    why: 'Per-CPU objects hold numbers only. Put locks, lists and pointers into objects of bpf_obj_new.',
  },
  CAST_UNKNOWN_TYPE: {
    errno: ERRNO.EINVAL,
    text: (id: string) => `Unknown type ID ${id} passed to kfunc bpf_rdonly_cast`,
    why: "The kernel's BTF has no such type. Use bpf_core_type_id_kernel, so that the number is relocated.",
  },
  CAST_NOT_STRUCT: {
    errno: ERRNO.EINVAL,
    text: () => 'kfunc bpf_rdonly_cast type ID argument must be of a struct or void',
    why: 'A cast gives a pointer to a struct, or to raw memory. Name a struct of the kernel, or void.',
  },
  PACKET_WRITES: {
    errno: ERRNO.EINVAL,
    text: () => 'the prog does not allow writes to packet data',
    why: 'This program type may only read packets: use bpf_dynptr_slice.',
  },
  NESTING: {
    errno: ERRNO.EINVAL,
    text: () => 'max struct nesting depth exceeded',
    why: 'Structs of structs are followed four levels deep. Flatten the struct.',
  },
} as const satisfies Record<string, Rejection<never>>;
