/** An embedded kernel for tests of its system calls: small memory, the packaged kernel's BTF. */
import type { Btf } from '../../../src/btf/btf.ts';
import { loadPackagedBtf } from '../../../src/btf/vmlinux/index.ts';
import { buildRuntime, type Runtime } from '../../../src/kernel/boot/runtime.ts';
import { trustingVerify } from './trusting-verify.ts';

// One kernel's layouts in every test, whichever machine runs them.
const parsed = await loadPackagedBtf();

/** The packaged kernel BTF. */
export const kernelBtf = (): Btf => parsed;

export function embedded({ memory = 64 << 20 } = {}): Runtime {
  return buildRuntime({ memory, kernelBtf }, trustingVerify);
}
