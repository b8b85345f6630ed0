/** Parts that kernels with and without engines have in common. */
import type { Btf } from '../../btf/btf.ts';
import type { KernelTraits } from '../../uapi/attr/attr.ts';
import type { SyscallEnv } from '../syscall/env.ts';
import type { VerifierOutcome } from '../verifier/result.ts';

/** Page size of the kernel whose rules apply (x86_64). */
const PAGE_SIZE = 4096;

/** What callers of bpf(2) must know of the kernel behind it. */
export const kernelTraits = (possibleCpus: number, vmlinux: () => Btf | undefined): KernelTraits => ({
  possibleCpus,
  pageSize: PAGE_SIZE,
  get types() {
    return vmlinux();
  },
});

/** A verifier whose outcomes are told. */
export function observed(
  verifier: SyscallEnv['verify'],
  tell: ((outcome: VerifierOutcome) => void) | undefined,
): SyscallEnv['verify'] {
  if (tell === undefined) return verifier;
  return (input) => {
    const outcome = verifier(input);
    tell(outcome);
    return outcome;
  };
}

/** The kernel's BTF; a function is asked once, when it is first needed. */
export function vmlinuxProvider(given: Btf | (() => Btf | undefined) | undefined): () => Btf | undefined {
  if (typeof given !== 'function') return () => given;
  let known: { readonly btf: Btf | undefined } | undefined;
  return () => {
    known ??= { btf: given() };
    return known.btf;
  };
}
