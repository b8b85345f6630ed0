/** From a map's definition to the attributes of BPF_MAP_CREATE. */
import type { Btf } from '../../btf/btf.ts';
import { BTF_KIND } from '../../btf/types.ts';
import type { KernelTraits, MapCreateAttr } from '../../uapi/attr/attr.ts';
import { BPF_MAP_TYPE as M } from '../../uapi/map-types.ts';
import { loaderError } from '../errors.ts';
import type { MapSpec } from '../spec.ts';
import { BPF_F_NUMA_NODE } from '../../uapi/flags.ts';

/** Types whose kernel side takes no key and value types. */
const WITHOUT_BTF: ReadonlySet<number> = new Set([
  M.BPF_MAP_TYPE_PERF_EVENT_ARRAY,
  M.BPF_MAP_TYPE_CGROUP_ARRAY,
  M.BPF_MAP_TYPE_STACK_TRACE,
  M.BPF_MAP_TYPE_ARRAY_OF_MAPS,
  M.BPF_MAP_TYPE_HASH_OF_MAPS,
  M.BPF_MAP_TYPE_DEVMAP,
  M.BPF_MAP_TYPE_DEVMAP_HASH,
  M.BPF_MAP_TYPE_CPUMAP,
  M.BPF_MAP_TYPE_XSKMAP,
  M.BPF_MAP_TYPE_SOCKMAP,
  M.BPF_MAP_TYPE_SOCKHASH,
  M.BPF_MAP_TYPE_QUEUE,
  M.BPF_MAP_TYPE_STACK,
  M.BPF_MAP_TYPE_ARENA,
]);

/** User address of arenas whose definition names none. */
const ARENA_ADDRESS = 1n << 44n;

export interface MapCreateEnv {
  readonly btfFd: number;
  readonly kernel: KernelTraits;
  readonly kernelBtf?: Btf;
  readonly innerFd?: number;
}

export function mapCreateAttr(map: MapSpec, env: MapCreateEnv): MapCreateAttr {
  const attr: MapCreateAttr = {
    map_type: map.type,
    key_size: map.keySize,
    value_size: map.valueSize,
    max_entries: maxEntries(map, env.kernel),
    map_flags: map.flags >>> 0,
    map_name: map.kernelName,
  };
  if (map.flags & BPF_F_NUMA_NODE) attr.numa_node = map.numaNode;
  if (map.mapExtra !== 0n) attr.map_extra = map.mapExtra;
  // Nothing maps the arena into this process, so its user address is said here.
  else if (map.type === M.BPF_MAP_TYPE_ARENA) attr.map_extra = ARENA_ADDRESS;
  if (env.innerFd !== undefined && env.innerFd >= 0) attr.inner_map_fd = env.innerFd;
  if (map.type === M.BPF_MAP_TYPE_STRUCT_OPS) structOpsAttrs(map, attr, env);
  else if (env.btfFd > 0 && !WITHOUT_BTF.has(map.type) && (map.keyTypeId !== 0 || map.valueTypeId !== 0)) {
    attr.btf_fd = env.btfFd;
    attr.btf_key_type_id = map.keyTypeId;
    attr.btf_value_type_id = map.valueTypeId;
  }
  return attr;
}

/** Perf event arrays have one slot for each CPU; ring buffers are whole pages, a power of two. */
function maxEntries(map: MapSpec, kernel: KernelTraits): number {
  if (map.type === M.BPF_MAP_TYPE_PERF_EVENT_ARRAY && map.maxEntries === 0) return kernel.possibleCpus;
  if (map.type !== M.BPF_MAP_TYPE_RINGBUF && map.type !== M.BPF_MAP_TYPE_USER_RINGBUF) return map.maxEntries;
  let size = kernel.pageSize;
  while (size < map.maxEntries && size < 0x80000000) size *= 2;
  return map.maxEntries === 0 ? 0 : size;
}

/** The kernel wraps its struct into `struct bpf_struct_ops_<name>`, whose type the map is made of. */
function structOpsAttrs(map: MapSpec, attr: MapCreateAttr, env: MapCreateEnv): void {
  const name = (map.structOps?.typeName ?? '').replace(/___.*$/, '');
  const id = env.kernelBtf?.find(`bpf_struct_ops_${name}`, BTF_KIND.STRUCT) ?? 0;
  if (env.kernelBtf === undefined || id === 0)
    throw loaderError(
      `create map ${map.name}`,
      'ESRCH',
      `struct bpf_struct_ops_${name} is not found in the kernel's BTF`,
    );
  attr.value_size = env.kernelBtf.sizeOf(id);
  attr.btf_vmlinux_value_type_id = id;
  attr.btf_fd = env.btfFd;
}
