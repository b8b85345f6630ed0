/** The live kernel for tests that compare with it: undefined, with the reason, where there is none. */
import { KernelUnavailableError, type KernelTransport, openKernelTransport } from '../../src/host/kernel-transport.ts';

export let kernelAbsent = '';

/** The transport, or undefined where bpf(2) cannot be used (reason in {@link kernelAbsent}). */
export async function liveKernel(): Promise<KernelTransport | undefined> {
  try {
    return await openKernelTransport();
  } catch (error) {
    if (!(error instanceof KernelUnavailableError)) throw error;
    kernelAbsent = error.reason;
    return undefined;
  }
}
