/** Puts programs on hooks: what the commands of bpf(2) ask for. */
import { ERRNO } from '../../uapi/errno.ts';
import type { PerfEventAttr } from '../../uapi/perf-event.ts';
import type { LinkObject } from '../object/link.ts';
import type { PerfEventObject, TracedEvent } from '../object/perf-event.ts';
import type { LoadedProg } from '../object/prog.ts';
import { ArgumentWords } from '../world/trace/words.ts';
import { ProgramSites } from './programs/sites.ts';
import type { AttachEnv, AttachGround, RunOf } from './env.ts';
import { attachKprobeMulti, type KprobeMulti } from './kprobe-multi.ts';
import { attachIter } from './iters/iter-link.ts';
import type { IterInfo } from './iters/targets.ts';
import { readKernelFile } from './kernel-files.ts';
import { attachPerfEvent, type Lacking, openPerfEvent, setPerfEventProg } from './perf-event.ts';
import { tracedPerfEvent } from './perf-info.ts';
import { attachRawTracepoint } from './raw-tracepoint.ts';
import { attachToProgram, type OnProgram } from './programs/attach.ts';
import { saveAll, type Saved } from '../mem/saved.ts';
import { attachTrampoline } from './trampoline.ts';
import { attachUprobeMulti, type UprobeMulti, uprobeTarget } from './uprobe.ts';

/** Each gives the link, which holds the program, or -errno. */
export interface Attacher extends Saved {
  /** To a tracepoint by its name. */
  rawTracepoint(prog: LoadedProg, name: string, cookie: RunOf['cookie']): LinkObject | number;
  /** To the function that a program of type tracing or LSM was loaded for. */
  target(prog: LoadedProg, cookie: RunOf['cookie']): LinkObject | number;
  /** To a function of another program. */
  program(prog: LoadedProg, on: OnProgram, cookie: RunOf['cookie']): LinkObject | number;
  /** Whether a function of a program is replaced by another program. */
  isExtended(prog: LoadedProg): boolean;
  /** To a perf event. */
  perfEvent(prog: LoadedProg, event: PerfEventObject, cookie: RunOf['cookie']): LinkObject | number;
  /** To a perf event, for as long as that is open: 0 or -errno. */
  setPerfEventProg(prog: LoadedProg, event: PerfEventObject): number;
  /** To many functions at once. */
  kprobeMulti(prog: LoadedProg, functions: KprobeMulti): LinkObject | number | Lacking;
  /** To many places of a binary. */
  uprobeMulti(prog: LoadedProg, places: UprobeMulti): LinkObject | number;
  /** Whether a link of a path and a process (0 for all) has both: 0 or -errno. */
  uprobeTarget(path: string, pid: number): number;
  /** Symbols of a binary by name, with their offsets in the file; or -errno. */
  symbols(path: string): Readonly<Record<string, number>> | number;
  /** Of an iterator, to what it iterates. */
  iter(prog: LoadedProg, info: IterInfo): LinkObject | number | Lacking;
  /** What TASK_FD_QUERY tells of an event with a program; undefined of counters and clocks. */
  traced(event: PerfEventObject): TracedEvent | undefined;
  /** Opens a perf event: the object, -errno, or what this kernel lacks for it. */
  openPerfEvent(attr: PerfEventAttr): PerfEventObject | number | Lacking;
  /** The text of a file of tracefs or sysfs, or -errno. */
  readFile(path: string): string | number;
  /** Name of the kernel's type that a program was loaded for; '' when there is none. */
  targetName(prog: LoadedProg): string;
}

export function createAttacher(ground: AttachGround): Attacher {
  const words = new ArgumentWords(ground.mem, ground.heap);
  return attacherOf({ ...ground, words, sites: new ProgramSites() });
}

const attacherOf = (env: AttachEnv): Attacher => ({
  rawTracepoint: (prog, name, cookie) => attachRawTracepoint(env, prog, name, cookie),
  target: (prog, cookie) => attachTrampoline(env, prog, cookie),
  program: (prog, on, cookie) => attachToProgram(env, prog, on, cookie),
  isExtended: (prog) => env.sites.isExtended(prog),
  perfEvent: (prog, event, cookie) => attachPerfEvent(env, prog, event, cookie),
  setPerfEventProg: (prog, event) => setPerfEventProg(env, prog, event),
  kprobeMulti: (prog, functions) => attachKprobeMulti(env, prog, functions),
  uprobeMulti: (prog, places) => attachUprobeMulti(env, prog, places),
  uprobeTarget(path, pid) {
    const found = uprobeTarget(env, path, pid);
    return typeof found === 'number' ? found : 0;
  },
  symbols: (path) => env.trace.binaries.get(path)?.symbols ?? -ERRNO.ENOENT,
  iter: (prog, info) => attachIter(env, prog, info),
  openPerfEvent: (attr) => openPerfEvent(env, attr),
  traced: ({ source, prog }) => tracedPerfEvent(source.identity, prog?.id ?? 0),
  readFile: (path) => readKernelFile(env, path),
  targetName: (prog) => env.typeName(prog.attachBtfId),
  save: () => saveAll([env.sites, env.words]),
});
