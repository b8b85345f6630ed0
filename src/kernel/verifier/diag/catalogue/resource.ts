/** Rejections about references, locks, iterators, dynptrs, timers and sections. */
import { ERRNO } from '../../../../uapi/errno.ts';
import type { Rejection } from '../reject.ts';

export const RESOURCE = {
  LOCK_HELD: {
    errno: ERRNO.EINVAL,
    text: (prefix: string) => `${prefix} cannot be used inside bpf_spin_lock-ed region`,
    why: 'A lock is held here. Release it on every path first.',
  },
  REFERENCE_LEAK: {
    errno: ERRNO.EINVAL,
    text: (prefix: string) => `${prefix} would lead to reference leak`,
    why: 'An acquired object is not released on this path; the lines before say which, and where it was acquired.',
  },
  IRQ_SAVED: {
    errno: ERRNO.EINVAL,
    text: (prefix: string) => `${prefix} cannot be used inside bpf_local_irq_save-ed region`,
    why: 'Interrupts are still disabled here; restore them first.',
  },
  RCU_LOCKED: {
    errno: ERRNO.EINVAL,
    text: (prefix: string) => `${prefix} cannot be used inside bpf_rcu_read_lock-ed region`,
    why: 'bpf_rcu_read_unlock is missing on this path. Lock and unlock in pairs.',
  },
  PREEMPT_DISABLED: {
    errno: ERRNO.EINVAL,
    text: (prefix: string) => `${prefix} cannot be used inside bpf_preempt_disable-ed region`,
    why: 'bpf_preempt_enable is missing on this path. Disable and enable in pairs.',
  },
  LOCK_OFFSET_NOT_CONST: {
    errno: ERRNO.EINVAL,
    text: (regno: number, lock: string) =>
      `R${regno} doesn't have constant offset. ${lock}_lock has to be at the constant offset`,
    why: 'Which lock is meant must be known when the program is loaded. Address it with a constant.',
  },
  LOCK_MAP_NO_BTF: {
    errno: ERRNO.EINVAL,
    text: (map: string, lock: string) => `map '${map}' has to have BTF in order to use ${lock}_lock`,
    why: 'Without BTF the verifier does not know where the lock lies in the value. Define the map with its value type, and compile with -g.',
  },
  LOCK_NONE: {
    errno: ERRNO.EINVAL,
    text: (kind: string, name: string, lock: string) => `${kind} '${name}' has no valid ${lock}_lock`,
    why: 'The value type has no member of that lock type. Add one: a struct bpf_spin_lock, or a struct bpf_res_spin_lock.',
  },
  LOCK_OFFSET: {
    errno: ERRNO.EINVAL,
    text: (off: string, lock: string, at: number) =>
      `off ${off} doesn't point to 'struct ${lock}_lock' that is at ${at}`,
    why: 'The pointer does not lead to the lock member. Pass the address of that member.',
  },
  LOCK_AA: {
    errno: ERRNO.EINVAL,
    text: () => 'Acquiring the same lock again, AA deadlock detected',
    why: 'The lock is held already, and taking it again would wait for ever. Release it first.',
  },
  UNLOCK_WITHOUT_LOCK: {
    errno: ERRNO.EINVAL,
    text: (lock: string) => `${lock}_unlock without taking a lock`,
    why: 'No lock is held on this path. Lock and unlock in pairs, on every path.',
  },
  UNLOCK_DIFFERENT: {
    errno: ERRNO.EINVAL,
    text: (lock: string) => `${lock}_unlock of different lock`,
    why: 'The lock that is released is not the one that was taken. Two lookups give two different values to the verifier.',
  },
  UNLOCK_ORDER: {
    errno: ERRNO.EINVAL,
    text: (lock: string) => `${lock}_unlock cannot be out of order`,
    why: 'Locks are released in the reverse order of taking. Release the one that was taken last first.',
  },
  FIELD_OFFSET_NOT_CONST: {
    errno: ERRNO.EINVAL,
    text: (regno: number, struct: string) =>
      `R${regno} doesn't have constant offset. ${struct} has to be at the constant offset`,
    why: 'Which member is meant must be known when the program is loaded. Address it with a constant.',
  },
  FIELD_MAP_NO_BTF: {
    errno: ERRNO.EINVAL,
    text: (map: string, struct: string) => `map '${map}' has to have BTF in order to use ${struct}`,
    why: 'Without BTF the verifier does not know where the member lies in the value. Define the map with its value type, and compile with -g.',
  },
  FIELD_NONE: {
    errno: ERRNO.EINVAL,
    text: (map: string, struct: string) => `map '${map}' has no valid ${struct}`,
    why: 'The value type has no member of that type. Add one to the struct of the map value.',
  },
  FIELD_OFFSET: {
    errno: ERRNO.EINVAL,
    text: (off: string, struct: string, at: number) =>
      `off ${off} doesn't point to 'struct ${struct}' that is at ${at}`,
    why: 'The pointer does not lead to the member. Pass its address, not that of the whole value.',
  },
  KPTR_OFFSET_NOT_CONST: {
    errno: ERRNO.EINVAL,
    text: (regno: number) => `R${regno} doesn't have constant offset. kptr has to be at the constant offset`,
    why: 'Which kptr is meant must be known when the program is loaded. Address it with a constant.',
  },
  KPTR_NONE: {
    errno: ERRNO.EINVAL,
    text: (regno: number) => `R${regno} has no valid kptr`,
    why: 'The value type has no kptr member. Mark the pointer in the struct with __kptr.',
  },
  KPTR_OFFSET: {
    errno: ERRNO.EACCES,
    text: (off: number) => `off=${off} doesn't point to kptr`,
    why: 'The pointer does not lead to a kptr member. Pass the address of the member that is marked __kptr.',
  },
  KPTR_NOT_REF: {
    errno: ERRNO.EACCES,
    text: (off: number) => `off=${off} kptr isn't referenced kptr`,
    why: 'Only members marked __kptr can be exchanged; __kptr_untrusted ones are plainly loaded and stored.',
  },
  OVERWRITE_REF_DYNPTR: {
    errno: ERRNO.EINVAL,
    text: () => 'cannot overwrite referenced dynptr',
    why: 'The dynptr holds a reference; submit or discard it before its stack slots are used for something else.',
  },
  DYNPTR_NOT_STACK: {
    errno: ERRNO.EINVAL,
    text: (arg: number) => `arg#${arg} expected pointer to stack or const struct bpf_dynptr`,
    why: 'Dynptrs live on the stack of the program. Pass the address of a local struct bpf_dynptr.',
  },
  DYNPTR_NOT_UNINIT: {
    errno: ERRNO.EINVAL,
    text: () => 'Dynptr has to be an uninitialized dynptr',
    why: 'A new dynptr needs 16 aligned bytes of stack at a constant offset. Pass the address of a local struct bpf_dynptr that holds none.',
  },
  DYNPTR_NOT_INIT: {
    errno: ERRNO.EINVAL,
    text: (arg: number) => `Expected an initialized dynptr as arg #${arg}`,
    why: 'There is no dynptr at this stack address, or it was released or overwritten. Make it before it is used, on every path.',
  },
  ITER_NOT_STACK: {
    errno: ERRNO.EINVAL,
    text: (arg: number) => `arg#${arg} expected pointer to an iterator on stack`,
    why: 'Iterators live on the stack of the program. Pass the address of a local struct bpf_iter_*.',
  },
  ITER_TYPE: {
    errno: ERRNO.EINVAL,
    text: (arg: number) => `expected valid iter pointer as arg #${arg}`,
    why: 'The function of the kernel takes something else than a struct bpf_iter_*. It cannot be called.',
  },
  ITER_NOT_UNINIT: {
    errno: ERRNO.EINVAL,
    text: (type: string, arg: number) => `expected uninitialized iter_${type} as arg #${arg}`,
    why: 'A running iterator lies at this stack address; destroy it first.',
  },
  ITER_NOT_INIT: {
    errno: ERRNO.EINVAL,
    text: (type: string, arg: number) => `expected an initialized iter_${type} as arg #${arg}`,
    why: 'There is no running iterator of that type at this stack address. Call its new function first, on every path.',
  },
  ITER_RCU: {
    errno: ERRNO.EPROTO,
    text: (func: string) => `expected an RCU CS when using ${func}`,
    why: 'The iterator is only valid inside bpf_rcu_read_lock and bpf_rcu_read_unlock.',
  },
  IRQ_NOT_UNINIT: {
    errno: ERRNO.EINVAL,
    text: (arg: number) => `expected uninitialized irq flag as arg#${arg}`,
    why: 'A saved flag lies at this stack address and was not restored, or the address is no slot of the stack. Restore it first, or use another variable.',
  },
  IRQ_NOT_INIT: {
    errno: ERRNO.EINVAL,
    text: (arg: number) => `expected an initialized irq flag as arg#${arg}`,
    why: 'There is no saved interrupt flag at this stack address. Save it first, on every path.',
  },
  IRQ_CLASS: {
    errno: ERRNO.EINVAL,
    text: (flag: string, used: string) => `irq flag acquired by ${flag} kfuncs cannot be restored with ${used} kfuncs`,
    why: 'A flag of bpf_local_irq_save is restored by bpf_local_irq_restore, one of bpf_res_spin_lock_irqsave by its unlock.',
  },
  IRQ_ORDER: {
    errno: ERRNO.EACCES,
    text: (id: number, insn: number) =>
      `cannot restore irq state out of order, expected id=${id} acquired at insn_idx=${insn}`,
    why: 'Interrupt states are restored in the reverse order of saving. Restore the one that was saved last first.',
  },
} as const satisfies Record<string, Rejection<never>>;
