/**
 * Text of /proc/PID/fdinfo/FD for BPF objects: the lines of the kernel, but those on memory, on the file's own number, on the owner of a
 * program array, and on each place of a link to many.
 */
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_LINK_TYPE, bpfLinkTypeName } from '../../uapi/link-types.ts';
import { FMODE_READ, FMODE_WRITE } from '../object/fd-table.ts';
import type { KernelObject } from '../object/kernel-object.ts';
import type { LinkInfo, LinkObject } from '../object/link.ts';
import type { MapObject } from '../object/map.ts';
import type { LoadedProg } from '../object/prog.ts';
import type { SyscallEnv } from './env.ts';

type Line = readonly [name: string, value: string | number | bigint];

const PATH = /^\/proc\/(self|thread-self|\d+)\/fdinfo\/(\d+)$/;
const O_CLOEXEC = 0o2000000;
const O_WRONLY = 1;
const O_RDWR = 2;

/** The text, undefined for paths of other files, or -errno. */
export function readFdInfo(env: SyscallEnv, path: string): string | number | undefined {
  const [, task, number] = PATH.exec(path) ?? [];
  if (task === undefined) return undefined;
  const table = /^\d/.test(task) ? env.tableOf(Number(task)) : env.fds;
  const entry = table?.get(Number(number));
  if (entry === undefined) return -ERRNO.ENOENT;
  const { object, mode, closeOnExec } = entry;
  const access = (mode & FMODE_READ) === 0 ? O_WRONLY : (mode & FMODE_WRITE) === 0 ? 0 : O_RDWR;
  const lines: Line[] = [
    ['pos', 0],
    ['flags', `0${((closeOnExec ? O_CLOEXEC : 0) | (isReadOnly(object) ? 0 : access)).toString(8)}`],
    ...linesOf(object),
  ];
  return lines.map(([name, value]) => `${name}:\t${value}\n`).join('');
}

/** Descriptors that bpf(2) opens for reading alone. */
const isReadOnly = ({ kind }: KernelObject): boolean => kind !== 'map' && kind !== 'prog';

function linesOf(object: KernelObject): readonly Line[] {
  switch (object.kind) {
    case 'map':
      return mapLines(object);
    case 'prog':
      return progLines(object);
    case 'btf':
      return [['btf_id', object.id]];
    case 'link':
      return linkLines(object);
    default:
      return [];
  }
}

function mapLines({ map: { desc } }: MapObject): readonly Line[] {
  return [
    ['map_type', desc.type],
    ['key_size', desc.keySize],
    ['value_size', desc.valueSize],
    ['max_entries', desc.maxEntries],
    ['map_flags', `0x${desc.flags.toString(16)}`],
    ['map_extra', `0x${desc.mapExtra.toString(16)}`],
    ['map_id', desc.id],
    ['frozen', desc.frozen ? 1 : 0],
  ];
}

const tagLine = (prog: LoadedProg): Line => ['prog_tag', prog.verified.tag.hex];

function progLines(prog: LoadedProg): readonly Line[] {
  const { verified, exe } = prog;
  return [
    ['prog_type', verified.progType],
    ['prog_jited', exe.codeSize > 0 ? 1 : 0],
    tagLine(prog),
    ['prog_id', prog.id],
    ['run_time_ns', Math.round(prog.runTimeNs)],
    ['run_cnt', prog.runCnt],
    ['recursion_misses', prog.misses],
    ['verified_insns', prog.stats.insnsProcessed],
  ];
}

function linkLines(link: LinkObject): readonly Line[] {
  const info = link.hook.info();
  return [
    ['link_type', typeName(link.type, info)],
    ['link_id', link.id],
    tagLine(link.prog),
    ['prog_id', link.prog.id],
    ...shownBy(info),
  ];
}

/** What a kind of link shows of itself. */
function shownBy({ kind, values, texts = {}, words = {} }: LinkInfo): readonly Line[] {
  const value = (name: string): Line => [name, texts[name] ?? (values[name] as bigint | undefined) ?? 0];
  const hex = (name: string): Line => [name, `0x${BigInt((values[name] as bigint | undefined) ?? 0).toString(16)}`];
  const event: Line = ['event_type', EVENT_TYPES[Number(values.event)]];
  switch (kind) {
    case 'link_raw_tracepoint':
      return ['tp_name', 'cookie'].map(value);
    case 'link_tracing':
      return ['attach_type', 'target_obj_id', 'target_btf_id', 'cookie'].map(value);
    case 'link_iter':
      return [value('target_name'), ...('map_id' in values ? [value('map_id')] : [])];
    case 'link_iter_task':
      return [value('target_name'), ...taskLines(values)];
    case 'link_perf_kprobe':
      return [['name', texts.func_name], hex('offset'), value('missed'), hex('addr'), event, value('cookie')];
    case 'link_perf_uprobe':
      return [['name', texts.file_name], hex('offset'), hex('ref_ctr_offset'), event, value('cookie')];
    case 'link_perf_tracepoint':
      return [value('tp_name'), event, value('cookie')];
    case 'link_perf_event':
      return [['type', Number(values.event_type)], value('config'), event, value('cookie')];
    case 'link_kprobe_multi':
      return [['kprobe_cnt', words.addrs.length], value('missed')];
    case 'link_uprobe_multi':
      return [['uprobe_cnt', words.offsets.length], value('pid'), value('path')];
    default:
      return [];
  }
}

function taskLines({ tid, pid }: LinkInfo['values']): readonly Line[] {
  if (tid !== 0)
    return [
      ['task_type', 'TID'],
      ['tid', Number(tid)],
    ];
  return pid !== 0
    ? [
        ['task_type', 'PID'],
        ['pid', Number(pid)],
      ]
    : [['task_type', 'ALL']];
}

/** By BPF_PERF_EVENT_*. */
const EVENT_TYPES = ['', 'uprobe', 'uretprobe', 'kprobe', 'kretprobe', 'tracepoint', 'event'] as const;

function typeName(type: number, { kind, values }: LinkInfo): string {
  if (type === BPF_LINK_TYPE.BPF_LINK_TYPE_PERF_EVENT) return 'perf';
  const name = bpfLinkTypeName(type).replace('BPF_LINK_TYPE_', '').toLowerCase();
  const returns = (kind === 'link_kprobe_multi' || kind === 'link_uprobe_multi') && values.flags !== 0;
  return returns ? name.replace('probe', 'retprobe') : name;
}
