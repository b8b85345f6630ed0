/** What ways of attaching share: options, perf events that programs are attached through, files that tell of them. */
import type { BpfSyscall } from '../../uapi/attr/attr.ts';
import { BPF_ATTACH_TYPE as A } from '../../uapi/attach-types.ts';
import type { PerfEventAttr } from '../../uapi/perf-event.ts';
import { BpfError, loaderError } from '../errors.ts';
import type { TargetFunction } from '../load/target-program.ts';
import type { ProgramSpec } from '../spec.ts';
import { createLink, type Link } from './link.ts';

/** What a program is attached to, where its section does not say it or says something else. */
export interface AttachOptions {
  /** The value of bpf_get_attach_cookie. */
  readonly cookie?: bigint;
  /** A raw tracepoint (`sched_switch`), or a trace event with its category (`sched:sched_switch`). */
  readonly tracepoint?: string;
  /** The function of a probe; of one in a binary its symbol. */
  readonly function?: string;
  /** Bytes from its beginning; in a binary without a symbol, from that of the file. */
  readonly offset?: number;
  /** Functions of a program on many, by name; a pattern with `*` and `?` stands for all that it fits. */
  readonly functions?: readonly string[];
  /** A cookie for each of them. */
  readonly cookies?: readonly bigint[];
  /** The file of a uprobe. */
  readonly binary?: string;
  /** Offsets in the file, in place of functions. */
  readonly offsets?: readonly number[];
  /** Offset of the semaphore of a uprobe, in the file. */
  readonly semaphore?: number;
  /** The process whose calls count, or whose tasks are iterated. Default: all. */
  readonly pid?: number;
  /** The task that is iterated. */
  readonly tid?: number;
  /** The map whose elements are iterated. */
  readonly map?: { readonly fd: number };
  /** The function of another program that an freplace program takes the place of. Default: the one that it was loaded for. */
  readonly target?: TargetFunction;
  /** A perf event that is open already. */
  readonly perfEvent?: number;
}

/** What is attached: a loaded program. */
export interface Attachable {
  readonly fd: number;
  readonly spec: ProgramSpec;
}

/** A program, and what it is to be attached to. */
export interface Target {
  readonly sys: BpfSyscall;
  readonly prog: Attachable;
  readonly options: AttachOptions;
  /** What the section names. */
  readonly target: string;
  readonly op: string;
}

/** Opens a perf event and attaches to it. */
export function throughPerf(on: Target, attr: PerfEventAttr): Link {
  return linkTo(on, openEvent(on.sys, attr, on.op));
}

/** A descriptor or -errno. */
export function openEvent(sys: BpfSyscall, attr: PerfEventAttr, op: string): number {
  if (sys.perfEventOpen === undefined) throw loaderError(op, 'EOPNOTSUPP', 'this door opens no perf events');
  return sys.perfEventOpen(attr);
}

/** A link to an event that was opened, or the error that it was not. */
export function linkTo(on: Target, event: number): Link {
  if (event < 0) throw new BpfError({ errno: -event, op: on.op, detail: 'perf_event_open(2) refused' });
  try {
    return onPerfEvent(on, event);
  } finally {
    // The link holds the event.
    on.sys.close(event);
  }
}

/** A link to an event that is open. */
export function onPerfEvent({ sys, prog, options, op }: Target, event: number | undefined): Link {
  if (event === undefined) throw loaderError(op, 'EINVAL', 'the perf event to attach to is not given (perfEvent)');
  const perf_event = { bpf_cookie: options.cookie ?? 0n };
  return createLink(sys, { prog_fd: prog.fd, target_fd: event, attach_type: A.BPF_PERF_EVENT, perf_event }, op);
}

/** The text of a file of the kernel. */
export function fileOf(sys: BpfSyscall, path: string, op: string): string {
  if (sys.readText === undefined) throw loaderError(op, 'EOPNOTSUPP', 'this door reads no files');
  const text = sys.readText(path);
  if (typeof text === 'number') throw new BpfError({ errno: -text, op, detail: path });
  return text;
}

/** 64-bit numbers as the kernel reads them. */
export function words(values: readonly bigint[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(values, (v) => BigInt.asUintN(64, v)).buffer);
}

/** The names that a pattern fits: `*` stands for anything, `?` for one character. */
export function ruleOf(pattern: string): RegExp {
  const rule = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${rule}$`);
}
