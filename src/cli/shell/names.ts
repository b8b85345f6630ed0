/** Short names of program, attach and map types, as libbpf and bpftool write them. */
import { BPF_ATTACH_TYPE, bpfAttachTypeName } from '../../uapi/attach-types.ts';
import { bpfMapTypeName } from '../../uapi/map-types.ts';
import { BPF_PROG_TYPE, bpfProgTypeName } from '../../uapi/prog-types.ts';

const short = (name: string, prefix: string): string => name.replace(prefix, '').toLowerCase();

/** `xdp`, `sched_cls`. */
export const progTypeName = (type: number): string => short(bpfProgTypeName(type), 'BPF_PROG_TYPE_');

/** `hash`, `lru_percpu_hash`. */
export const mapTypeName = (type: number): string => short(bpfMapTypeName(type), 'BPF_MAP_TYPE_');

/** Types of which attach type 0 (BPF_CGROUP_INET_INGRESS) is a real one. */
const ZERO_IS_A_TYPE = BPF_PROG_TYPE.BPF_PROG_TYPE_CGROUP_SKB;

/** `cgroup_inet_ingress`, or null for programs whose type says where they go. */
export function attachTypeName(progType: number, attachType: number): string | null {
  if (attachType === BPF_ATTACH_TYPE.BPF_CGROUP_INET_INGRESS && progType !== ZERO_IS_A_TYPE) return null;
  return short(bpfAttachTypeName(attachType), 'BPF_');
}
