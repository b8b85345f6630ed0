/** Attaching programs where their sections say, as libbpf does: probes and trace events through perf events, many functions at once by name. */
import { BTF_KIND } from '../../btf/types.ts';
import type { BpfSyscall } from '../../uapi/attr/attr.ts';
import { BPF_ATTACH_TYPE as A } from '../../uapi/attach-types.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { BPF_F_KPROBE_MULTI_RETURN, BPF_F_UPROBE_MULTI_RETURN } from '../../uapi/flags.ts';
import { PERF_TYPE, type PerfEventAttr } from '../../uapi/perf-event.ts';
import { BPF_PROG_TYPE as P, bpfProgTypeName } from '../../uapi/prog-types.ts';
import { BpfError, loaderError } from '../errors.ts';
import {
  type Attachable,
  type AttachOptions,
  fileOf,
  linkTo,
  onPerfEvent,
  openEvent,
  ruleOf,
  type Target,
  throughPerf,
  words,
} from './attach-perf.ts';
import { iterator } from './iterator.ts';
import { uprobe, uprobeMulti } from './attach-uprobe.ts';
import { createLink, type Link, openRawTracepoint } from './link.ts';
import { targetProgram } from '../load/target-program.ts';
import { matchSection } from '../sections.ts';
import type { ProgramSpec } from '../spec.ts';

export type { AttachOptions } from './attach-perf.ts';

/** Words of a section before its target, and what attaches such programs. */
type Attach = (on: Target) => Link;
const BY_SECTION: Readonly<Record<string, Attach>> = {
  kprobe: (on) => kprobe(on, false),
  kretprobe: (on) => kprobe(on, true),
  ksyscall: (on) => syscallProbe(on, false),
  kretsyscall: (on) => syscallProbe(on, true),
  'kprobe.multi': (on) => kprobeMulti(on, A.BPF_TRACE_KPROBE_MULTI, 0),
  'kretprobe.multi': (on) => kprobeMulti(on, A.BPF_TRACE_KPROBE_MULTI, BPF_F_KPROBE_MULTI_RETURN),
  'kprobe.session': (on) => kprobeMulti(on, A.BPF_TRACE_KPROBE_SESSION, 0),
  ...bothWays('uprobe', (on) => uprobe(on, false)),
  ...bothWays('uretprobe', (on) => uprobe(on, true)),
  ...bothWays('uprobe.multi', (on) => uprobeMulti(on, A.BPF_TRACE_UPROBE_MULTI, 0)),
  ...bothWays('uretprobe.multi', (on) => uprobeMulti(on, A.BPF_TRACE_UPROBE_MULTI, BPF_F_UPROBE_MULTI_RETURN)),
  ...bothWays('uprobe.session', (on) => uprobeMulti(on, A.BPF_TRACE_UPROBE_SESSION, 0)),
  tracepoint: traceEvent,
  tp: traceEvent,
};

/** Sections of programs that may sleep end with `.s`. */
function bothWays(name: string, attach: Attach): Readonly<Record<string, Attach>> {
  return { [name]: attach, [`${name}.s`]: attach };
}

/** Program types that are attached the same way whatever their section is called. */
const BY_TYPE: Readonly<Record<number, Attach>> = {
  [P.BPF_PROG_TYPE_RAW_TRACEPOINT]: rawTracepoint,
  [P.BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE]: rawTracepoint,
  [P.BPF_PROG_TYPE_TRACING]: byTarget,
  [P.BPF_PROG_TYPE_LSM]: byTarget,
  [P.BPF_PROG_TYPE_EXT]: replacement,
  [P.BPF_PROG_TYPE_PERF_EVENT]: (on) => onPerfEvent(on, undefined),
  [P.BPF_PROG_TYPE_TRACEPOINT]: traceEvent,
};

/** Types of programs that were loaded for what they are attached to. */
const BY_TARGET: ReadonlySet<number> = new Set([P.BPF_PROG_TYPE_TRACING, P.BPF_PROG_TYPE_LSM, P.BPF_PROG_TYPE_EXT]);

/** Whether {@link attachProgram} finds the program's place by its section alone. */
export function attachesItself({ section, type }: ProgramSpec): boolean {
  if (type === P.BPF_PROG_TYPE_PERF_EVENT) return false;
  const { row, target } = matchSection(section);
  if (BY_TARGET.has(type)) return true;
  return target !== '' && (BY_TYPE[type] !== undefined || (row !== undefined && Object.hasOwn(BY_SECTION, row.name)));
}

/** Attaches a program. Throws BpfError: EOPNOTSUPP for what cannot be attached here, each by name. */
export function attachProgram(sys: BpfSyscall, prog: Attachable, options: AttachOptions): Link {
  const { section, type, name } = prog.spec;
  const { row, target } = matchSection(section);
  const on = { sys, prog, options, target, op: `attach ${name}` };
  if (options.perfEvent !== undefined) return onPerfEvent(on, options.perfEvent);
  const by =
    row !== undefined && row.type === type && Object.hasOwn(BY_SECTION, row.name) ? BY_SECTION[row.name] : undefined;
  const attach = by ?? BY_TYPE[type];
  if (attach === undefined)
    throw loaderError(
      on.op,
      'EOPNOTSUPP',
      `no attaching of ${bpfProgTypeName(type)} programs from section ${section} yet`,
    );
  return attach(on);
}

function rawTracepoint({ sys, prog, options, target, op }: Target): Link {
  const name = options.tracepoint ?? target;
  if (name === '') throw loaderError(op, 'EINVAL', `its section ${prog.spec.section} names no tracepoint`);
  return openRawTracepoint(sys, prog.fd, name, options.cookie);
}

/** What was named at the load; kernels before 6.0 have no LINK_CREATE for it, and no cookies. */
function byTarget(on: Target): Link {
  const { sys, prog, options, op } = on;
  if (prog.spec.expectedAttachType === A.BPF_TRACE_ITER) return iterator(on);
  const { cookie } = options;
  if (cookie === undefined) return openRawTracepoint(sys, prog.fd, undefined);
  const { expectedAttachType: attach_type } = prog.spec;
  return createLink(sys, { prog_fd: prog.fd, attach_type, tracing: { cookie } }, op);
}

/** In place of the function that was named at the load, or of another one like it. */
function replacement(on: Target): Link {
  const { sys, prog, options, op } = on;
  const { target, cookie } = options;
  if (target === undefined) return byTarget(on);
  const { fd, btf, function: wanted } = targetProgram(sys, op, target);
  const name = wanted ?? on.target;
  const target_btf_id = btf.find(name, BTF_KIND.FUNC);
  if (target_btf_id === 0) throw loaderError(op, 'ENOENT', `the target program has no function ${name}`);
  const tracing = { target_btf_id, ...(cookie === undefined ? {} : { cookie }) };
  const { expectedAttachType: attach_type } = prog.spec;
  return createLink(sys, { prog_fd: prog.fd, target_fd: fd, attach_type, tracing }, op);
}

function traceEvent(on: Target): Link {
  const { sys, options, target, op } = on;
  const [category, name] = (options.tracepoint ?? target).split(/[:/]/);
  if (category === '' || name === undefined)
    throw loaderError(op, 'EINVAL', 'a trace event is named by category and name (sched/sched_switch)');
  const path = `/sys/kernel/tracing/events/${category}/${name}/id`;
  const id = BigInt(fileOf(sys, path, op).trim());
  return throughPerf(on, { type: PERF_TYPE.PERF_TYPE_TRACEPOINT, config: id });
}

function kprobe(on: Target, returns: boolean): Link {
  const [name, plus] = (on.options.function ?? on.target).split('+');
  const offset = on.options.offset ?? Number(plus ?? 0);
  if (name === '' || !Number.isInteger(offset) || offset < 0)
    throw loaderError(on.op, 'EINVAL', `its section ${on.prog.spec.section} names no function`);
  return throughPerf(on, kprobeAttr(on, name, offset, returns));
}

/** Functions of system calls are named by their architecture. */
const SYSCALLS = ['__x64_sys_', '__arm64_sys_', '__s390x_sys_', '__riscv_sys_'];

function syscallProbe(on: Target, returns: boolean): Link {
  const name = on.options.function ?? on.target;
  for (const prefix of SYSCALLS) {
    const fd = openEvent(on.sys, kprobeAttr(on, prefix + name, 0, returns), on.op);
    if (fd !== -ERRNO.ENOENT) return linkTo(on, fd);
  }
  throw new BpfError({ errno: ERRNO.ENOENT, op: on.op, detail: `there is no system call ${name}` });
}

function kprobeAttr({ sys, op }: Target, name: string, offset: number, returns: boolean): PerfEventAttr {
  const unit = '/sys/bus/event_source/devices/kprobe';
  const bit = returns ? Number(/^config:(\d+)/.exec(fileOf(sys, `${unit}/format/retprobe`, op))?.[1] ?? 0) : 0;
  return {
    type: Number(fileOf(sys, `${unit}/type`, op)),
    config: returns ? 1n << BigInt(bit) : 0n,
    probe_name: name,
    probe_offset: BigInt(offset),
  };
}

function kprobeMulti(on: Target, attachType: number, flags: number): Link {
  const { sys, prog, options, target, op } = on;
  const wanted = options.functions ?? [target];
  const syms = wanted.flatMap((name) => (/[*?]/.test(name) ? fitting(on, name) : [name]));
  if (syms.length === 0 || syms.includes(''))
    throw loaderError(op, 'ENOENT', `no function fits ${wanted.join(', ') || 'nothing'}`);
  const cookies = options.cookies === undefined ? {} : { cookies: words(options.cookies) };
  const kprobe_multi = { flags, syms, ...cookies };
  return createLink(sys, { prog_fd: prog.fd, attach_type: attachType, kprobe_multi }, op);
}

/** Functions that can be traced and whose names a pattern fits. */
function fitting({ sys, op }: Target, pattern: string): readonly string[] {
  const fits = ruleOf(pattern);
  const lines = fileOf(sys, '/sys/kernel/tracing/available_filter_functions', op).split('\n');
  // Functions of modules have their module behind them.
  return lines.map((line) => line.split(/[ \t]/)[0]).filter((name) => name !== '' && fits.test(name));
}
