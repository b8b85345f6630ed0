/** struct bpf_link_info of Linux 6.18, a layout for each kind of link: what all have, and the kind's member of the union. */
import type { InfoField, InfoLayout } from './info-layout.ts';

const u32 = (name: string, off: number): InfoField => ({ name, off, kind: 'u32' });
const u64 = (name: string, off: number): InfoField => ({ name, off, kind: 'u64' });
const ptr = (name: string, off: number, count: string, elem: number): InfoField => ({
  ...{ name, off, kind: 'ptr', count, elem },
});

/** sizeof(struct bpf_link_info). */
const SIZE = 64;
const common = [u32('type', 0), u32('id', 4), u32('prog_id', 8)];
const link = (...fields: readonly InfoField[]) => ({ size: SIZE, fields: [...common, ...fields] });
/** Which of the kinds of perf events it is: BPF_PERF_EVENT_*. */
const perf = (...fields: readonly InfoField[]) => link(u32('event', 16), ...fields);
const onDevice = link(u32('ifindex', 16), u32('attach_type', 20));

export const LINK_INFO_LAYOUTS = {
  link: link(),
  link_raw_tracepoint: link(ptr('tp_name', 16, 'tp_name_len', 1), u32('tp_name_len', 24), u64('cookie', 32)),
  link_tracing: link(u32('attach_type', 16), u32('target_obj_id', 20), u32('target_btf_id', 24), u64('cookie', 32)),
  link_cgroup: link(u64('cgroup_id', 16), u32('attach_type', 24)),
  link_iter: link(ptr('target_name', 16, 'target_name_len', 1), u32('target_name_len', 24), u32('map_id', 28)),
  link_iter_task: link(
    ptr('target_name', 16, 'target_name_len', 1),
    u32('target_name_len', 24),
    u32('tid', 32),
    u32('pid', 36),
  ),
  link_netns: link(u32('netns_ino', 16), u32('attach_type', 20)),
  link_xdp: link(u32('ifindex', 16)),
  link_struct_ops: link(u32('map_id', 16)),
  link_netfilter: link(u32('pf', 16), u32('hooknum', 20), u32('priority', 24), u32('flags', 28)),
  link_kprobe_multi: link(
    ptr('addrs', 16, 'count', 8),
    u32('count', 24),
    u32('flags', 28),
    u64('missed', 32),
    ptr('cookies', 40, 'count', 8),
  ),
  link_uprobe_multi: link(
    ptr('path', 16, 'path_size', 1),
    ptr('offsets', 24, 'count', 8),
    ptr('ref_ctr_offsets', 32, 'count', 8),
    ptr('cookies', 40, 'count', 8),
    u32('path_size', 48),
    u32('count', 52),
    u32('flags', 56),
    u32('pid', 60),
  ),
  link_perf_uprobe: perf(
    ptr('file_name', 24, 'name_len', 1),
    u32('name_len', 32),
    u32('offset', 36),
    u64('cookie', 40),
    u64('ref_ctr_offset', 48),
  ),
  link_perf_kprobe: perf(
    ptr('func_name', 24, 'name_len', 1),
    u32('name_len', 32),
    u32('offset', 36),
    u64('addr', 40),
    u64('missed', 48),
    u64('cookie', 56),
  ),
  link_perf_tracepoint: perf(ptr('tp_name', 24, 'name_len', 1), u32('name_len', 32), u64('cookie', 40)),
  link_perf_event: perf(u64('config', 24), u32('event_type', 32), u64('cookie', 40)),
  link_tcx: onDevice,
  link_netkit: onDevice,
  link_sockmap: link(u32('map_id', 16), u32('attach_type', 20)),
} as const satisfies Readonly<Record<string, InfoLayout>>;

/** Kinds of links that have a struct of their own. */
export type LinkInfoKind = keyof typeof LINK_INFO_LAYOUTS;
