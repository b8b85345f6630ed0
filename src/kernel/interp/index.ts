/** The interpreter's door. */
export type { GuardRegion } from './access.ts';
export { type BareLinkageOptions, createBareLinkage } from './bare-linkage.ts';
export {
  type ConformanceEngine,
  type ConformanceGuard,
  ConformanceRunner,
  interpEngine,
  runConformance,
  unverified,
} from './conformance.ts';
export { Interpreter } from './interpreter.ts';
export { type InterpGuard, type InterpInput, type InterpOptions, InterpProgram, interpret } from './program.ts';
export type { CallFrame, Stepper } from './stepper.ts';
