/** The kernel BTF that comes with the package: everything of Linux 6.18 on x86_64, unpacked when asked for. */
import { InternalError } from '../../util/errors.ts';
import { Btf } from '../btf.ts';

/** Kernel that the packaged types are of. */
export const PACKAGED_KERNEL = { release: '6.18', arch: 'x86_64', version: (6 << 16) | (18 << 8) } as const;

/** Makes `size` bytes of deflated ones in base64. */
export type Unpack = (base64: string, size: number) => Uint8Array | Promise<Uint8Array>;

/**
 * Unpacks and parses the packaged types (about 5.5 MB). Keep the result: each call unpacks anew.
 * @param unpack for hosts that have something faster than what browsers have
 */
export async function loadPackagedBtf(unpack: Unpack = unpackByStream): Promise<Btf> {
  const { VMLINUX_BASE64, VMLINUX_BYTES } = await import('./x86_64-6.18.ts');
  const bytes = await unpack(VMLINUX_BASE64, VMLINUX_BYTES);
  if (bytes.length !== VMLINUX_BYTES)
    throw new InternalError(`packaged BTF unpacks to ${bytes.length} bytes, not ${VMLINUX_BYTES}`);
  return Btf.parse(bytes);
}

async function unpackByStream(base64: string): Promise<Uint8Array> {
  const stream = new Blob([fromBase64(base64)]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const out = new Uint8Array(binary.length);
  for (let i = 0; i < out.length; i++) out[i] = binary.charCodeAt(i);
  return out;
}
