/** Which engine runs an accepted program: the JIT, with the interpreter where it refuses or is asked for. */
import { BackgroundExecutable } from './background.ts';
import type { Linkage } from '../run/linkage.ts';
import { interpret, Interpreter } from '../interp/index.ts';
import { CodeCache, jitCompile, jitCompileAsync } from '../jit/index.ts';
import type { Executable } from '../object/executable.ts';
import type { VerifiedProgram } from '../verifier/result.ts';

export type ProgramCompiler = (program: VerifiedProgram) => Executable;

/** A compiler of accepted programs. */
export function engineCompiler(linkage: Linkage, engine: 'jit' | 'interp', async = false): ProgramCompiler {
  const interpreter = new Interpreter(linkage);
  if (engine === 'interp') return (program) => interpret(program, interpreter);
  const cache = new CodeCache();
  if (async) {
    return (program) => {
      const interp = interpret(program, interpreter);
      const compiled = jitCompileAsync(program, linkage, { cache, slot: interp.slot });
      return compiled instanceof Promise ? new BackgroundExecutable(interp, linkage, compiled) : interp;
    };
  }
  return (program) => {
    const compiled = jitCompile(program, linkage, { cache });
    return compiled.ok ? compiled.executable : interpret(program, interpreter);
  };
}
