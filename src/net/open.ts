/** Opens a capture of either format, told apart by its first bytes. */
import { FormatError } from '../util/errors.ts';
import type { Capture } from './capture.ts';
import { isPcap, readPcap } from './pcap.ts';
import { isPcapng, readPcapng } from './pcapng.ts';

/** Opens a pcap or pcapng file. Throws FormatError when it is neither, and while iterating where it is damaged. */
export function readCapture(bytes: Uint8Array): Capture {
  if (isPcapng(bytes)) return readPcapng(bytes);
  if (isPcap(bytes)) return readPcap(bytes);
  throw new FormatError('capture', 0, 'a pcap (a1b2c3d4, a1b23c4d) or pcapng (0a0d0d0a) file expected');
}
