/** The kernel's BTF on Node: a file's, the running kernel's, or the packaged one. */
import { readFileSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';
import { Btf } from '../btf/btf.ts';
import { loadPackagedBtf, PACKAGED_KERNEL } from '../btf/vmlinux/index.ts';

/** Where Linux shows its own BTF. */
export const KERNEL_BTF_PATH = '/sys/kernel/btf/vmlinux';

/** Which kernel's types to use: a file's, the running kernel's where it is readable, or the packaged 6.18 x86_64 ones. */
export interface BtfSource {
  /** A vmlinux BTF file. */
  readonly btf?: string;
  /** Never the running kernel's. */
  readonly packaged?: boolean;
}

/** A kernel's BTF, and where it came from. Throws FormatError for other files, and the errors of the file system. */
export async function loadKernelBtf(source: BtfSource = {}): Promise<{ readonly btf: Btf; readonly from: string }> {
  if (source.btf !== undefined) return { btf: Btf.parse(readAtOnce(source.btf)), from: source.btf };
  const running = source.packaged ? undefined : readRunningBtf();
  if (running !== undefined) return { btf: Btf.parse(running), from: KERNEL_BTF_PATH };
  return { btf: await unpackBtf(), from: `packaged ${PACKAGED_KERNEL.release} ${PACKAGED_KERNEL.arch}` };
}

/** Bytes of the running kernel's BTF, undefined where it shows none. */
export function readRunningBtf(): Uint8Array | undefined {
  try {
    return readAtOnce(KERNEL_BTF_PATH);
  } catch {
    return undefined;
  }
}

/** The packaged BTF, by zlib: in a third of the time that the streams of browsers take. */
export function unpackBtf(): Promise<Btf> {
  return loadPackagedBtf((base64, size) => inflateRawSync(Buffer.from(base64, 'base64'), { chunkSize: size }));
}

/** Synchronous: the pieces that an asynchronous read takes make 50 ms out of 5 for a file of sysfs. */
function readAtOnce(path: string): Uint8Array {
  const file = readFileSync(path);
  return new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
}
