/** The parts of a capture, common to all file formats, and the numbers that the formats share. */

/** One captured packet. */
export interface CapturedPacket {
  /** The bytes that were kept: a view of the file. */
  readonly data: Uint8Array;
  /** Bytes that the packet had on the wire. */
  readonly length: number;
  /** Seconds since 1970, and nanoseconds within that second. */
  readonly seconds: number;
  readonly nanoseconds: number;
  /** LINKTYPE_* of the interface that it was seen on. */
  readonly linkType: number;
  /** Number of that interface in the file; always 0 in pcap. */
  readonly interfaceId: number;
}

/** A capture file, opened: reading its packets again begins anew. */
export interface Capture extends Iterable<CapturedPacket> {
  readonly format: 'pcap' | 'pcapng';
  readonly littleEndian: boolean;
  /** Whether times are finer than microseconds. */
  readonly nanoseconds: boolean;
  /** LINKTYPE_* of the first interface, -1 when the file has none. */
  readonly linkType: number;
}

/** A packet to be written. */
export type PacketToWrite = Pick<CapturedPacket, 'data' | 'seconds' | 'nanoseconds'> &
  Partial<Pick<CapturedPacket, 'length'>>;

/** How a capture is written. */
export interface WriteOptions {
  /** Default: LINKTYPE_ETHERNET. */
  readonly linkType?: number;
  /** Times in nanoseconds; microseconds otherwise. */
  readonly nanoseconds?: boolean;
  readonly littleEndian?: boolean;
  /** Most bytes of a packet. Default: 262,144. */
  readonly snapLength?: number;
}

/** Link types of captures (LINKTYPE_*). */
export const LINKTYPE = {
  NULL: 0,
  ETHERNET: 1,
  RAW: 101,
  LINUX_SLL: 113,
  IPV4: 228,
  IPV6: 229,
  LINUX_SLL2: 276,
} as const;

/** `ETHERNET`, or the number as text. */
export function linkTypeName(linkType: number): string {
  for (const [name, value] of Object.entries(LINKTYPE)) if (value === linkType) return name;
  return String(linkType);
}

/** MAXIMUM_SNAPLEN of libpcap: what tcpdump takes without question. */
export const MAX_SNAP_LENGTH = 262_144;
