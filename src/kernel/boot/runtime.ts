/** createRuntime(): the embedded kernel, with everything that runs programs. */
import { assembleRuntime, type LifeMaker, type Runtime, type RuntimeOptions } from './assemble.ts';
import { engineCompiler } from './engines.ts';
import { createLinkage } from './linkage.ts';
import { ProgramCode } from './program-code.ts';
import type { SyscallEnv } from '../syscall/env.ts';
import { createAttacher } from '../hooks/attacher.ts';
import { KeptStructs } from '../world/kept-structs.ts';
import { ProbeOrder } from '../world/trace/probes.ts';
import { Registers } from '../world/trace/registers.ts';
import { Trace } from '../world/trace/trace.ts';
import { ArgumentWords } from '../world/trace/words.ts';
import { verify } from '../verifier/check.ts';

export type { Engine, Runtime, RuntimeOptions } from './assemble.ts';

/** What runs programs. */
export const LIFE: LifeMaker = {
  engines(parts, engine, compile, note) {
    const linkage = createLinkage(parts);
    const compiler = engineCompiler(linkage, engine, compile === 'async');
    return { linkage, code: new ProgramCode(linkage, (program) => note(compiler(program)), parts.rcu) };
  },
  trace: ({ mem, heap, ...env }) =>
    new Trace({
      ...env,
      words: new ArgumentWords(mem, heap),
      registers: new Registers(env.structs),
      kept: new KeptStructs(env.structs),
      probeOrder: new ProbeOrder(),
    }),
  attacher: createAttacher,
};

/** Makes an embedded kernel. Two of them in one process share nothing. */
export function createRuntime(options: RuntimeOptions = {}): Runtime {
  return buildRuntime(options, verify);
}

/** {@link createRuntime} with another verifier: for tests of what lies behind it. Not part of the package's interface. */
export function buildRuntime(options: RuntimeOptions, verifier: SyscallEnv['verify']): Runtime {
  return assembleRuntime(options, verifier, LIFE);
}
