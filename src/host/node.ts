/** The Node host: files, the running kernel's BTF, a monotonic clock that agrees with the kernel's, and a runtime with all of it. */
import { readFile } from 'node:fs/promises';
import type { HostPorts } from '../kernel/run/env.ts';
import { createRuntime, type Runtime, type RuntimeOptions } from '../kernel/boot/runtime.ts';
import { type BtfSource, loadKernelBtf } from './kernel-btf.ts';

export { type BtfSource, KERNEL_BTF_PATH, loadKernelBtf } from './kernel-btf.ts';
export { type KernelTransport, KernelUnavailableError, openKernelTransport } from './kernel-transport.ts';

const TWO_32 = 0x1_0000_0000;

/** A file's bytes, whole. */
export async function readBytes(path: string): Promise<Uint8Array> {
  const file = await readFile(path);
  return new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
}

/** Ports of this process: CLOCK_MONOTONIC, and trace output to `onTrace` when it is given. */
export function nodePorts(onTrace?: (line: string) => void): Partial<HostPorts> {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  return {
    ktimeNs(out) {
      const [seconds, ns] = process.hrtime();
      const total = seconds * 1e9 + ns;
      const high = Math.floor(total / TWO_32);
      out[0] = total - high * TWO_32;
      out[1] = high;
    },
    current: { pid: process.pid, tgid: process.pid, uid, gid, comm: 'skep', cgroupId: 1n },
    ...(onTrace ? { tracePrintk: onTrace } : {}),
  };
}

/** Settings of {@link openRuntime}. */
export interface NodeRuntimeOptions extends Omit<RuntimeOptions, 'kernelBtf'>, BtfSource {
  readonly onTrace?: (line: string) => void;
}

/** An embedded kernel with this process's clock and the running or packaged kernel's types. */
export async function openRuntime(options: NodeRuntimeOptions = {}): Promise<Runtime> {
  const { btf } = await loadKernelBtf(options);
  return createRuntime({ ...options, kernelBtf: btf, host: { ...nodePorts(options.onTrace), ...options.host } });
}
