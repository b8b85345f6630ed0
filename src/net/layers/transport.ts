/** TCP with its options, and UDP. */
import { type LayerDef, num, type Tail, TUNNEL_PORTS } from './def.ts';
import { PacketError } from './fields.ts';
import { padTo } from './options.ts';
import { readTcpOptions, type TcpOption, writeTcpOptions } from './tcp-options.ts';

/** A TCP header, 20 bytes and options. */
export interface TcpFields {
  /** Source port. Default: 40000. */
  readonly sport: number;
  /** Destination port. Default: 80. */
  readonly dport: number;
  readonly seq: number;
  readonly ack: number;
  /** Header's length in words of 4 bytes. Default: as it is. */
  readonly dataOffset: number;
  readonly reserved: number;
  /** CWR 128, ECE 64, URG 32, ACK 16, PSH 8, RST 4, SYN 2, FIN 1. Default: 16. */
  readonly flags: number;
  /** Default: 65535. */
  readonly window: number;
  /** Default: the right one. */
  readonly checksum: number;
  readonly urgent: number;
  /** Padded to words of 4 bytes; bytes where they are no list. */
  readonly options: readonly TcpOption[] | Uint8Array;
}

/** A UDP header, 8 bytes. */
export interface UdpFields {
  /** Source port. Default: 40000. */
  readonly sport: number;
  /** Destination port. Default: 4789 before VXLAN, 6081 before Geneve, otherwise 80. */
  readonly dport: number;
  /** Bytes of header and content. Default: as it is. */
  readonly length: number;
  /** 0 is none. Default: the right one. */
  readonly checksum: number;
}

const tcpOptions: Tail = {
  size: (values) => num(values, 'dataOffset') * 4 - 20,
  read: (bytes) => (bytes.length === 0 ? {} : { options: readTcpOptions(bytes) }),
  write: ({ options }) => {
    const bytes = padTo(writeTcpOptions(options as TcpOption[] | undefined), 4);
    if (bytes.length > 40) throw new PacketError('tcp.options', `${bytes.length} bytes are more than 40`);
    return bytes;
  },
};

const PORTS = { sport: 40_000, dport: 80 } as const;

export const TCP: LayerDef = {
  fields: [
    { name: 'sport', bits: 16 },
    { name: 'dport', bits: 16 },
    { name: 'seq', bits: 32 },
    { name: 'ack', bits: 32 },
    { name: 'dataOffset', bits: 4 },
    { name: 'reserved', bits: 4 },
    { name: 'flags', bits: 8, hex: true },
    { name: 'window', bits: 16 },
    { name: 'checksum', bits: 16, hex: true },
    { name: 'urgent', bits: 16 },
  ],
  tail: tcpOptions,
  defaults: ({ headerSize }) => ({ ...PORTS, dataOffset: headerSize / 4, flags: 16, window: 65_535 }),
  accepts: (values) => num(values, 'dataOffset') >= 5,
  next: () => undefined,
  checksum: { at: 16, covers: 'all', pseudo: { protocol: 6 } },
};

export const UDP: LayerDef = {
  fields: [
    { name: 'sport', bits: 16 },
    { name: 'dport', bits: 16 },
    { name: 'length', bits: 16 },
    { name: 'checksum', bits: 16, hex: true },
  ],
  defaults: ({ inside: [inner], contentSize }) => ({
    ...PORTS,
    dport: TUNNEL_PORTS.of(inner) ?? PORTS.dport,
    length: contentSize + 8,
  }),
  next: ({ dport }) => TUNNEL_PORTS.layer(dport),
  contentSize: (values) => num(values, 'length') - 8,
  checksum: { at: 6, covers: 'all', pseudo: { protocol: 17, optional: true } },
};
