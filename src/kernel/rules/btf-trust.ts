/** Which fields of kernel structures hold pointers that may be trusted (BTF_TYPE_SAFE_RCU, _TRUSTED and their OR_NULL forms), and the structure behind each map type. */
import { BPF_MAP_TYPE } from '../../uapi/map-types.ts';

export type FieldTrust = 'rcu' | 'rcu-or-null' | 'trusted' | 'trusted-or-null';

/** struct -> field -> trust. Linux 6.18. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, FieldTrust>>>> = {
  task_struct: {
    cpus_ptr: 'rcu',
    cgroups: 'rcu',
    real_parent: 'rcu',
    group_leader: 'rcu',
  },
  cgroup: { kn: 'rcu' },
  css_set: { dfl_cgrp: 'rcu' },
  cgroup_subsys_state: { cgroup: 'rcu' },
  mm_struct: { exe_file: 'rcu-or-null' },
  sk_buff: { sk: 'rcu-or-null' },
  request_sock: { sk: 'rcu-or-null' },
  bpf_iter_meta: { seq: 'trusted' },
  bpf_iter__task: { meta: 'trusted', task: 'trusted' },
  linux_binprm: { file: 'trusted' },
  file: { f_inode: 'trusted' },
  dentry: { d_inode: 'trusted-or-null' },
  socket: { sk: 'trusted-or-null' },
};

/** Trust in the pointer in `struct.field`, read through a trusted pointer. */
export function fieldTrust(struct: string, field: string): FieldTrust | undefined {
  return Object.hasOwn(FIELDS, struct) && Object.hasOwn(FIELDS[struct], field) ? FIELDS[struct][field] : undefined;
}

const M = BPF_MAP_TYPE;
/** Kernel structure of a map type (map_btf_id); types without one are absent. */
export const MAP_BTF_STRUCTS: ReadonlyMap<number, string> = new Map<number, string>([
  [M.BPF_MAP_TYPE_HASH, 'bpf_htab'],
  [M.BPF_MAP_TYPE_PERCPU_HASH, 'bpf_htab'],
  [M.BPF_MAP_TYPE_LRU_HASH, 'bpf_htab'],
  [M.BPF_MAP_TYPE_LRU_PERCPU_HASH, 'bpf_htab'],
  [M.BPF_MAP_TYPE_HASH_OF_MAPS, 'bpf_htab'],
  [M.BPF_MAP_TYPE_ARRAY, 'bpf_array'],
  [M.BPF_MAP_TYPE_PERCPU_ARRAY, 'bpf_array'],
  [M.BPF_MAP_TYPE_PROG_ARRAY, 'bpf_array'],
  [M.BPF_MAP_TYPE_PERF_EVENT_ARRAY, 'bpf_array'],
  [M.BPF_MAP_TYPE_CGROUP_ARRAY, 'bpf_array'],
  [M.BPF_MAP_TYPE_ARRAY_OF_MAPS, 'bpf_array'],
  [M.BPF_MAP_TYPE_LPM_TRIE, 'lpm_trie'],
  [M.BPF_MAP_TYPE_QUEUE, 'bpf_queue_stack'],
  [M.BPF_MAP_TYPE_STACK, 'bpf_queue_stack'],
  [M.BPF_MAP_TYPE_STACK_TRACE, 'bpf_stack_map'],
  [M.BPF_MAP_TYPE_RINGBUF, 'bpf_ringbuf_map'],
  [M.BPF_MAP_TYPE_USER_RINGBUF, 'bpf_ringbuf_map'],
  [M.BPF_MAP_TYPE_BLOOM_FILTER, 'bpf_bloom_filter'],
  [M.BPF_MAP_TYPE_DEVMAP, 'bpf_dtab'],
  [M.BPF_MAP_TYPE_DEVMAP_HASH, 'bpf_dtab'],
  [M.BPF_MAP_TYPE_CPUMAP, 'bpf_cpu_map'],
  [M.BPF_MAP_TYPE_XSKMAP, 'xsk_map'],
  [M.BPF_MAP_TYPE_SOCKMAP, 'bpf_stab'],
  [M.BPF_MAP_TYPE_SOCKHASH, 'bpf_shtab'],
  [M.BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 'reuseport_array'],
  [M.BPF_MAP_TYPE_STRUCT_OPS, 'bpf_struct_ops_map'],
  [M.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, 'bpf_cgroup_storage_map'],
  [M.BPF_MAP_TYPE_SK_STORAGE, 'bpf_local_storage_map'],
  [M.BPF_MAP_TYPE_INODE_STORAGE, 'bpf_local_storage_map'],
  [M.BPF_MAP_TYPE_TASK_STORAGE, 'bpf_local_storage_map'],
  [M.BPF_MAP_TYPE_CGRP_STORAGE, 'bpf_local_storage_map'],
  [M.BPF_MAP_TYPE_CGROUP_STORAGE, 'bpf_cgroup_storage_map'],
  [M.BPF_MAP_TYPE_ARENA, 'bpf_arena'],
]);
