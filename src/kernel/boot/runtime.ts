/** createRuntime(): the embedded kernel, with everything that runs programs. */
import { assembleRuntime, type EngineMaker, type Runtime, type RuntimeOptions } from './assemble.ts';
import { engineCompiler } from './engines.ts';
import { createProgramLink } from './linkage.ts';
import type { SyscallEnv } from '../syscall/env.ts';
import { verify } from '../verifier/check.ts';

export type { Engine, Runtime, RuntimeOptions } from './assemble.ts';

const makeEngines: EngineMaker = (parts, engine, compile) => {
  const link = createProgramLink(parts);
  return { link, compile: engineCompiler(link, engine, compile === 'async') };
};

/** Makes an embedded kernel. Two of them in one process share nothing. */
export function createRuntime(options: RuntimeOptions = {}): Runtime {
  return buildRuntime(options, verify);
}

/** {@link createRuntime} with another verifier: for tests of what lies behind it. Not part of the package's interface. */
export function buildRuntime(options: RuntimeOptions, verifier: SyscallEnv['verify']): Runtime {
  return assembleRuntime(options, verifier, makeEngines);
}
