/** The meaning of a program's return value for a packet: its name, and whether the packet goes on. */
import { TC_ACT, XDP_ACTION } from '../../uapi/flags.ts';
import { BPF_PROG_TYPE as T } from '../../uapi/prog-types.ts';

export interface VerdictWords {
  /** `XDP_DROP`; the number as text where there is no name. */
  name(retval: number): string;
  /** Bytes of the packet that go on; 0 when it is dropped or goes elsewhere. */
  passes(retval: number, length: number): number;
}

const nameIn = (table: Readonly<Record<string, number>>, value: number): string | undefined =>
  Object.keys(table).find((name) => table[name] === value);

const XDP: VerdictWords = {
  name: (r) => nameIn(XDP_ACTION, r) ?? `XDP ${r}`,
  passes: (r, length) => (r === XDP_ACTION.XDP_PASS || r === XDP_ACTION.XDP_TX ? length : 0),
};

const TC_GOES_ON: ReadonlySet<number> = new Set([
  TC_ACT.TC_ACT_UNSPEC,
  TC_ACT.TC_ACT_OK,
  TC_ACT.TC_ACT_RECLASSIFY,
  TC_ACT.TC_ACT_PIPE,
]);
const TC: VerdictWords = {
  name: (r) => nameIn(TC_ACT, r | 0) ?? `TC_ACT ${r | 0}`,
  passes: (r, length) => (TC_GOES_ON.has(r | 0) ? length : 0),
};

/** A socket filter says how many bytes it keeps. */
const FILTER: VerdictWords = {
  name: (r) => (r === 0 ? 'drop' : 'keep'),
  passes: (r, length) => Math.min(r, length),
};

const CGROUP: VerdictWords = {
  name: (r) => (r & 1 ? 'allow' : 'deny'),
  passes: (r, length) => (r & 1 ? length : 0),
};

const LWT: VerdictWords = {
  name: (r) => ({ 0: 'BPF_OK', 2: 'BPF_DROP', 7: 'BPF_REDIRECT', 128: 'BPF_LWT_REROUTE' })[r] ?? String(r | 0),
  passes: (r, length) => (r === 0 ? length : 0),
};

const WORDS: Readonly<Record<number, VerdictWords>> = {
  [T.BPF_PROG_TYPE_XDP]: XDP,
  [T.BPF_PROG_TYPE_SCHED_CLS]: TC,
  [T.BPF_PROG_TYPE_SCHED_ACT]: TC,
  [T.BPF_PROG_TYPE_SOCKET_FILTER]: FILTER,
  [T.BPF_PROG_TYPE_CGROUP_SKB]: CGROUP,
  [T.BPF_PROG_TYPE_LWT_IN]: LWT,
  [T.BPF_PROG_TYPE_LWT_OUT]: LWT,
  [T.BPF_PROG_TYPE_LWT_XMIT]: LWT,
};

/** Words for a program type; undefined for types that see no packets. */
export const verdictWords = (progType: number): VerdictWords | undefined => WORDS[progType];
