/** Opens a capture of either format, told apart by its first bytes. */
import { FormatError } from '../util/errors.ts';
import type { Capture } from './capture.ts';
import { type ByteSource, ByteWindow } from './byte-window.ts';
import { isPcap, openPcap } from './pcap.ts';
import { isPcapng, openPcapng } from './pcapng.ts';

/** Opens a pcap or pcapng file. Throws FormatError when it is neither, and while iterating where it is damaged. */
export const readCapture = (bytes: Uint8Array): Capture => openCapture(() => bytes);

/**
 * Opens a capture that is read while iterating, so that it may be larger than memory. Packets are views of what was read for them.
 * @param open gives the file from its beginning: once, and once more for each iteration but the first
 */
export function openCapture(open: () => Uint8Array | ByteSource): Capture {
  const head = new ByteWindow(open());
  const first = head.slice(0, Math.min(4, head.have(0, 4)));
  if (isPcapng(first)) return openPcapng(open, head);
  if (isPcap(first)) return openPcap(open, head);
  throw new FormatError('capture', 0, 'a pcap (a1b2c3d4, a1b23c4d) or pcapng (0a0d0d0a) file expected');
}
