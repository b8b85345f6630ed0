/** Section names and what they mean. */
import { describe, expect, test } from 'vitest';
import { matchSection, SECTIONS } from '../../src/lib/sections.ts';
import { bpfAttachTypeName } from '../../src/uapi/attach-types.ts';
import { bpfProgTypeName } from '../../src/uapi/prog-types.ts';

const meaning = (name: string): string => {
  const { row, target, autoload } = matchSection(name);
  if (row === undefined) return 'unknown';
  const type = bpfProgTypeName(row.type).slice('BPF_PROG_TYPE_'.length);
  const attach = row.attach ? bpfAttachTypeName(row.attach) : '';
  return [type, attach, row.flags, target, autoload ? '' : 'off'].join(' ').replace(/ +/g, ' ').trim();
};

describe('matchSection', () => {
  test.each([
    ['xdp', 'XDP BPF_XDP'],
    ['xdp.frags', 'XDP BPF_XDP F'],
    ['xdp.frags/devmap', 'XDP BPF_XDP_DEVMAP F'],
    ['?xdp', 'XDP BPF_XDP off'],
    ['kprobe/do_unlinkat', 'KPROBE do_unlinkat'],
    ['kprobe', 'KPROBE'],
    ['uprobe.s//bin/sh:main', 'KPROBE S /bin/sh:main'],
    ['kprobe.session/vfs_*', 'KPROBE BPF_TRACE_KPROBE_SESSION vfs_*'],
    ['tp/sched/sched_switch', 'TRACEPOINT sched/sched_switch'],
    ['raw_tp.w/x', 'RAW_TRACEPOINT_WRITABLE x'],
    ['tp_btf/sys_enter', 'TRACING BPF_TRACE_RAW_TP B sys_enter'],
    ['fentry.s/vfs_open', 'TRACING BPF_TRACE_FENTRY BS vfs_open'],
    ['?fmod_ret/f', 'TRACING BPF_MODIFY_RETURN B f off'],
    ['lsm.s/file_open', 'LSM BPF_LSM_MAC BS file_open'],
    ['lsm_cgroup/socket_bind', 'LSM BPF_LSM_CGROUP B socket_bind'],
    ['iter/task', 'TRACING BPF_TRACE_ITER B task'],
    ['freplace/get_constant', 'EXT B get_constant'],
    ['cgroup/connect4', 'CGROUP_SOCK_ADDR BPF_CGROUP_INET4_CONNECT'],
    ['cgroup_skb/egress', 'CGROUP_SKB BPF_CGROUP_INET_EGRESS'],
    ['cgroup/skb', 'CGROUP_SKB'],
    ['tcx/ingress', 'SCHED_CLS BPF_TCX_INGRESS'],
    ['tc', 'SCHED_CLS'],
    ['sk_skb/stream_verdict', 'SK_SKB BPF_SK_SKB_STREAM_VERDICT'],
    ['syscall', 'SYSCALL S'],
    ['struct_ops.s/init', 'STRUCT_OPS S init'],
    ['netfilter', 'NETFILTER BPF_NETFILTER'],
    // Of libbpf after 1.5.
    ['raw_tp.s/x', 'RAW_TRACEPOINT S x'],
    ['tp.s/sched/x', 'TRACEPOINT S sched/x'],
    ['tp_btf.s/sys_enter', 'TRACING BPF_TRACE_RAW_TP BS sys_enter'],
    ['fsession.s/vfs_open', 'TRACING 58 BS vfs_open'],
    ['fexit.multi.s/vfs_*', 'TRACING 60 S vfs_*'],
    // Names as old objects have them.
    ['seccomp', 'SOCKET_FILTER'],
    ['xdp_prog', 'XDP BPF_XDP prog'],
    ['classifier/egress', 'SCHED_CLS egress'],
    ['nonsense', 'unknown'],
    ['kprobed', 'unknown'],
  ])('%s', (name, expected) => {
    expect(meaning(name)).toBe(expected);
  });

  test('names are unique', () => {
    expect(new Set(SECTIONS.map((r) => r.name)).size).toBe(SECTIONS.length);
  });
});
