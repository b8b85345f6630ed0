/** The kernel's BTF for a command: a file's, this machine's, or the packaged one. */
import { readFile } from 'node:fs/promises';
import { Btf } from '../btf/btf.ts';
import { inFile, readInput } from './files.ts';

const RUNNING = '/sys/kernel/btf/vmlinux';

/** Types of the kernel that is verified against and whose structures programs see. */
export async function kernelTypes(path: string | undefined): Promise<Btf> {
  if (path !== undefined) {
    const bytes = await readInput(path);
    return inFile(path, () => Btf.parse(bytes));
  }
  const running = await readFile(RUNNING).catch(() => undefined);
  if (running !== undefined) {
    try {
      return Btf.parse(new Uint8Array(running.buffer, running.byteOffset, running.byteLength));
    } catch {
      // A kernel whose BTF cannot be read is as good as one that shows none.
    }
  }
  const { loadPackagedBtf } = await import('../btf/vmlinux/index.ts');
  return loadPackagedBtf();
}
