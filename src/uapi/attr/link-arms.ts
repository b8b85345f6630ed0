/** The union of link_create in union bpf_attr: what each kind of hook is told beside program, target and attach type. */
import { BPF_ATTACH_TYPE as A } from '../attach-types.ts';
import { PATH_MAX } from '../files.ts';
import type { AttrField } from './layout.ts';

const number = (name: string, off: number, kind: 'u32' | 's32' | 'u64' = 'u32'): AttrField => ({
  name,
  off,
  kind,
  dir: 'in',
});
/** 64-bit numbers, as many as the u32 at `lenAt` says. */
const numbers = (name: string, off: number, lenAt: number): AttrField => ({
  name,
  off,
  kind: 'buf',
  dir: 'in',
  lenAt,
  unit: 8,
});

/** Beside a program of the same hook, and only while nobody else changed the hook (tcx, netkit, cgroup). */
const relative = [number('relative_fd', 16), number('expected_revision', 24, 'u64')] as const;

/** Fields of each member, offsets in union bpf_attr. `iter` is without a name there. */
export const LINK_ARMS = {
  iter: [{ name: 'iter_info', off: 16, kind: 'buf', dir: 'in', lenAt: 24 }],
  perf_event: [number('bpf_cookie', 16, 'u64')],
  kprobe_multi: [
    number('flags', 16),
    { name: 'syms', off: 24, kind: 'strs', dir: 'in', lenAt: 20 },
    numbers('addrs', 32, 20),
    numbers('cookies', 40, 20),
  ],
  tracing: [number('target_btf_id', 16), number('cookie', 24, 'u64')],
  netfilter: [number('pf', 16), number('hooknum', 20), number('priority', 24, 's32'), number('flags', 28)],
  tcx: relative,
  uprobe_multi: [
    { name: 'path', off: 16, kind: 'cstr', dir: 'in', most: PATH_MAX },
    numbers('offsets', 24, 48),
    numbers('ref_ctr_offsets', 32, 48),
    numbers('cookies', 40, 48),
    number('flags', 52),
    number('pid', 56, 's32'),
  ],
  netkit: relative,
  cgroup: relative,
} as const satisfies Readonly<Record<string, readonly AttrField[]>>;

/** The name of a member. */
export type LinkArm = keyof typeof LINK_ARMS;

const ARM_OF: Readonly<Record<number, LinkArm>> = {
  [A.BPF_PERF_EVENT]: 'perf_event',
  [A.BPF_TRACE_ITER]: 'iter',
  [A.BPF_TRACE_KPROBE_MULTI]: 'kprobe_multi',
  [A.BPF_TRACE_KPROBE_SESSION]: 'kprobe_multi',
  [A.BPF_TRACE_UPROBE_MULTI]: 'uprobe_multi',
  [A.BPF_TRACE_UPROBE_SESSION]: 'uprobe_multi',
  [A.BPF_NETFILTER]: 'netfilter',
  [A.BPF_TCX_INGRESS]: 'tcx',
  [A.BPF_TCX_EGRESS]: 'tcx',
  [A.BPF_NETKIT_PRIMARY]: 'netkit',
  [A.BPF_NETKIT_PEER]: 'netkit',
  [A.BPF_TRACE_RAW_TP]: 'tracing',
  [A.BPF_TRACE_FENTRY]: 'tracing',
  [A.BPF_TRACE_FEXIT]: 'tracing',
  [A.BPF_MODIFY_RETURN]: 'tracing',
  [A.BPF_LSM_MAC]: 'tracing',
};

/** Attach types of control groups, which are told apart from others by being none of them. */
const CGROUP: ReadonlySet<number> = new Set(
  Object.entries(A).flatMap(([name, value]) => (/^BPF_(?:CGROUP|LSM_CGROUP)/.test(name) ? [value] : [])),
);

/** The members that links of an attach type are told by. */
export function linkArms(attachType: number): readonly LinkArm[] {
  const arm = ARM_OF[attachType] ?? (CGROUP.has(attachType) ? 'cgroup' : undefined);
  // 0 is a hook of control groups, and the attach type of programs that replace another's function.
  if (attachType === 0) return ['cgroup', 'tracing'];
  return arm === undefined ? [] : [arm];
}
