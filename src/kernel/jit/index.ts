/** The JIT: verified eBPF to WebAssembly. */
export { CodeCache, weightOf } from './code-cache.ts';
export {
  type JitExecutable,
  type JitOptions,
  type JitResult,
  jitCompile,
  jitCompileAsync,
  jitGuarded,
} from './compile.ts';
export type { GuardOptions, GuardRegion } from './lower/guard.ts';
export type { RefusalReason } from './plan.ts';
