/** An embedded kernel for tests of its system calls: small memory, the running or packaged kernel's BTF. */
import { readFileSync } from 'node:fs';
import { Btf } from '../../src/btf/btf.ts';
import { buildRuntime, type Runtime } from '../../src/kernel/runtime.ts';
import { trustingVerify } from './trusting-verify.ts';

let parsed: Btf | undefined;

/** The running kernel's BTF. */
export function kernelBtf(): Btf {
  parsed ??= Btf.parse(readFileSync('/sys/kernel/btf/vmlinux'));
  return parsed;
}

export function embedded(): Runtime {
  return buildRuntime({ memory: 64 << 20, vmlinux: kernelBtf }, trustingVerify);
}
