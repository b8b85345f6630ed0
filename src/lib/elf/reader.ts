/** Bounds-checked reading of fields from an ELF file in its own byte order. */
import { FormatError } from '../../util/errors.ts';

export const elfError = (offset: number, detail: string): FormatError => new FormatError('ELF', offset, detail);

export class ElfReader {
  readonly #view: DataView;

  constructor(
    readonly bytes: Uint8Array,
    readonly littleEndian: boolean,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Throws unless `size` bytes at `offset` lie inside the file. */
  need(offset: number, size: number, what: string): void {
    if (offset + size > this.bytes.length) {
      throw elfError(offset, `${what} needs ${size} bytes, the file ends at ${this.bytes.length}`);
    }
  }

  u8(offset: number): number {
    return this.#view.getUint8(offset);
  }

  u16(offset: number): number {
    return this.#view.getUint16(offset, this.littleEndian);
  }

  u32(offset: number): number {
    return this.#view.getUint32(offset, this.littleEndian);
  }

  i32(offset: number): number {
    return this.#view.getInt32(offset, this.littleEndian);
  }

  /** A 64-bit field that must be exact as a number. */
  u64(offset: number, what: string): number {
    const lo = this.u32(offset + (this.littleEndian ? 0 : 4));
    const hi = this.u32(offset + (this.littleEndian ? 4 : 0));
    if (hi >= 0x200000)
      throw elfError(offset, `${what} 0x${hi.toString(16)}${lo.toString(16).padStart(8, '0')} is out of range`);
    return hi * 0x100000000 + lo;
  }

  /** A signed 64-bit field, only its low 53 bits being of use. */
  i64(offset: number): number {
    return Number(this.#view.getBigInt64(offset, this.littleEndian));
  }
}
