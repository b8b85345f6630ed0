/** The kernel's types, as the checks see them. */
import type { Btf } from '../../btf/btf.ts';
import type { VerifierEnv } from './env.ts';

/** The kernel's BTF, read when a program first refers to it; env.btfs[0]. */
export function kernelBtf(env: VerifierEnv): Btf | undefined {
  return (env.btfs[0] ??= env.input.vmlinux());
}
