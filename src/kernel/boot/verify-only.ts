/** An embedded kernel that only verifies: the same as `createRuntime({ verifyOnly: true })`, but no engine is loaded for it. */
import { assembleRuntime, type Runtime, type RuntimeOptions } from './assemble.ts';
import { verify } from '../verifier/check.ts';

export function createVerifyingRuntime(options: Omit<RuntimeOptions, 'verifyOnly' | 'engine'> = {}): Runtime {
  return assembleRuntime({ ...options, verifyOnly: true }, verify, undefined);
}
