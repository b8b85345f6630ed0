/** Builds Ethernet packets with IPv4 or IPv6 and TCP, UDP or ICMP inside, lengths and checksums right. */

/** Headers and payload of a packet to build. */
export interface PacketSpec {
  /** Addresses: `10.0.0.1` or `2001:db8::1`, both of one family. */
  readonly src: string;
  readonly dst: string;
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

const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, icmp6: 58 } as const;
const ETHERTYPE = { ipv4: 0x0800, vlan: 0x8100, ipv6: 0x86dd } as const;

/** The Internet checksum (RFC 1071) of some byte ranges one after the other, each of even length but the last. */
export function internetChecksum(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) sum += i & 1 ? part[i] : part[i] << 8;
    sum = (sum & 0xffff) + Math.floor(sum / 65536);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** Bytes of an IPv4 (4) or IPv6 (16) address. Throws RangeError for anything else. */
export function parseAddress(text: string): Uint8Array {
  const bytes = text.includes(':') ? parseIpv6(text) : parseIpv4(text);
  if (bytes === undefined) throw new RangeError(`'${text}' is no IP address`);
  return bytes;
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((p) => /^\d{1,3}$/.test(p) && Number(p) < 256)) return undefined;
  return Uint8Array.from(parts, Number);
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - groups.flat().length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const all = halves.length === 1 ? groups[0] : [...groups[0], ...Array<string>(missing).fill('0'), ...groups[1]];
  if (!all.every((g) => /^[0-9a-f]{1,4}$/i.test(g))) return undefined;
  return Uint8Array.from(all.flatMap((g) => [Number.parseInt(g, 16) >> 8, Number.parseInt(g, 16) & 255]));
}

function parseMac(text: string): number[] {
  const parts = text.split(':');
  if (parts.length !== 6 || !parts.every((p) => /^[0-9a-f]{2}$/i.test(p))) throw new RangeError(`'${text}' is no MAC`);
  return parts.map((p) => Number.parseInt(p, 16));
}

const be16 = (v: number): number[] => [(v >>> 8) & 255, v & 255];
const be32 = (v: number): number[] => [...be16(v >>> 16), ...be16(v & 0xffff)];

function concat(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Builds one packet, from its Ethernet header on. Throws RangeError for malformed addresses. */
export function buildPacket(spec: PacketSpec): Uint8Array {
  const src = parseAddress(spec.src);
  const dst = parseAddress(spec.dst);
  if (src.length !== dst.length) throw new RangeError('source and destination are of different families');
  const v6 = src.length === 16;
  const number =
    typeof spec.proto === 'number' ? spec.proto : PROTOCOL[v6 && spec.proto === 'icmp' ? 'icmp6' : spec.proto];
  const body = transport(spec, number, src, dst);
  const ip = v6 ? ipv6Header(spec, number, src, dst, body.length) : ipv4Header(spec, number, src, dst, body.length);
  return concat(
    parseMac(spec.dstMac ?? '02:00:00:00:00:02'),
    parseMac(spec.srcMac ?? '02:00:00:00:00:01'),
    spec.vlan === undefined ? [] : [...be16(ETHERTYPE.vlan), ...be16(spec.vlan)],
    be16(v6 ? ETHERTYPE.ipv6 : ETHERTYPE.ipv4),
    ip,
    body,
  );
}

function ipv4Header(spec: PacketSpec, proto: number, src: Uint8Array, dst: Uint8Array, length: number): Uint8Array {
  const header = concat(
    [0x45, spec.tos ?? 0, ...be16(20 + length), 0, 0, 0x40, 0],
    [spec.ttl ?? 64, proto, 0, 0],
    src,
    dst,
  );
  header.set(be16(internetChecksum(header)), 10);
  return header;
}

function ipv6Header(spec: PacketSpec, proto: number, src: Uint8Array, dst: Uint8Array, length: number): Uint8Array {
  const word = ((6 << 28) | ((spec.tos ?? 0) << 20)) >>> 0;
  return concat(be32(word), be16(length), [proto, spec.ttl ?? 64], src, dst);
}

/** TCP, UDP, ICMP or the bare payload, with its checksum. */
function transport(spec: PacketSpec, proto: number, src: Uint8Array, dst: Uint8Array): Uint8Array {
  const payload = spec.payload ?? new Uint8Array(0);
  const ports = [...be16(spec.sport ?? 40_000), ...be16(spec.dport ?? 80)];
  const { header, checksumAt } = transportHeader(spec, proto, ports, payload.length, src.length === 16);
  const body = concat(header, payload);
  if (checksumAt < 0) return body;
  const pseudo =
    src.length === 16
      ? concat(src, dst, be32(body.length), [0, 0, 0, proto])
      : concat(src, dst, [0, proto], be16(body.length));
  const sum = proto === PROTOCOL.icmp ? internetChecksum(body) : internetChecksum(pseudo, body);
  // A UDP checksum of 0 means that there is none.
  body.set(be16(sum === 0 && proto === PROTOCOL.udp ? 0xffff : sum), checksumAt);
  return body;
}

function transportHeader(
  spec: PacketSpec,
  proto: number,
  ports: readonly number[],
  payload: number,
  v6: boolean,
): { header: number[]; checksumAt: number } {
  if (proto === PROTOCOL.tcp) {
    const flags = spec.tcpFlags ?? 0x10;
    const header = [...ports, ...be32(spec.seq ?? 0), ...be32(spec.ack ?? 0), 0x50, flags, 0xff, 0xff, 0, 0, 0, 0];
    return { header, checksumAt: 16 };
  }
  if (proto === PROTOCOL.udp) return { header: [...ports, ...be16(8 + payload), 0, 0], checksumAt: 6 };
  if (proto === PROTOCOL.icmp || proto === PROTOCOL.icmp6)
    return { header: [spec.icmpType ?? (v6 ? 128 : 8), 0, 0, 0, 0, 1, 0, 1], checksumAt: 2 };
  return { header: [], checksumAt: -1 };
}
