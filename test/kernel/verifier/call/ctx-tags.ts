/** Which pointees `arg:ctx` may stand at, asked of a kernel for each program type and attach type. */
import type { Btf } from '../../../../src/btf/btf.ts';
import { BtfBuilder } from '../../../../src/btf/encode.ts';
import { BTF_KIND } from '../../../../src/btf/types.ts';
import { assembleProgram } from '../../../../src/isa/asm/index.ts';
import { encodeInsns } from '../../../../src/isa/encode.ts';
import type { BpfSyscall } from '../../../../src/uapi/attr/attr.ts';
import { BPF_ATTACH_TYPE as A } from '../../../../src/uapi/attach-types.ts';
import { BPF_CMD } from '../../../../src/uapi/cmd.ts';
import { BPF_PROG_TYPE as P } from '../../../../src/uapi/prog-types.ts';

/** A hook: program type, attach type, and the kernel's function, typedef or `struct.member` that it attaches to. */
export type Hook = readonly [name: string, type: number, attach?: number, target?: string, flags?: number];

const SLEEPABLE = 16;

export const HOOKS: readonly Hook[] = [
  ['socket_filter', P.BPF_PROG_TYPE_SOCKET_FILTER],
  ['kprobe', P.BPF_PROG_TYPE_KPROBE],
  ['kprobe.multi', P.BPF_PROG_TYPE_KPROBE, A.BPF_TRACE_KPROBE_MULTI],
  ['uprobe.multi', P.BPF_PROG_TYPE_KPROBE, A.BPF_TRACE_UPROBE_MULTI],
  ['kprobe.session', P.BPF_PROG_TYPE_KPROBE, A.BPF_TRACE_KPROBE_SESSION],
  ['tc', P.BPF_PROG_TYPE_SCHED_CLS],
  ['action', P.BPF_PROG_TYPE_SCHED_ACT],
  ['tracepoint', P.BPF_PROG_TYPE_TRACEPOINT],
  ['xdp', P.BPF_PROG_TYPE_XDP],
  ['perf_event', P.BPF_PROG_TYPE_PERF_EVENT],
  ['cgroup_skb', P.BPF_PROG_TYPE_CGROUP_SKB],
  ['cgroup/sock', P.BPF_PROG_TYPE_CGROUP_SOCK, A.BPF_CGROUP_INET_SOCK_CREATE],
  ['lwt_in', P.BPF_PROG_TYPE_LWT_IN],
  ['lwt_xmit', P.BPF_PROG_TYPE_LWT_XMIT],
  ['lwt_seg6local', P.BPF_PROG_TYPE_LWT_SEG6LOCAL],
  ['sockops', P.BPF_PROG_TYPE_SOCK_OPS],
  ['sk_skb', P.BPF_PROG_TYPE_SK_SKB],
  ['cgroup/dev', P.BPF_PROG_TYPE_CGROUP_DEVICE],
  ['sk_msg', P.BPF_PROG_TYPE_SK_MSG],
  ['raw_tp', P.BPF_PROG_TYPE_RAW_TRACEPOINT],
  ['raw_tp.w', P.BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE],
  ['cgroup/connect4', P.BPF_PROG_TYPE_CGROUP_SOCK_ADDR, A.BPF_CGROUP_INET4_CONNECT],
  ['lirc_mode2', P.BPF_PROG_TYPE_LIRC_MODE2],
  ['sk_reuseport', P.BPF_PROG_TYPE_SK_REUSEPORT, A.BPF_SK_REUSEPORT_SELECT],
  ['flow_dissector', P.BPF_PROG_TYPE_FLOW_DISSECTOR],
  ['cgroup/sysctl', P.BPF_PROG_TYPE_CGROUP_SYSCTL],
  ['cgroup/getsockopt', P.BPF_PROG_TYPE_CGROUP_SOCKOPT, A.BPF_CGROUP_GETSOCKOPT],
  ['tp_btf', P.BPF_PROG_TYPE_TRACING, A.BPF_TRACE_RAW_TP, 'btf_trace_task_newtask'],
  ['fentry', P.BPF_PROG_TYPE_TRACING, A.BPF_TRACE_FENTRY, 'vfs_read'],
  ['fexit', P.BPF_PROG_TYPE_TRACING, A.BPF_TRACE_FEXIT, 'vfs_read'],
  ['fmod_ret', P.BPF_PROG_TYPE_TRACING, A.BPF_MODIFY_RETURN, 'bpf_modify_return_test'],
  ['iter/task', P.BPF_PROG_TYPE_TRACING, A.BPF_TRACE_ITER, 'bpf_iter_task'],
  ['lsm', P.BPF_PROG_TYPE_LSM, A.BPF_LSM_MAC, 'bpf_lsm_file_open'],
  ['lsm_cgroup', P.BPF_PROG_TYPE_LSM, A.BPF_LSM_CGROUP, 'bpf_lsm_socket_bind'],
  ['struct_ops', P.BPF_PROG_TYPE_STRUCT_OPS, 0, 'tcp_congestion_ops.ssthresh'],
  ['sk_lookup', P.BPF_PROG_TYPE_SK_LOOKUP, A.BPF_SK_LOOKUP],
  ['syscall', P.BPF_PROG_TYPE_SYSCALL, 0, '', SLEEPABLE],
  ['netfilter', P.BPF_PROG_TYPE_NETFILTER, A.BPF_NETFILTER],
];

/** Names of contexts, of what looks like one, and of one that no kernel has. */
const STRUCTS = [
  '__sk_buff', 'sk_buff', 'xdp_md', 'xdp_buff', 'pt_regs', 'user_pt_regs', 'user_regs_struct', 'bpf_user_pt_regs_t',
  'bpf_perf_event_data', 'bpf_perf_event_data_kern', 'bpf_raw_tracepoint_args', 'bpf_sock', 'sock', 'bpf_sock_addr',
  'bpf_sock_addr_kern', 'bpf_sock_ops', 'bpf_sock_ops_kern', 'sk_msg_md', 'sk_msg', 'bpf_cgroup_dev_ctx', 'bpf_sysctl',
  'bpf_sysctl_kern', 'bpf_sockopt', 'sk_reuseport_md', 'bpf_sk_lookup', 'bpf_sk_lookup_kern', 'bpf_nf_ctx',
  'bpf_iter__task', 'bpf_iter__nothing', 'bpf_iter_', 'bpf_flow_keys', '__u32', 'u64', 'void', 'tcp_congestion_ops',
]; // biome-ignore format: names
const TYPEDEFS = ['__sk_buff', 'xdp_md', 'bpf_user_pt_regs_t', 'pt_regs', 'bpf_raw_tracepoint_args', 'bpf_iter__task'];

/** Pointees by name. */
function pointees(b: BtfBuilder): Map<string, number> {
  const u64 = b.int('unsigned long long', 8);
  const member = [{ name: 'a', type: u64, bitOffset: 0, bitfieldSize: 0 }];
  const rows = new Map<string, number>([
    ['void', 0],
    ['u64', u64],
    ['s64', b.int('long long', 8, 1)],
    ['u32', b.int('unsigned int', 4)],
    ['u128', b.int('unsigned __int128', 16)],
    ['enum', b.enum('e', 4, [{ name: 'E', value: 0n }])],
    ['float', b.float('double', 8)],
    ['ptr', b.ptr(0)],
    ['array', b.array(u64, u64, 2)],
    ['proto', b.funcProto(u64, [])],
    ['struct', b.struct('', 8, member)],
    ['const_u64', b.const(u64)],
    ['typedef_u64', b.typedef('word', u64)],
  ]);
  for (const name of STRUCTS) rows.set(`struct_${name}`, b.struct(name, 8, member));
  for (const name of TYPEDEFS) {
    rows.set(`union_${name}`, b.union(name, 8, member));
    rows.set(`fwd_${name}`, b.fwd(name));
    rows.set(`typedef_${name}`, b.typedef(name, b.struct('', 8, member)));
    rows.set(`typedef_${name}_of_other`, b.typedef(name, b.struct('other', 8, member)));
    rows.set(`const_struct_${name}`, b.const(rows.get(`struct_${name}`) ?? b.struct(name, 8, member)));
    rows.set(`typedef_of_struct_${name}`, b.typedef('mine', b.struct(name, 8, member)));
    rows.set(`typedef_of_typedef_${name}`, b.typedef('mine', rows.get(`typedef_${name}`) ?? 0));
  }
  return rows;
}

const NAMES = [...pointees(new BtfBuilder()).keys()];
const CODE = 'call callee\n  r0 = 0\n  exit\ncallee: r0 = 0\n  exit';
const STATISTICS = /^(processed \d|verification time |stack depth )/;

/** One line a hook: what is accepted, and the messages of what is not, with how many pointees they met. */
export function ctxTags(sys: BpfSyscall, kernel: Btf): string[] {
  const types = NAMES.map((name) => typed(sys, name));
  const lines = HOOKS.map((hook) => {
    const target = targetOf(kernel, hook[3] ?? '');
    const accepted: string[] = [];
    const messages = new Map<string, number>();
    for (const { name, btf, funcs } of types) {
      const said = ask(sys, hook, target, btf, funcs);
      if (said === '') accepted.push(name);
      else messages.set(said, (messages.get(said) ?? 0) + 1);
    }
    return [hook[0], accepted.join(' '), ...[...messages].map(([text, n]) => `${n} ${text}`)].join('\t');
  });
  for (const { btf } of types) sys.close(btf);
  return lines;
}

interface Typed {
  readonly name: string;
  readonly btf: number;
  readonly funcs: Uint8Array;
}

/** BTF of a function with a tagged pointer to `name`. */
function typed(sys: BpfSyscall, name: string): Typed {
  const b = new BtfBuilder();
  const int = b.int('int', 4, 1);
  const main = b.func('main', b.funcProto(int, [{ name: 'ctx', type: b.ptr(0) }]), 1);
  const of = pointees(b).get(name) ?? 0;
  const callee = b.func('callee', b.funcProto(int, [{ name: 'ctx', type: b.ptr(of) }]), 1);
  b.declTag('arg:ctx', callee, 0);
  const btf = sys.bpf(BPF_CMD.BPF_BTF_LOAD, { btf: b.encode() });
  if (btf < 0) throw new Error(`BTF of ${name}: ${btf}`);
  return { name, btf, funcs: new Uint8Array(Uint32Array.of(0, main, 3, callee).buffer) };
}

interface Target {
  readonly attach_btf_id?: number;
  readonly expected_attach_type?: number;
}

/** '' when it is accepted. */
function ask(sys: BpfSyscall, [, type, attach, , flags]: Hook, target: Target, btf: number, funcs: Uint8Array): string {
  const log = new Uint8Array(1 << 14);
  const fd = sys.bpf(BPF_CMD.BPF_PROG_LOAD, {
    prog_type: type,
    insns: encodeInsns(assembleProgram(CODE).insns),
    license: 'GPL',
    prog_flags: flags ?? 0,
    expected_attach_type: attach ?? 0,
    ...target,
    log_level: 1,
    log_buf: log,
    prog_btf_fd: btf,
    func_info_rec_size: 8,
    func_info: funcs,
  });
  if (fd >= 0) {
    sys.close(fd);
    return '';
  }
  const lines = new TextDecoder().decode(log.subarray(0, log.indexOf(0))).split('\n');
  return `${fd} ${lines.filter((l) => l !== '' && !STATISTICS.test(l) && !/^(Validating|\d+:)/.test(l)).join(' / ')}`;
}

function targetOf(kernel: Btf, target: string): Target {
  if (target === '') return {};
  const [name, member] = target.split('.');
  if (member === undefined) {
    const id = kernel.find(name, BTF_KIND.FUNC);
    return { attach_btf_id: id > 0 ? id : kernel.find(name, BTF_KIND.TYPEDEF) };
  }
  const id = kernel.find(name, BTF_KIND.STRUCT);
  return { attach_btf_id: id, expected_attach_type: kernel.type(id)?.members.findIndex((m) => m.name === member) ?? 0 };
}
