/** Section names of BPF programs and what they mean: the SEC() table of libbpf, as data. */
import { BPF_ATTACH_TYPE as A, BPF_ATTACH_TYPE_NEWER as N } from '../uapi/attach-types.ts';
import { BPF_PROG_TYPE as P } from '../uapi/prog-types.ts';
import { nearest } from './nearest.ts';

/**
 * How a name is matched. `exact`: the whole name. `opt`: the name, or the name, `/` and a target.
 * `slash`: followed by `/` and a target.
 */
export type SectionMatch = 'exact' | 'opt' | 'slash';

export interface SectionRow {
  readonly name: string;
  readonly match: SectionMatch;
  readonly type: number;
  readonly attach: number;
  /** B: needs attach_btf_id. S: sleepable. F: XDP fragments. */
  readonly flags: string;
}

const row = (name: string, match: SectionMatch, type: number, attach = 0, flags = ''): SectionRow => ({
  name,
  match,
  type,
  attach,
  flags,
});

const K = P.BPF_PROG_TYPE_KPROBE;
const T = P.BPF_PROG_TYPE_TRACING;
const CLS = P.BPF_PROG_TYPE_SCHED_CLS;
const XDP = P.BPF_PROG_TYPE_XDP;
const ADDR = P.BPF_PROG_TYPE_CGROUP_SOCK_ADDR;
const SOCK = P.BPF_PROG_TYPE_CGROUP_SOCK;

export const SECTIONS: readonly SectionRow[] = [
  row('socket', 'exact', P.BPF_PROG_TYPE_SOCKET_FILTER),
  row('sk_reuseport/migrate', 'exact', P.BPF_PROG_TYPE_SK_REUSEPORT, A.BPF_SK_REUSEPORT_SELECT_OR_MIGRATE),
  row('sk_reuseport', 'exact', P.BPF_PROG_TYPE_SK_REUSEPORT, A.BPF_SK_REUSEPORT_SELECT),
  row('kprobe', 'opt', K),
  row('uprobe', 'opt', K),
  row('uprobe.s', 'opt', K, 0, 'S'),
  row('kretprobe', 'opt', K),
  row('uretprobe', 'opt', K),
  row('uretprobe.s', 'opt', K, 0, 'S'),
  row('kprobe.multi', 'opt', K, A.BPF_TRACE_KPROBE_MULTI),
  row('kretprobe.multi', 'opt', K, A.BPF_TRACE_KPROBE_MULTI),
  row('kprobe.session', 'opt', K, A.BPF_TRACE_KPROBE_SESSION),
  row('uprobe.multi', 'opt', K, A.BPF_TRACE_UPROBE_MULTI),
  row('uretprobe.multi', 'opt', K, A.BPF_TRACE_UPROBE_MULTI),
  row('uprobe.session', 'opt', K, A.BPF_TRACE_UPROBE_SESSION),
  row('uprobe.multi.s', 'opt', K, A.BPF_TRACE_UPROBE_MULTI, 'S'),
  row('uretprobe.multi.s', 'opt', K, A.BPF_TRACE_UPROBE_MULTI, 'S'),
  row('uprobe.session.s', 'opt', K, A.BPF_TRACE_UPROBE_SESSION, 'S'),
  row('ksyscall', 'opt', K),
  row('kretsyscall', 'opt', K),
  row('usdt', 'opt', K),
  row('usdt.s', 'opt', K, 0, 'S'),
  row('tc/ingress', 'exact', CLS, A.BPF_TCX_INGRESS),
  row('tc/egress', 'exact', CLS, A.BPF_TCX_EGRESS),
  row('tcx/ingress', 'exact', CLS, A.BPF_TCX_INGRESS),
  row('tcx/egress', 'exact', CLS, A.BPF_TCX_EGRESS),
  row('tc', 'exact', CLS),
  row('classifier', 'exact', CLS),
  row('action', 'exact', P.BPF_PROG_TYPE_SCHED_ACT),
  row('netkit/primary', 'exact', CLS, A.BPF_NETKIT_PRIMARY),
  row('netkit/peer', 'exact', CLS, A.BPF_NETKIT_PEER),
  row('tracepoint', 'opt', P.BPF_PROG_TYPE_TRACEPOINT),
  row('tp', 'opt', P.BPF_PROG_TYPE_TRACEPOINT),
  row('tracepoint.s', 'opt', P.BPF_PROG_TYPE_TRACEPOINT, 0, 'S'),
  row('tp.s', 'opt', P.BPF_PROG_TYPE_TRACEPOINT, 0, 'S'),
  row('raw_tracepoint', 'opt', P.BPF_PROG_TYPE_RAW_TRACEPOINT),
  row('raw_tp', 'opt', P.BPF_PROG_TYPE_RAW_TRACEPOINT),
  row('raw_tracepoint.s', 'opt', P.BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 'S'),
  row('raw_tp.s', 'opt', P.BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 'S'),
  row('raw_tracepoint.w', 'opt', P.BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE),
  row('raw_tp.w', 'opt', P.BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE),
  row('tp_btf', 'opt', T, A.BPF_TRACE_RAW_TP, 'B'),
  row('tp_btf.s', 'opt', T, A.BPF_TRACE_RAW_TP, 'BS'),
  row('fentry', 'opt', T, A.BPF_TRACE_FENTRY, 'B'),
  row('fmod_ret', 'opt', T, A.BPF_MODIFY_RETURN, 'B'),
  row('fexit', 'opt', T, A.BPF_TRACE_FEXIT, 'B'),
  row('fentry.s', 'opt', T, A.BPF_TRACE_FENTRY, 'BS'),
  row('fmod_ret.s', 'opt', T, A.BPF_MODIFY_RETURN, 'BS'),
  row('fexit.s', 'opt', T, A.BPF_TRACE_FEXIT, 'BS'),
  row('fsession', 'opt', T, N.BPF_TRACE_FSESSION, 'B'),
  row('fsession.s', 'opt', T, N.BPF_TRACE_FSESSION, 'BS'),
  row('fsession.multi', 'opt', T, N.BPF_TRACE_FSESSION_MULTI),
  row('fsession.multi.s', 'opt', T, N.BPF_TRACE_FSESSION_MULTI, 'S'),
  row('fentry.multi', 'opt', T, N.BPF_TRACE_FENTRY_MULTI),
  row('fexit.multi', 'opt', T, N.BPF_TRACE_FEXIT_MULTI),
  row('fentry.multi.s', 'opt', T, N.BPF_TRACE_FENTRY_MULTI, 'S'),
  row('fexit.multi.s', 'opt', T, N.BPF_TRACE_FEXIT_MULTI, 'S'),
  row('freplace', 'opt', P.BPF_PROG_TYPE_EXT, 0, 'B'),
  row('lsm', 'opt', P.BPF_PROG_TYPE_LSM, A.BPF_LSM_MAC, 'B'),
  row('lsm.s', 'opt', P.BPF_PROG_TYPE_LSM, A.BPF_LSM_MAC, 'BS'),
  row('lsm_cgroup', 'opt', P.BPF_PROG_TYPE_LSM, A.BPF_LSM_CGROUP, 'B'),
  row('iter', 'opt', T, A.BPF_TRACE_ITER, 'B'),
  row('iter.s', 'opt', T, A.BPF_TRACE_ITER, 'BS'),
  row('syscall', 'exact', P.BPF_PROG_TYPE_SYSCALL, 0, 'S'),
  row('xdp.frags/devmap', 'exact', XDP, A.BPF_XDP_DEVMAP, 'F'),
  row('xdp/devmap', 'exact', XDP, A.BPF_XDP_DEVMAP),
  row('xdp.frags/cpumap', 'exact', XDP, A.BPF_XDP_CPUMAP, 'F'),
  row('xdp/cpumap', 'exact', XDP, A.BPF_XDP_CPUMAP),
  row('xdp.frags', 'exact', XDP, A.BPF_XDP, 'F'),
  row('xdp', 'exact', XDP, A.BPF_XDP),
  row('perf_event', 'exact', P.BPF_PROG_TYPE_PERF_EVENT),
  row('lwt_in', 'exact', P.BPF_PROG_TYPE_LWT_IN),
  row('lwt_out', 'exact', P.BPF_PROG_TYPE_LWT_OUT),
  row('lwt_xmit', 'exact', P.BPF_PROG_TYPE_LWT_XMIT),
  row('lwt_seg6local', 'exact', P.BPF_PROG_TYPE_LWT_SEG6LOCAL),
  row('sockops', 'exact', P.BPF_PROG_TYPE_SOCK_OPS, A.BPF_CGROUP_SOCK_OPS),
  row('sk_skb/stream_parser', 'exact', P.BPF_PROG_TYPE_SK_SKB, A.BPF_SK_SKB_STREAM_PARSER),
  row('sk_skb/stream_verdict', 'exact', P.BPF_PROG_TYPE_SK_SKB, A.BPF_SK_SKB_STREAM_VERDICT),
  row('sk_skb/verdict', 'exact', P.BPF_PROG_TYPE_SK_SKB, A.BPF_SK_SKB_VERDICT),
  row('sk_skb', 'exact', P.BPF_PROG_TYPE_SK_SKB),
  row('sk_msg', 'exact', P.BPF_PROG_TYPE_SK_MSG, A.BPF_SK_MSG_VERDICT),
  row('lirc_mode2', 'exact', P.BPF_PROG_TYPE_LIRC_MODE2, A.BPF_LIRC_MODE2),
  row('flow_dissector', 'exact', P.BPF_PROG_TYPE_FLOW_DISSECTOR, A.BPF_FLOW_DISSECTOR),
  row('cgroup_skb/ingress', 'exact', P.BPF_PROG_TYPE_CGROUP_SKB, A.BPF_CGROUP_INET_INGRESS),
  row('cgroup_skb/egress', 'exact', P.BPF_PROG_TYPE_CGROUP_SKB, A.BPF_CGROUP_INET_EGRESS),
  row('cgroup/skb', 'exact', P.BPF_PROG_TYPE_CGROUP_SKB),
  row('cgroup/sock_create', 'exact', SOCK, A.BPF_CGROUP_INET_SOCK_CREATE),
  row('cgroup/sock_release', 'exact', SOCK, A.BPF_CGROUP_INET_SOCK_RELEASE),
  row('cgroup/sock', 'exact', SOCK, A.BPF_CGROUP_INET_SOCK_CREATE),
  row('cgroup/post_bind4', 'exact', SOCK, A.BPF_CGROUP_INET4_POST_BIND),
  row('cgroup/post_bind6', 'exact', SOCK, A.BPF_CGROUP_INET6_POST_BIND),
  row('cgroup/bind4', 'exact', ADDR, A.BPF_CGROUP_INET4_BIND),
  row('cgroup/bind6', 'exact', ADDR, A.BPF_CGROUP_INET6_BIND),
  row('cgroup/connect4', 'exact', ADDR, A.BPF_CGROUP_INET4_CONNECT),
  row('cgroup/connect6', 'exact', ADDR, A.BPF_CGROUP_INET6_CONNECT),
  row('cgroup/connect_unix', 'exact', ADDR, A.BPF_CGROUP_UNIX_CONNECT),
  row('cgroup/sendmsg4', 'exact', ADDR, A.BPF_CGROUP_UDP4_SENDMSG),
  row('cgroup/sendmsg6', 'exact', ADDR, A.BPF_CGROUP_UDP6_SENDMSG),
  row('cgroup/sendmsg_unix', 'exact', ADDR, A.BPF_CGROUP_UNIX_SENDMSG),
  row('cgroup/recvmsg4', 'exact', ADDR, A.BPF_CGROUP_UDP4_RECVMSG),
  row('cgroup/recvmsg6', 'exact', ADDR, A.BPF_CGROUP_UDP6_RECVMSG),
  row('cgroup/recvmsg_unix', 'exact', ADDR, A.BPF_CGROUP_UNIX_RECVMSG),
  row('cgroup/getpeername4', 'exact', ADDR, A.BPF_CGROUP_INET4_GETPEERNAME),
  row('cgroup/getpeername6', 'exact', ADDR, A.BPF_CGROUP_INET6_GETPEERNAME),
  row('cgroup/getpeername_unix', 'exact', ADDR, A.BPF_CGROUP_UNIX_GETPEERNAME),
  row('cgroup/getsockname4', 'exact', ADDR, A.BPF_CGROUP_INET4_GETSOCKNAME),
  row('cgroup/getsockname6', 'exact', ADDR, A.BPF_CGROUP_INET6_GETSOCKNAME),
  row('cgroup/getsockname_unix', 'exact', ADDR, A.BPF_CGROUP_UNIX_GETSOCKNAME),
  row('cgroup/sysctl', 'exact', P.BPF_PROG_TYPE_CGROUP_SYSCTL, A.BPF_CGROUP_SYSCTL),
  row('cgroup/getsockopt', 'exact', P.BPF_PROG_TYPE_CGROUP_SOCKOPT, A.BPF_CGROUP_GETSOCKOPT),
  row('cgroup/setsockopt', 'exact', P.BPF_PROG_TYPE_CGROUP_SOCKOPT, A.BPF_CGROUP_SETSOCKOPT),
  row('cgroup/dev', 'exact', P.BPF_PROG_TYPE_CGROUP_DEVICE, A.BPF_CGROUP_DEVICE),
  row('struct_ops', 'opt', P.BPF_PROG_TYPE_STRUCT_OPS),
  row('struct_ops.s', 'opt', P.BPF_PROG_TYPE_STRUCT_OPS, 0, 'S'),
  row('sk_lookup', 'exact', P.BPF_PROG_TYPE_SK_LOOKUP, A.BPF_SK_LOOKUP),
  row('netfilter', 'exact', P.BPF_PROG_TYPE_NETFILTER, A.BPF_NETFILTER),
];

/** How the program type of a section was found: by its name, by the beginning of its name, as the user said, or not at all. */
export type SectionSource = 'name' | 'guess' | 'user' | 'none';

/** The meaning of a section name; `target` follows the `/`, `autoload` is off behind a leading `?`. */
export interface SectionMeaning {
  readonly row: SectionRow | undefined;
  readonly target: string;
  readonly autoload: boolean;
  readonly source: SectionSource;
}

/**
 * Looks a section name up. Names that only add a suffix to a known exact name (`xdp_prog`, `tc/foo`, `classifier/x`), as objects older
 * than libbpf 1.0 have them and cilium/ebpf takes them, are taken for that name.
 */
export function matchSection(section: string): SectionMeaning {
  const autoload = !section.startsWith('?');
  const name = autoload ? section : section.slice(1);
  const slash = name.indexOf('/');
  const head = slash < 0 ? name : name.slice(0, slash);
  const rest = slash < 0 ? '' : name.slice(slash + 1);
  for (const r of SECTIONS) {
    if (r.match === 'exact' && r.name === name) return { row: r, target: '', autoload, source: 'name' };
    if (r.match === 'opt' && r.name === head) return { row: r, target: rest, autoload, source: 'name' };
    if (r.match === 'slash' && r.name === head && rest !== '')
      return { row: r, target: rest, autoload, source: 'name' };
  }
  let best: SectionRow | undefined;
  for (const r of GUESSED) {
    if (name.startsWith(r.name) && r.name.length > (best?.name.length ?? 0)) best = r;
  }
  const target = best ? name.slice(best.name.length).replace(/^[/_.]/, '') : rest;
  return { row: best, target, autoload, source: best ? 'guess' : 'none' };
}

/** Beginnings of names that are enough: the exact names, and `seccomp`, which libbpf never knew and cilium/ebpf does. */
const GUESSED: readonly SectionRow[] = [
  ...SECTIONS.filter((r) => r.match === 'exact'),
  row('seccomp', 'exact', P.BPF_PROG_TYPE_SOCKET_FILTER),
];

/**
 * What a user's word for a type means: a section name (`tc`, `cgroup/connect4`, `fentry`) or a program type (`sched_cls`,
 * `BPF_PROG_TYPE_XDP`). Undefined when it is neither.
 */
export function rowOfType(word: string): SectionRow | undefined {
  const known = SECTIONS.find((r) => r.name === word);
  if (known) return known;
  const type = word.toUpperCase().replace(/^BPF_PROG_TYPE_/, '');
  const found = Object.entries(P).find(([name, value]) => value !== 0 && name === `BPF_PROG_TYPE_${type}`);
  return found && (SECTIONS.find((r) => r.type === found[1] && r.attach === 0) ?? row(word, 'exact', found[1]));
}

/** All words that {@link rowOfType} knows. */
export const typeWords = (): string[] => [
  ...SECTIONS.map((r) => r.name),
  ...Object.keys(P).map((name) => name.replace('BPF_PROG_TYPE_', '').toLowerCase()),
];

/** Section names by pattern: exactly `2/7`, or all that begin like `tail-*`. */
export type SectionTypes = Readonly<Record<string, string>>;

/** The user's words on section names: `types` by pattern go before the names' own meaning, `type` is for names without one. */
export interface SectionWords {
  readonly type?: string | undefined;
  readonly types?: SectionTypes | undefined;
}

/** Whether a user's words mean a section: its name, or the beginning of it and `*`. */
export const sectionFits = (pattern: string, name: string): boolean =>
  pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;

/** {@link matchSection}, with the user's words. */
export function meaningOf(section: string, words: SectionWords): SectionMeaning {
  const found = matchSection(section);
  const name = found.autoload ? section : section.slice(1);
  const said = Object.entries(words.types ?? {}).find(([pattern]) => sectionFits(pattern, name))?.[1];
  const word = said ?? (found.source === 'name' ? undefined : words.type);
  const chosen = word === undefined ? undefined : rowOfType(word);
  return chosen === undefined ? found : { ...found, row: chosen, source: 'user' };
}

/** Names of other loaders, which say where a program goes but no type. */
const CONVENTIONS: readonly (readonly [pattern: RegExp, meaning: string])[] = [
  [/^\d+\/\d+$/, 'it is a tail call of iproute2, of the type of its callers'],
  [/^(from|to)-/, 'it is an entry of Cilium, mostly of type tc or xdp'],
  [/^tail[-_]?/, 'it is a tail call, of the type of its callers'],
];
const COMMON = ['xdp', 'tc', 'socket', 'kprobe', 'tracepoint'];

/** Why a program has no type, with the names that come nearest. */
export function withoutType(section: string): string {
  const name = section.replace(/^\?/, '');
  const foreign = CONVENTIONS.find(([pattern]) => pattern.test(name))?.[1];
  const near = nearest(
    name,
    SECTIONS.map((r) => r.name),
  );
  const known =
    near.length > 0 ? `the nearest names are ${near.join(', ')}` : `names are ${COMMON.join(', ')} and others`;
  const hint = foreign ?? known;
  return `section name ${section} says no program type: ${hint}; \`type\` or \`sectionTypes\` (--type) can say it`;
}
