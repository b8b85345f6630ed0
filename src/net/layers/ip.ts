/** IPv4 with its options, IPv6 with its extension headers. */
import { EXPERIMENT, type LayerDef, num, type Place, PROTOCOLS, type Tail } from './def.ts';
import { type LayerValues, PacketError } from './fields.ts';
import { padTo, type RawOption, readOptions, WITH_HEADER, WITHOUT_HEADER, writeOptions } from './options.ts';

/** An IPv4 header, 20 bytes and options. */
export interface Ipv4Fields {
  /** Default: 4. */
  readonly version: number;
  /** Header's length in words of 4 bytes. Default: as it is. */
  readonly ihl: number;
  /** Type of service: six bits of DSCP, two of ECN. */
  readonly tos: number;
  /** Bytes of header and content. Default: as it is. */
  readonly totalLength: number;
  readonly id: number;
  /** Three bits: 2 is DF, 1 is MF. Default: 2, and 0 in a fragment. */
  readonly flags: number;
  /** In units of 8 bytes. */
  readonly fragmentOffset: number;
  /** Default: 64. */
  readonly ttl: number;
  /** Default: that of the next layer. */
  readonly protocol: number;
  /** Default: the right one. */
  readonly checksum: number;
  /** Default: 10.0.0.1. */
  readonly src: string;
  /** Default: 10.0.0.2. */
  readonly dst: string;
  /** Padded to words of 4 bytes; bytes where they are no list. */
  readonly options: readonly RawOption[] | Uint8Array;
}

/** An IPv6 header, 40 bytes. */
export interface Ipv6Fields {
  /** Default: 6. */
  readonly version: number;
  readonly trafficClass: number;
  readonly flowLabel: number;
  /** Bytes behind the header. Default: as it is. */
  readonly payloadLength: number;
  /** Protocol of what follows. Default: that of the next layer. */
  readonly nextHeader: number;
  /** Default: 64. */
  readonly hopLimit: number;
  /** Default: fd00::1. */
  readonly src: string;
  /** Default: fd00::2. */
  readonly dst: string;
}

/** Hop-by-hop or destination options of IPv6. */
export interface OptionsHeaderFields {
  readonly nextHeader: number;
  /** Length in units of 8 bytes, the first not counted. Default: as it is. */
  readonly length: number;
  /** Padded to units of 8 bytes by PadN. */
  readonly options: readonly RawOption[] | Uint8Array;
}

/** A routing header of IPv6. */
export interface RoutingFields {
  readonly nextHeader: number;
  /** Length in units of 8 bytes, the first not counted. Default: as it is. */
  readonly length: number;
  /** 4 is a segment routing header. Default: 4. */
  readonly type: number;
  readonly segmentsLeft: number;
  /** What follows these four bytes; of 4 bytes and units of 8. Default: 4 zeros. */
  readonly data: Uint8Array;
}

/** A fragment header of IPv6, 8 bytes. */
export interface FragmentFields {
  readonly nextHeader: number;
  readonly reserved: number;
  /** In units of 8 bytes. */
  readonly offset: number;
  readonly reserved2: number;
  /** 1: other fragments follow. */
  readonly more: number;
  readonly id: number;
}

const protocolOf = ({ inside: [inner] }: Place): number => PROTOCOLS.of(inner) ?? EXPERIMENT;

/** The layer inside, unless the content is a later fragment, which begins in the middle. */
const unlessLater = (offset: unknown, protocol: unknown): ReturnType<typeof PROTOCOLS.layer> =>
  offset === 0 ? PROTOCOLS.layer(protocol) : undefined;

const ipv4Options: Tail = {
  size: (values) => num(values, 'ihl') * 4 - 20,
  read: (bytes) => (bytes.length === 0 ? {} : { options: readOptions(bytes, WITH_HEADER) }),
  write: ({ options }) => {
    const bytes = padTo(writeOptions('ipv4.options', options as RawOption[] | undefined, WITH_HEADER), 4);
    if (bytes.length > 40) throw new PacketError('ipv4.options', `${bytes.length} bytes are more than 40`);
    return bytes;
  },
};

export const IPV4: LayerDef = {
  fields: [
    { name: 'version', bits: 4 },
    { name: 'ihl', bits: 4 },
    { name: 'tos', bits: 8, hex: true },
    { name: 'totalLength', bits: 16 },
    { name: 'id', bits: 16, hex: true },
    { name: 'flags', bits: 3 },
    { name: 'fragmentOffset', bits: 13 },
    { name: 'ttl', bits: 8 },
    { name: 'protocol', bits: 8 },
    { name: 'checksum', bits: 16, hex: true },
    { name: 'src', bits: 32, kind: 'ipv4' },
    { name: 'dst', bits: 32, kind: 'ipv4' },
  ],
  tail: ipv4Options,
  defaults: (place) => ({
    version: 4,
    ihl: place.headerSize / 4,
    totalLength: lengthOf('ipv4', place.headerSize + place.contentSize),
    flags: (place.given.fragmentOffset ?? 0) === 0 ? 2 : 0,
    ttl: 64,
    protocol: protocolOf(place),
    src: '10.0.0.1',
    dst: '10.0.0.2',
  }),
  accepts: ({ version, ihl }) => version === 4 && (ihl as number) >= 5,
  next: ({ fragmentOffset, protocol }) => unlessLater(fragmentOffset, protocol),
  contentSize: (values, headerSize) => num(values, 'totalLength') - headerSize,
  checksum: { at: 10, covers: 'header' },
};

export const IPV6: LayerDef = {
  fields: [
    { name: 'version', bits: 4 },
    { name: 'trafficClass', bits: 8, hex: true },
    { name: 'flowLabel', bits: 20, hex: true },
    { name: 'payloadLength', bits: 16 },
    { name: 'nextHeader', bits: 8 },
    { name: 'hopLimit', bits: 8 },
    { name: 'src', bits: 128, kind: 'ipv6' },
    { name: 'dst', bits: 128, kind: 'ipv6' },
  ],
  defaults: (place) => ({
    version: 6,
    payloadLength: lengthOf('ipv6', place.contentSize),
    nextHeader: protocolOf(place),
    hopLimit: 64,
    src: 'fd00::1',
    dst: 'fd00::2',
  }),
  accepts: ({ version }) => version === 6,
  next: ({ nextHeader }) => PROTOCOLS.layer(nextHeader),
  contentSize: (values) => num(values, 'payloadLength'),
};

function lengthOf(layer: string, size: number): number {
  if (size > 0xffff) throw new PacketError(layer, `${size} bytes are more than a packet holds`);
  return size;
}

const inUnits: Tail['size'] = (values) => num(values, 'length') * 8 + 6;

/** PadN over what lacks to units of 8 bytes, two bytes of the header counted. */
function padded(bytes: Uint8Array): Uint8Array {
  const lack = (8 - ((bytes.length + 2) % 8)) % 8;
  if (lack === 0) return bytes;
  const out = new Uint8Array(bytes.length + lack);
  out.set(bytes);
  if (lack > 1) out.set([1, lack - 2], bytes.length);
  return out;
}

const optionsHeader = (layer: 'hopopts' | 'dstopts'): LayerDef => ({
  fields: [
    { name: 'nextHeader', bits: 8 },
    { name: 'length', bits: 8 },
  ],
  tail: {
    size: inUnits,
    read: (bytes) => ({ options: readOptions(bytes, WITHOUT_HEADER) }),
    write: ({ options }) =>
      padded(writeOptions(`${layer}.options`, options as RawOption[] | undefined, WITHOUT_HEADER)),
  },
  defaults: (place) => ({ nextHeader: protocolOf(place), length: place.headerSize / 8 - 1 }),
  next: ({ nextHeader }) => PROTOCOLS.layer(nextHeader),
});

export const HOPOPTS = optionsHeader('hopopts');
export const DSTOPTS = optionsHeader('dstopts');

export const ROUTING: LayerDef = {
  fields: [
    { name: 'nextHeader', bits: 8 },
    { name: 'length', bits: 8 },
    { name: 'type', bits: 8 },
    { name: 'segmentsLeft', bits: 8 },
  ],
  tail: {
    size: (values) => num(values, 'length') * 8 + 4,
    read: (bytes) => ({ data: bytes.slice() }),
    write: ({ data = new Uint8Array(4) }: LayerValues) => {
      const bytes = data as Uint8Array;
      if (bytes.length % 8 !== 4)
        throw new PacketError('routing.data', `${bytes.length} bytes are not 4 and units of 8`);
      return bytes;
    },
  },
  defaults: (place) => ({ nextHeader: protocolOf(place), length: (place.headerSize - 8) / 8, type: 4 }),
  next: ({ nextHeader }) => PROTOCOLS.layer(nextHeader),
};

export const FRAGMENT: LayerDef = {
  fields: [
    { name: 'nextHeader', bits: 8 },
    { name: 'reserved', bits: 8 },
    { name: 'offset', bits: 13 },
    { name: 'reserved2', bits: 2 },
    { name: 'more', bits: 1 },
    { name: 'id', bits: 32, hex: true },
  ],
  defaults: (place) => ({ nextHeader: protocolOf(place) }),
  next: ({ offset, nextHeader }) => unlessLater(offset, nextHeader),
};
