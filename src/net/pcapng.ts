/** pcapng files (draft-ietf-opsawg-pcapng): reader of sections, interfaces and packets, and writer of one section. */
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
import { MICROSECONDS, splitTime, type TimeUnit, timeUnit } from './pcapng-time.ts';

const BLOCK = { SECTION: 0x0a0d0d0a, INTERFACE: 1, OLD_PACKET: 2, SIMPLE: 3, ENHANCED: 6 } as const;
const BYTE_ORDER = 0x1a2b3c4d;
const OPTION = { END: 0, TSRESOL: 9, TSOFFSET: 14 } as const;
/** Type, length, and the length again at the end. */
const FRAME = 12;
/** Interfaces of one section; every one costs memory. */
const MAX_INTERFACES = 65_536;

interface Interface {
  readonly linkType: number;
  readonly snapLength: number;
  readonly time: TimeUnit;
}

/** One block: `start` is its first byte, the body lies from `body` to `end`. */
interface Block {
  readonly type: number;
  readonly start: number;
  readonly body: number;
  readonly end: number;
}

const fail = (offset: number, detail: string): FormatError => new FormatError('pcapng', offset, detail);
const padded = (n: number): number => Math.ceil(n / 4) * 4;

/** Whether the bytes begin like a pcapng file. */
export const isPcapng = (bytes: Uint8Array): boolean => beginsSection(new ByteWindow(bytes));

const beginsSection = (file: ByteWindow): boolean => file.have(0, 4) >= 4 && file.u32(0, true) === BLOCK.SECTION;

/** Opens a pcapng file. Blocks are read, and damage in them is found (FormatError), while iterating. */
export const readPcapng = (bytes: Uint8Array): Capture => openPcapng(() => bytes);

/** The same of a file that is read while iterating. @param open gives it from its beginning, each time anew */
export function openPcapng(open: () => Uint8Array | ByteSource, head = new ByteWindow(open())): Capture {
  if (!beginsSection(head)) throw fail(0, 'a section header block (0a0d0d0a) expected');
  const first = new PcapngReader(head).firstInterface();
  const next = windows(open, head);
  return {
    format: 'pcapng',
    littleEndian: first.little,
    nanoseconds: (first.found?.time.perSecond ?? 0) > 1e6,
    linkType: first.found?.linkType ?? -1,
    [Symbol.iterator]: () => new PcapngReader(next()).packets(),
  };
}

class PcapngReader {
  readonly #file: ByteWindow;
  #little = true;
  #interfaces: Interface[] = [];

  constructor(file: ByteWindow) {
    this.#file = file;
  }

  /** The interface that is described before any packet comes. */
  firstInterface(): { little: boolean; found: Interface | undefined } {
    for (const block of this.#blocks()) {
      if (block.type === BLOCK.INTERFACE) this.#interface(block);
      if (block.type !== BLOCK.SECTION) break;
    }
    return { little: this.#little, found: this.#interfaces[0] };
  }

  *packets(): Generator<CapturedPacket> {
    for (const block of this.#blocks()) {
      if (block.type === BLOCK.INTERFACE) this.#interface(block);
      else if (block.type === BLOCK.ENHANCED) yield this.#packet(block, this.#u32(block, 0), 4);
      else if (block.type === BLOCK.OLD_PACKET) yield this.#packet(block, this.#u16(block, 0), 4);
      else if (block.type === BLOCK.SIMPLE) yield this.#simple(block);
    }
  }

  *#blocks(): Generator<Block> {
    const file = this.#file;
    for (let at = 0; ; ) {
      let left = file.have(at, FRAME);
      if (left <= 0) return;
      if (left < FRAME) throw fail(at, `a block of at least ${FRAME} bytes expected, ${left} are left`);
      let type = file.u32(at, this.#little);
      if (file.u32(at, true) === BLOCK.SECTION) {
        type = BLOCK.SECTION;
        this.#section(at);
      } else if (at === 0) throw fail(0, 'a section header block expected');
      const size = file.u32(at + 4, this.#little);
      if (size < FRAME || size % 4 !== 0)
        throw fail(at + 4, `block length ${size} found, a multiple of 4 from 12 expected`);
      if (size > left) {
        left = file.have(at, size);
        if (size > left && left >= MOST_RECORD)
          throw fail(at + 4, `a block of ${size} bytes found, ${MOST_RECORD} are the most`);
        if (size > left) throw fail(at + 4, `a block of ${size} bytes expected, ${left} are left`);
      }
      const again = file.u32(at + size - 4, this.#little);
      if (again !== size) throw fail(at + size - 4, `block length ${size} repeated expected, ${again} found`);
      yield { type, start: at, body: at + 8, end: at + size - 4 };
      at += size;
    }
  }

  /** A section header sets the byte order, and its interfaces are its own. */
  #section(at: number): void {
    if (this.#file.have(at, 16) < 16) throw fail(at, 'a section header of 28 bytes expected, the file ends');
    const little = [true, false].find((order) => this.#file.u32(at + 8, order) === BYTE_ORDER);
    if (little === undefined) throw fail(at + 8, 'byte order magic 1a2b3c4d expected');
    this.#little = little;
    const major = this.#file.u16(at + 12, little);
    if (major !== 1) throw fail(at + 12, `version ${major} found, 1 expected`);
    this.#interfaces = [];
  }

  #u32(block: Block, offset: number): number {
    if (block.body + offset + 4 > block.end) throw fail(block.start, `the block ends before its field at ${offset}`);
    return this.#file.u32(block.body + offset, this.#little);
  }

  #u16(block: Block, offset: number): number {
    if (block.body + offset + 2 > block.end) throw fail(block.start, `the block ends before its field at ${offset}`);
    return this.#file.u16(block.body + offset, this.#little);
  }

  #interface(block: Block): void {
    if (this.#interfaces.length >= MAX_INTERFACES) throw fail(block.start, `more than ${MAX_INTERFACES} interfaces`);
    const linkType = this.#u16(block, 0);
    const snapLength = this.#u32(block, 4);
    this.#interfaces.push({ linkType, snapLength, time: this.#timeOf(block) });
  }

  #timeOf(block: Block): TimeUnit {
    let time = MICROSECONDS;
    for (let at = block.body + 8; at + 4 <= block.end; ) {
      const code = this.#file.u16(at, this.#little);
      const size = this.#file.u16(at + 2, this.#little);
      if (code === OPTION.END) break;
      if (at + 4 + size > block.end)
        throw fail(at + 2, `an option of ${size} bytes expected, ${block.end - at - 4} are left`);
      if (code === OPTION.TSRESOL && size === 1) time = { ...timeUnit(this.#file.u8(at + 4)), offset: time.offset };
      if (code === OPTION.TSOFFSET && size === 8) {
        const low = this.#file.u32(at + (this.#little ? 4 : 8), this.#little);
        const high = this.#file.i32(at + (this.#little ? 8 : 4), this.#little);
        time = { ...time, offset: high * 2 ** 32 + low };
      }
      at += 4 + padded(size);
    }
    return time;
  }

  #packet(block: Block, interfaceId: number, times: number): CapturedPacket {
    const from = this.#interfaces[interfaceId];
    if (from === undefined) throw fail(block.body, `interface ${interfaceId} is not described`);
    const kept = this.#u32(block, times + 8);
    const data = block.body + times + 16;
    if (kept > block.end - data)
      throw fail(block.body + times + 8, `a packet of ${kept} bytes expected, the block ends`);
    const time = splitTime(this.#u32(block, times), this.#u32(block, times + 4), from.time);
    return {
      ...time,
      data: this.#file.slice(data, kept),
      length: this.#u32(block, times + 12),
      linkType: from.linkType,
      interfaceId,
    };
  }

  /** A simple packet has no time, and as many bytes as the snap length and the block allow. */
  #simple(block: Block): CapturedPacket {
    const from = this.#interfaces[0];
    if (from === undefined) throw fail(block.body, 'interface 0 is not described');
    const length = this.#u32(block, 0);
    const data = block.body + 4;
    const kept = from.snapLength === 0 ? length : Math.min(length, from.snapLength);
    if (kept > block.end - data) throw fail(block.body, `a packet of ${kept} bytes expected, the block ends`);
    const { linkType } = from;
    return {
      data: this.#file.slice(data, kept),
      length,
      seconds: 0,
      nanoseconds: 0,
      linkType,
      interfaceId: 0,
    };
  }
}

/** Writes a pcapng file of one section and one interface in memory. */
export class PcapngWriter {
  readonly #out: BytesOut;
  readonly #perSecond: number;

  constructor(options: WriteOptions = {}) {
    const out = new BytesOut(options.littleEndian ?? true);
    this.#out = out;
    this.#perSecond = options.nanoseconds ? 1e9 : 1e6;
    for (const word of [BLOCK.SECTION, 28, BYTE_ORDER]) out.u32(word);
    out.u16(1);
    out.u16(0);
    for (const word of [0xffff_ffff, 0xffff_ffff, 28]) out.u32(word);
    const size = 20 + 8 + 4;
    out.u32(BLOCK.INTERFACE);
    out.u32(size);
    out.u16(options.linkType ?? 1);
    out.u16(0);
    out.u32(options.snapLength ?? MAX_SNAP_LENGTH);
    out.u16(OPTION.TSRESOL);
    out.u16(1);
    out.bytes(Uint8Array.of(options.nanoseconds ? 9 : 6, 0, 0, 0));
    out.u32(OPTION.END);
    out.u32(size);
  }

  write({ data, length, seconds, nanoseconds }: PacketToWrite): void {
    const out = this.#out;
    const size = 32 + padded(data.length);
    // seconds * perSecond in two halves: the product is beyond 2^53.
    const fraction = Math.floor(nanoseconds / (1e9 / this.#perSecond));
    const low = (seconds % 65536) * this.#perSecond + fraction;
    const mid = Math.floor(seconds / 65536) * this.#perSecond + Math.floor(low / 65536);
    out.u32(BLOCK.ENHANCED);
    out.u32(size);
    out.u32(0);
    out.u32(Math.floor(mid / 65536));
    out.u32((mid % 65536) * 65536 + (low % 65536));
    out.u32(data.length);
    out.u32(Math.max(length ?? data.length, data.length));
    out.bytes(data);
    out.zeros(padded(data.length) - data.length);
    out.u32(size);
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
