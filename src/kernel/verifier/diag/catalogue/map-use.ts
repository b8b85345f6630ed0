/** Rejections of a map in a program (check_map_prog_compatibility). */
import { ERRNO } from '../../../../uapi/errno.ts';
import type { Rejection } from '../reject.ts';

const { EACCES, EBUSY, EINVAL, EPERM } = ERRNO;
const fixed = (text: string) => () => text;

export const MAP_USE = {
  EXCLUSIVE_MAP: {
    errno: EACCES,
    text: fixed("program's hash doesn't match map's excl_prog_hash"),
    why: 'The map was made for one program only, named by the SHA-256 of its instructions, and this is another one.',
  },
  GRAPH_IN_TRACING: {
    errno: EINVAL,
    text: fixed('tracing progs cannot use bpf_{list_head,rb_root} yet'),
    why: 'Lists and trees need a spin lock, which programs that can interrupt its holder must not take.',
  },
  LOCK_IN_SOCKET_FILTER: {
    errno: EINVAL,
    text: fixed('socket filter progs cannot use bpf_spin_lock yet'),
    why: 'Socket filters may run where the lock is already held.',
  },
  LOCK_IN_TRACING: {
    errno: EINVAL,
    text: fixed('tracing progs cannot use bpf_spin_lock yet'),
    why: 'A program that can interrupt the holder of the lock would wait for it for ever.',
  },
  TIMER_IN_TRACING: {
    errno: EINVAL,
    text: fixed('tracing progs cannot use bpf_timer yet'),
    why: 'Timers take locks that the interrupted code may hold.',
  },
  WQ_IN_TRACING: {
    errno: EINVAL,
    text: fixed('tracing progs cannot use bpf_wq yet'),
    why: 'Work queues take locks that the interrupted code may hold.',
  },
  STRUCT_OPS_MAP: {
    errno: EINVAL,
    text: fixed('bpf_struct_ops map cannot be used in prog'),
    why: 'A struct_ops map is registered with the kernel, not read by programs.',
  },
  SLEEPABLE_MAP: {
    errno: EINVAL,
    text: fixed('Sleepable programs can only use array, hash, ringbuf and local storage maps'),
    why: 'The elements of the other map types may be freed while the program sleeps.',
  },
  ONE_CGROUP_STORAGE: {
    errno: EBUSY,
    text: fixed('only one cgroup storage of each type is allowed'),
    why: 'A program has one cgroup storage map of each kind at most. Put all data into one value.',
  },
  ONE_ARENA: {
    errno: EBUSY,
    text: fixed('Only one arena per program'),
    why: 'A program has one arena at most. Put all data into one, or split the program.',
  },
  ARENA_CAPS: {
    errno: EPERM,
    text: fixed('CAP_BPF and CAP_PERFMON are required to use arena'),
    why: 'Arena memory holds pointers that user space may forge and read.',
  },
} as const satisfies Record<string, Rejection<never>>;
