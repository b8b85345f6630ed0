/** Tunnels: GRE, VXLAN and Geneve. */
import { ETHERTYPES, type LayerDef, LOCAL_EXPERIMENT, num, type Place, type Tail } from './def.ts';
import { type LayerValues, PacketError } from './fields.ts';

/** A GRE header (RFC 2784, 2890): 4 bytes, and 4 for each of checksum, key and sequence number that it has. */
export interface GreFields {
  /** 1: `checksum` is there. Default: as it is. */
  readonly hasChecksum: number;
  readonly hasRouting: number;
  /** 1: `key` is there. Default: as it is. */
  readonly hasKey: number;
  /** 1: `sequence` is there. Default: as it is. */
  readonly hasSequence: number;
  readonly reserved: number;
  readonly version: number;
  /** EtherType of what follows. Default: that of the next layer. */
  readonly protocol: number;
  /** Checksum and 16 reserved bits. */
  readonly checksum: number;
  readonly key: number;
  readonly sequence: number;
}

/** A VXLAN header, 8 bytes. */
export interface VxlanFields {
  /** Default: 8, the VNI is valid. */
  readonly flags: number;
  readonly reserved: number;
  /** Network, 24 bits. */
  readonly vni: number;
  readonly reserved2: number;
}

/** An option of Geneve. */
export interface GeneveOption {
  readonly class: number;
  /** 128 and more: critical. */
  readonly type: number;
  /** Upper three bits of the length's byte. */
  readonly reserved?: number;
  /** Words of 4 bytes. Default: none. */
  readonly data?: Uint8Array;
}

/** A Geneve header, 8 bytes and options. */
export interface GeneveFields {
  readonly version: number;
  /** Options' length in words of 4 bytes. Default: as it is. */
  readonly optionsLength: number;
  /** Two bits: 2 is control, 1 critical options. */
  readonly flags: number;
  readonly reserved: number;
  /** EtherType of what follows. Default: that of the next layer. */
  readonly protocol: number;
  /** Network, 24 bits. */
  readonly vni: number;
  readonly reserved2: number;
  /** Bytes where they are no list. */
  readonly options: readonly GeneveOption[] | Uint8Array;
}

const protocolOf = ({ inside: [inner] }: Place): number => ETHERTYPES.of(inner) ?? LOCAL_EXPERIMENT;

const GRE_WORDS = [
  ['hasChecksum', 'checksum'],
  ['hasKey', 'key'],
  ['hasSequence', 'sequence'],
] as const;

/** What the flags announce, in their order. */
const greWords: Tail = {
  size: (values) => 4 * GRE_WORDS.filter(([flag]) => values[flag] === 1).length,
  read: (bytes, values) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const there = GRE_WORDS.filter(([flag]) => values[flag] === 1);
    return Object.fromEntries(there.map(([, name], i) => [name, view.getUint32(4 * i)]));
  },
  write: (given) => {
    const there = GRE_WORDS.filter(([flag, name]) => hasWord(given, flag, name) === 1);
    const out = new DataView(new ArrayBuffer(4 * there.length));
    there.forEach(([, name], i) => out.setUint32(4 * i, word(`gre.${name}`, given[name] ?? 0, 32)));
    return new Uint8Array(out.buffer);
  },
};

const hasWord = (given: LayerValues, flag: string, name: string): unknown =>
  given[flag] ?? (given[name] === undefined ? 0 : 1);

function word(path: string, value: unknown, bits: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value >= 2 ** bits)
    throw new PacketError(path, `${String(value)} is no number of ${bits} bits`);
  return value;
}

export const GRE: LayerDef = {
  fields: [
    { name: 'hasChecksum', bits: 1 },
    { name: 'hasRouting', bits: 1 },
    { name: 'hasKey', bits: 1 },
    { name: 'hasSequence', bits: 1 },
    { name: 'reserved', bits: 9 },
    { name: 'version', bits: 3 },
    { name: 'protocol', bits: 16, hex: true },
  ],
  tail: greWords,
  defaults: (place) => ({
    ...Object.fromEntries(GRE_WORDS.map(([flag, name]) => [flag, hasWord(place.given, flag, name)])),
    protocol: protocolOf(place),
  }),
  accepts: ({ version, hasRouting }) => version === 0 && hasRouting === 0,
  next: ({ protocol }) => ETHERTYPES.layer(protocol),
};

export const VXLAN: LayerDef = {
  fields: [
    { name: 'flags', bits: 8, hex: true },
    { name: 'reserved', bits: 24 },
    { name: 'vni', bits: 24 },
    { name: 'reserved2', bits: 8 },
  ],
  defaults: () => ({ flags: 8 }),
  next: () => 'eth',
};

const geneveOptions: Tail = {
  size: (values) => num(values, 'optionsLength') * 4,
  read: (bytes) => (bytes.length === 0 ? {} : { options: readGeneve(bytes) }),
  write: ({ options }) => {
    const bytes = writeGeneve(options as readonly GeneveOption[] | Uint8Array | undefined);
    if (bytes.length > 252 || bytes.length % 4 !== 0)
      throw new PacketError('geneve.options', `${bytes.length} bytes are not at most 63 words`);
    return bytes;
  },
};

function readGeneve(bytes: Uint8Array): readonly GeneveOption[] | Uint8Array {
  const options: GeneveOption[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = 4 + (bytes[at + 3] & 31) * 4;
    if (at + size > bytes.length) return bytes.slice();
    options.push({
      class: (bytes[at] << 8) | bytes[at + 1],
      type: bytes[at + 2],
      reserved: bytes[at + 3] >>> 5,
      data: bytes.slice(at + 4, at + size),
    });
    at += size;
  }
  return options;
}

function writeGeneve(options: readonly GeneveOption[] | Uint8Array | undefined): Uint8Array {
  if (options === undefined || options instanceof Uint8Array) return options ?? new Uint8Array(0);
  const out: number[] = [];
  for (const { class: space, type, reserved = 0, data = new Uint8Array(0) } of options) {
    if (data.length > 124 || data.length % 4 !== 0)
      throw new PacketError('geneve.options', `an option of ${data.length} bytes is not at most 31 words`);
    word('geneve.options.class', space, 16);
    const head = [space >>> 8, space & 255, word('geneve.options.type', type, 8)];
    out.push(...head, (word('geneve.options.reserved', reserved, 3) << 5) | (data.length / 4), ...data);
  }
  return Uint8Array.from(out);
}

export const GENEVE: LayerDef = {
  fields: [
    { name: 'version', bits: 2 },
    { name: 'optionsLength', bits: 6 },
    { name: 'flags', bits: 2 },
    { name: 'reserved', bits: 6 },
    { name: 'protocol', bits: 16, hex: true },
    { name: 'vni', bits: 24 },
    { name: 'reserved2', bits: 8 },
  ],
  tail: geneveOptions,
  defaults: (place) => ({ optionsLength: (place.headerSize - 8) / 4, protocol: protocolOf(place) }),
  accepts: ({ version }) => version === 0,
  next: ({ protocol }) => ETHERTYPES.layer(protocol),
};
