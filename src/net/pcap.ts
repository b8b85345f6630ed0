/** pcap files (draft-ietf-opsawg-pcap): reader for both byte orders and both time units, and writer. */
import { FormatError } from '../util/errors.ts';
import { type ByteSource, ByteWindow, MOST_RECORD, windows } from './byte-window.ts';
import { BytesOut } from './bytes-out.ts';
import {
  type Capture,
  type CapturedPacket,
  MAX_SNAP_LENGTH,
  type PacketToWrite,
  type WriteOptions,
} from './capture.ts';

const MAGIC_MICRO = 0xa1b2c3d4;
const MAGIC_NANO = 0xa1b23c4d;
/** Kuznetzov's patched format: 8 more bytes in each record header. */
const MAGIC_PATCHED = 0xa1b2cd34;
const HEADER = 24;
const RECORD = 16;
const PATCHED_RECORD = 24;
/** The upper bits of the link type tell of frame check sequences. */
const LINK_TYPE_MASK = 0x03ff_ffff;

function byteOrder(file: ByteWindow): { little: boolean; magic: number } | undefined {
  if (file.have(0, 4) < 4) return undefined;
  for (const little of [true, false]) {
    const magic = file.u32(0, little);
    if (magic === MAGIC_MICRO || magic === MAGIC_NANO || magic === MAGIC_PATCHED) return { little, magic };
  }
  return undefined;
}

/** Whether the bytes begin like a pcap file. */
export const isPcap = (bytes: Uint8Array): boolean => byteOrder(new ByteWindow(bytes)) !== undefined;

/** Opens a pcap file. Its packets are read, and damage in them is found (FormatError), while iterating. */
export const readPcap = (bytes: Uint8Array): Capture => openPcap(() => bytes);

/** The same of a file that is read while iterating. @param open gives it from its beginning, each time anew */
export function openPcap(open: () => Uint8Array | ByteSource, head = new ByteWindow(open())): Capture {
  const order = byteOrder(head);
  if (order === undefined) throw new FormatError('pcap', 0, 'magic a1b2c3d4 or a1b23c4d expected');
  const size = head.have(0, HEADER);
  if (size < HEADER) throw new FormatError('pcap', size, `a file header of ${HEADER} bytes expected, the file ends`);
  const { little, magic } = order;
  const major = head.u16(4, little);
  if (major !== 2) throw new FormatError('pcap', 4, `version ${major} found, 2 expected`);
  const linkType = head.u32(20, little) & LINK_TYPE_MASK;
  const next = windows(open, head);
  const nanoseconds = magic === MAGIC_NANO;
  const header = magic === MAGIC_PATCHED ? PATCHED_RECORD : RECORD;
  return {
    format: 'pcap',
    littleEndian: little,
    nanoseconds,
    linkType,
    [Symbol.iterator]: () => packets(next(), { little, nanosecondsUnit: nanoseconds ? 1 : 1000 }, linkType, header),
  };
}

/** Format of a file's packets, from its header: byte order, and nanoseconds in a unit of their times. */
interface PacketFormat {
  readonly little: boolean;
  readonly nanosecondsUnit: number;
}

function* packets(
  file: ByteWindow,
  { little, nanosecondsUnit }: PacketFormat,
  linkType: number,
  header: number,
): Generator<CapturedPacket> {
  for (let at = HEADER; ; ) {
    let left = file.have(at, header);
    if (left <= 0) return;
    if (left < header)
      throw new FormatError('pcap', at, `a record header of ${header} bytes expected, ${left} are left`);
    const kept = file.u32(at + 8, little);
    const data = at + header;
    if (left < header + kept) {
      left = file.have(at, header + kept);
      if (left < header + kept && left >= MOST_RECORD)
        throw new FormatError('pcap', at + 8, `a packet of ${kept} bytes found, ${MOST_RECORD - header} are the most`);
      if (left < header + kept)
        throw new FormatError('pcap', at + 8, `a packet of ${kept} bytes expected, ${left - header} are left`);
    }
    yield {
      data: file.slice(data, kept),
      length: file.u32(at + 12, little),
      seconds: file.u32(at, little),
      nanoseconds: file.u32(at + 4, little) * nanosecondsUnit,
      linkType,
      interfaceId: 0,
    };
    at = data + kept;
  }
}

/** Writes a pcap file in memory. */
export class PcapWriter {
  readonly #out: BytesOut;
  readonly #unit: number;
  readonly #snap: number;

  constructor(options: WriteOptions = {}) {
    this.#out = new BytesOut(options.littleEndian ?? true);
    this.#unit = options.nanoseconds ? 1 : 1000;
    this.#snap = options.snapLength ?? MAX_SNAP_LENGTH;
    this.#out.u32(options.nanoseconds ? MAGIC_NANO : MAGIC_MICRO);
    this.#out.u16(2);
    this.#out.u16(4);
    this.#out.zeros(8);
    this.#out.u32(this.#snap);
    this.#out.u32(options.linkType ?? 1);
  }

  write({ data, length, seconds, nanoseconds }: PacketToWrite): void {
    const out = this.#out;
    const kept = data.subarray(0, this.#snap);
    out.u32(seconds);
    out.u32(Math.floor(nanoseconds / this.#unit));
    out.u32(kept.length);
    out.u32(Math.max(length ?? data.length, kept.length));
    out.bytes(kept);
  }

  /** Bytes that wait to be taken. */
  get pending(): number {
    return this.#out.length;
  }

  /** The file so far, or what has come since {@link take}. */
  bytes(): Uint8Array {
    return this.#out.result();
  }

  /** Takes out what has come since the last time: the pieces of a file that is written as it grows. Valid until the next packet. */
  take(): Uint8Array {
    return this.#out.take();
  }
}
