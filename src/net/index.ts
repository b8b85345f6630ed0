/** Captures and packets: pcap and pcapng in and out, and a builder of test packets. */
export {
  type Capture,
  type CapturedPacket,
  LINKTYPE,
  linkTypeName,
  type PacketToWrite,
  type WriteOptions,
} from './capture.ts';
export type { ByteSource } from './byte-window.ts';
export { openCapture, readCapture } from './open.ts';
export { buildPacket, internetChecksum, type PacketSpec, parseAddress } from './packet.ts';
export { isPcap, PcapWriter, readPcap } from './pcap.ts';
export { isPcapng, PcapngWriter, readPcapng } from './pcapng.ts';
