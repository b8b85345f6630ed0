/** Captures and packets: pcap and pcapng in and out; packets built from layers, and read into them. */
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
export { formatAddress, internetChecksum, parseAddress } from './address.ts';
export { packet, type PacketPart } from './layers/build.ts';
export { decodePacket } from './layers/decode.ts';
export { describePacket, diffPackets, type WrongField, wrongFields } from './layers/describe.ts';
export type { ArpFields, EthFields, MplsFields, VlanFields } from './layers/ethernet.ts';
export { PacketError } from './layers/fields.ts';
export type { IcmpFields } from './layers/icmp.ts';
export type { FragmentFields, Ipv4Fields, Ipv6Fields, OptionsHeaderFields, RoutingFields } from './layers/ip.ts';
export type { DecodedLayer, HeaderFields, Layer, LayerName, Payload, Trailer } from './layers/layers.ts';
export * from './layers/make.ts';
export type { RawOption } from './layers/options.ts';
export type { TcpOption } from './layers/tcp-options.ts';
export type { TcpFields, UdpFields } from './layers/transport.ts';
export type { GeneveFields, GeneveOption, GreFields, VxlanFields } from './layers/tunnel.ts';
export { buildPacket, type PacketSpec } from './packet.ts';
export { isPcap, PcapWriter, readPcap } from './pcap.ts';
export { isPcapng, PcapngWriter, readPcapng } from './pcapng.ts';
