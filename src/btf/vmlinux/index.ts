/** The kernel BTF that comes with the package: everything of Linux 6.18 on x86_64, unpacked when asked for. */
import { InternalError } from '../../util/errors.ts';
import { Btf } from '../btf.ts';

/** Kernel that the packaged types are of. */
export const PACKAGED_KERNEL = { release: '6.18', arch: 'x86_64', version: (6 << 16) | (18 << 8) } as const;

/** Unpacks and parses the packaged types (about 5.5 MB). Keep the result: each call unpacks anew. */
export async function loadPackagedBtf(): Promise<Btf> {
  const { VMLINUX_BASE64, VMLINUX_BYTES } = await import('./x86_64-6.18.ts');
  const packed = fromBase64(VMLINUX_BASE64);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  if (bytes.length !== VMLINUX_BYTES)
    throw new InternalError(`packaged BTF unpacks to ${bytes.length} bytes, not ${VMLINUX_BYTES}`);
  return Btf.parse(bytes);
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const out = new Uint8Array(binary.length);
  for (let i = 0; i < out.length; i++) out[i] = binary.charCodeAt(i);
  return out;
}
