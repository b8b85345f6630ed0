/** Puts programs on hooks: what the commands of bpf(2) ask for. */
import type { LinkObject } from '../object/link.ts';
import type { LoadedProg } from '../object/prog.ts';
import type { AttachEnv, RunOf } from './env.ts';
import { attachRawTracepoint } from './raw-tracepoint.ts';
import { attachTrampoline } from './trampoline.ts';

/** Each gives the link, which holds the program, or -errno. */
export interface Attacher {
  /** To a tracepoint by its name. */
  rawTracepoint(prog: LoadedProg, name: string, cookie: RunOf['cookie']): LinkObject | number;
  /** To the function that a program of type tracing or LSM was loaded for. */
  target(prog: LoadedProg, cookie: RunOf['cookie']): LinkObject | number;
  /** Name of the kernel's type that a program was loaded for; '' when there is none. */
  targetName(prog: LoadedProg): string;
}

export const createAttacher = (env: AttachEnv): Attacher => ({
  rawTracepoint: (prog, name, cookie) => attachRawTracepoint(env, prog, name, cookie),
  target: (prog, cookie) => attachTrampoline(env, prog, cookie),
  targetName: (prog) => env.typeName(prog.attachBtfId),
});
