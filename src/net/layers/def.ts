/** What a kind of header must say of itself, and the numbers by which headers name each other. */
import type { Field, LayerValues } from './fields.ts';
import type { LayerName } from './layers.ts';

/** Where a header stands while a packet is built. */
export interface Place {
  /** What was said of it. */
  readonly given: LayerValues;
  /** Names of the layers inside it, the next one first. */
  readonly inside: readonly LayerName[];
  /** Bytes of what is inside. */
  readonly contentSize: number;
  /** Bytes of the header with its options. */
  readonly headerSize: number;
}

/** The part of a header behind its fields: options, and members that flags announce. */
export interface Tail {
  /** Bytes of it in a packet that is read; negative when the header contradicts itself. */
  size(values: LayerValues, rest: Uint8Array): number;
  read(bytes: Uint8Array, values: LayerValues): LayerValues;
  /** Throws PacketError. */
  write(values: LayerValues): Uint8Array;
}

/** A 16-bit checksum. */
export interface Checksum {
  /** Where it stands in the header. */
  readonly at: number;
  readonly covers: 'header' | 'all';
  /** Number of the protocol in the pseudo header that it covers too, and the versions of IP where it does. */
  readonly pseudo?: { readonly protocol: number; readonly optional?: true };
}

/** A kind of header. */
export interface LayerDef {
  readonly fields: readonly Field[];
  readonly tail?: Tail;
  /** Values of the fields that were not given, but for the checksum. */
  defaults(place: Place): LayerValues;
  /** Whether bytes with these values are such a header. Default: always. */
  accepts?(values: LayerValues): boolean;
  /** What its content begins with; undefined when that is no header. */
  next(values: LayerValues, content: Uint8Array): LayerName | undefined;
  /** Bytes of its content as it says itself; what is behind them does not belong to it. Default: all. */
  contentSize?(values: LayerValues, headerSize: number): number;
  readonly checksum?: Checksum;
}

/** A value that its header's fields have made a number. */
export const num = (values: LayerValues, name: string): number => values[name] as number;

/** Both ways between layers and the numbers that stand for them. */
class Numbers {
  readonly #byName: ReadonlyMap<LayerName, number>;
  readonly #byNumber: ReadonlyMap<number, LayerName>;

  /** @param rows the first number of a layer is the one that is written */
  constructor(rows: readonly (readonly [LayerName, number])[]) {
    this.#byName = new Map([...rows].reverse());
    this.#byNumber = new Map(rows.map(([name, number]) => [number, name]));
  }

  of(name: LayerName | undefined): number | undefined {
    return name === undefined ? undefined : this.#byName.get(name);
  }

  layer(number: unknown): LayerName | undefined {
    return this.#byNumber.get(number as number);
  }
}

/** EtherTypes (IEEE 802). */
export const ETHERTYPES = new Numbers([
  ['ipv4', 0x0800],
  ['arp', 0x0806],
  ['vlan', 0x8100],
  ['vlan', 0x88a8],
  ['vlan', 0x9100],
  ['ipv6', 0x86dd],
  ['mpls', 0x8847],
  ['mpls', 0x8848],
  ['eth', 0x6558],
]);

/** IEEE 802.1ad, the outer one of two tags. */
export const SERVICE_TAG = 0x88a8;

/** What a frame has whose content is no known protocol: IEEE's first number for local experiments. */
export const LOCAL_EXPERIMENT = 0x88b5;

/** Protocol numbers of IP (IANA). */
export const PROTOCOLS = new Numbers([
  ['hopopts', 0],
  ['icmp', 1],
  ['ipv4', 4],
  ['tcp', 6],
  ['udp', 17],
  ['ipv6', 41],
  ['routing', 43],
  ['fragment', 44],
  ['gre', 47],
  ['icmp6', 58],
  ['dstopts', 60],
  ['mpls', 137],
]);

/** What IP has around content of no known protocol: IANA's first number for experiments. */
export const EXPERIMENT = 253;

/** Destination ports of UDP that announce a tunnel. */
export const TUNNEL_PORTS = new Numbers([
  ['vxlan', 4789],
  ['geneve', 6081],
]);
