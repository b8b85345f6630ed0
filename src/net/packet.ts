/** Usual packets in one line: Ethernet, IPv4 or IPv6, and TCP, UDP or ICMP. */
import { packet } from './layers/build.ts';
import { PacketError } from './layers/fields.ts';
import type { Layer } from './layers/layers.ts';
import { eth, icmp, icmp6, ipv4, ipv6, tcp, udp, vlan } from './layers/make.ts';

/** Headers and payload of a packet to build. */
export interface PacketSpec {
  /** Addresses: `10.0.0.1` or `2001:db8::1`, both of one family. */
  readonly src: string;
  readonly dst: string;
  /** By name, or by the number that the header of IP carries, with nothing but the payload inside. */
  readonly proto: 'tcp' | 'udp' | 'icmp' | number;
  readonly sport?: number;
  readonly dport?: number;
  /** Flags of TCP as in its header: 2 is SYN, 16 ACK. */
  readonly tcpFlags?: number;
  readonly seq?: number;
  readonly ack?: number;
  /** Type of ICMP. Default: echo request, 8 or in IPv6 128. */
  readonly icmpType?: number;
  readonly payload?: Uint8Array;
  readonly ttl?: number;
  readonly tos?: number;
  readonly srcMac?: string;
  readonly dstMac?: string;
  /** VLAN id of an 802.1Q tag. */
  readonly vlan?: number;
}

/** Builds one packet, from its Ethernet header on; lengths and checksums are right. Throws PacketError for what is no address or number. */
export function buildPacket(spec: PacketSpec): Uint8Array {
  const { src, dst, proto, ttl, tos, srcMac, dstMac, payload = new Uint8Array(0) } = spec;
  const v6 = src.includes(':');
  if (v6 !== dst.includes(':'))
    throw new PacketError('packet', 'source and destination are addresses of different families');
  const number = typeof proto === 'number' ? proto : undefined;
  const ip = v6
    ? ipv6({ src, dst, ...given({ hopLimit: ttl, trafficClass: tos, nextHeader: number }) })
    : ipv4({ src, dst, ...given({ ttl, tos, protocol: number }) });
  const tag = spec.vlan === undefined ? [] : [vlan({ id: spec.vlan })];
  return packet(eth(given({ src: srcMac, dst: dstMac })), ...tag, ip, ...transport(spec, v6), payload);
}

function transport({ proto, sport, dport, tcpFlags, seq, ack, icmpType }: PacketSpec, v6: boolean): readonly Layer[] {
  if (proto === 'tcp') return [tcp(given({ sport, dport, flags: tcpFlags, seq, ack }))];
  if (proto === 'udp') return [udp(given({ sport, dport }))];
  if (proto === 'icmp') return [(v6 ? icmp6 : icmp)(given({ type: icmpType }))];
  if (typeof proto === 'number') return [];
  throw new PacketError('packet.proto', `'${String(proto)}' is no protocol`);
}

/** The members that are there. */
const given = <T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
