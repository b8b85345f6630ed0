/** Which engine runs an accepted program: the JIT, with the interpreter where it refuses or is asked for. */
import type { ProgramLink } from './helpers/link.ts';
import { interpret } from './interp/index.ts';
import { CodeCache, jitCompile } from './jit/index.ts';
import type { Executable } from './object/executable.ts';
import type { VerifiedProgram } from './verifier/result.ts';

/** A compiler of accepted programs. */
export function engineCompiler(link: ProgramLink, engine: 'jit' | 'interp'): (program: VerifiedProgram) => Executable {
  if (engine === 'interp') return (program) => interpret(program, link);
  const cache = new CodeCache();
  return (program) => {
    const compiled = jitCompile(program, link, { cache });
    return compiled.ok ? compiled.executable : interpret(program, link);
  };
}
