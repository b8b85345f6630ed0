/** The kernel's BTF for a command: a file's, this machine's, or the packaged one. */
import { Btf } from '../../btf/btf.ts';
import { readRunningBtf, unpackBtf } from '../../host/kernel-btf.ts';
import { inFile, readInput } from '../shell/files.ts';

/** Types of the kernel that is verified against and whose structures programs see. */
export async function kernelTypes(path: string | undefined): Promise<Btf> {
  if (path !== undefined) {
    const bytes = await readInput(path);
    return inFile(path, () => Btf.parse(bytes));
  }
  const running = readRunningBtf();
  if (running !== undefined) {
    try {
      return Btf.parse(running);
    } catch {
      // A kernel whose BTF cannot be read is as good as one that shows none.
    }
  }
  return unpackBtf();
}
