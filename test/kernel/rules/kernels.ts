/** Kernels whose answers to probing loads are recorded, and the rules that must give the same ones. */
import { readFileSync } from 'node:fs';
import type { KernelName } from '../../../src/kernel/rules/build.ts';
import { compileRules, type Rules } from '../../../src/kernel/rules/compile.ts';

export interface RecordedKernel {
  readonly name: KernelName;
  readonly rules: Rules;
  /** What the kernel said, by file name. */
  recorded(file: string): unknown;
}

export const recordingOf = (kernel: KernelName, file: string): URL =>
  new URL(`../../recorded/rules/${kernel}/${file}`, import.meta.url);

function recordedKernel(name: KernelName): RecordedKernel {
  return {
    name,
    rules: compileRules(name),
    recorded: (file) => JSON.parse(readFileSync(recordingOf(name, file), 'utf8')),
  };
}

export const LINUX_6_18 = recordedKernel('6.18');
export const KERNELS: readonly RecordedKernel[] = [LINUX_6_18, recordedKernel('6.12')];
