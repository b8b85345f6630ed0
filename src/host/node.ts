/** The Node host: files, the running kernel's BTF, a monotonic clock that agrees with the kernel's, and a runtime with all of it. */
import { readFile } from 'node:fs/promises';
import { Btf } from '../btf/btf.ts';
import { loadPackagedBtf, PACKAGED_KERNEL } from '../btf/vmlinux/index.ts';
import type { HostPorts } from '../kernel/helpers/env.ts';
import { createRuntime, type Runtime, type RuntimeOptions } from '../kernel/runtime.ts';

export { type KernelTransport, KernelUnavailableError, openKernelTransport } from './kernel-transport.ts';

const TWO_32 = 0x1_0000_0000;

/** Where Linux shows its own BTF. */
export const KERNEL_BTF_PATH = '/sys/kernel/btf/vmlinux';

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

/** Which kernel's types to use: a file's, the running kernel's where it is readable, or the packaged 6.18 x86_64 ones. */
export interface BtfSource {
  /** A vmlinux BTF file. */
  readonly btf?: string;
  /** Never the running kernel's. */
  readonly packaged?: boolean;
}

/** A kernel's BTF, and where it came from. Throws FormatError when the file is none, and what the file system throws. */
export async function loadKernelBtf(source: BtfSource = {}): Promise<{ readonly btf: Btf; readonly from: string }> {
  if (source.btf !== undefined) return { btf: Btf.parse(await readBytes(source.btf)), from: source.btf };
  if (!source.packaged) {
    const bytes = await readBytes(KERNEL_BTF_PATH).catch(() => undefined);
    if (bytes !== undefined) return { btf: Btf.parse(bytes), from: KERNEL_BTF_PATH };
  }
  return { btf: await loadPackagedBtf(), from: `packaged ${PACKAGED_KERNEL.release} ${PACKAGED_KERNEL.arch}` };
}

export interface NodeRuntimeOptions extends Omit<RuntimeOptions, 'vmlinux'>, BtfSource {
  readonly onTrace?: (line: string) => void;
}

/** An embedded kernel with this process's clock and the running or packaged kernel's types. */
export async function openRuntime(options: NodeRuntimeOptions = {}): Promise<Runtime> {
  const { btf } = await loadKernelBtf(options);
  return createRuntime({ ...options, vmlinux: btf, host: { ...nodePorts(options.onTrace), ...options.host } });
}
