/** A growing byte buffer that speaks the WebAssembly binary format: LEB128 numbers, constants, instructions with immediates. */
import { I32_CONST, I64_CONST, LOCAL_GET, LOCAL_SET, LOCAL_TEE } from './wasm-ops.ts';

export class ByteSink {
  buf: Uint8Array;
  pos = 0;

  constructor(capacity = 4096) {
    this.buf = new Uint8Array(capacity);
  }

  /** Makes room for `n` more bytes. */
  reserve(n: number): void {
    if (this.pos + n <= this.buf.length) return;
    let cap = this.buf.length * 2;
    while (cap < this.pos + n) cap *= 2;
    const grown = new Uint8Array(cap);
    grown.set(this.buf.subarray(0, this.pos));
    this.buf = grown;
  }

  byte(b: number): void {
    if (this.pos >= this.buf.length) this.reserve(1);
    this.buf[this.pos++] = b;
  }

  byte2(a: number, b: number): void {
    if (this.pos + 2 > this.buf.length) this.reserve(2);
    this.buf[this.pos++] = a;
    this.buf[this.pos++] = b;
  }

  /** Unsigned LEB128 of a 32-bit number. */
  u32(value: number): void {
    if (this.pos + 5 > this.buf.length) this.reserve(5);
    let v = value >>> 0;
    while (v > 127) {
      this.buf[this.pos++] = (v & 127) | 128;
      v >>>= 7;
    }
    this.buf[this.pos++] = v;
  }

  /** Signed LEB128 of a 32-bit number. */
  s32(value: number): void {
    if (this.pos + 5 > this.buf.length) this.reserve(5);
    let v = value | 0;
    while (v < -64 || v > 63) {
      this.buf[this.pos++] = (v & 127) | 128;
      v >>= 7;
    }
    this.buf[this.pos++] = v & 127;
  }

  /** Signed LEB128 of a 64-bit number given as halves. */
  s64(lo: number, hi: number): void {
    if (this.pos + 10 > this.buf.length) this.reserve(10);
    let l = lo | 0;
    let h = hi | 0;
    while (!((h === 0 && l >= 0 && l <= 63) || (h === -1 && l < 0 && l >= -64))) {
      this.buf[this.pos++] = (l & 127) | 128;
      l = (l >>> 7) | (h << 25);
      h >>= 7;
    }
    this.buf[this.pos++] = l & 127;
  }

  /** An opcode and an unsigned immediate. */
  op(code: number, imm: number): void {
    this.byte(code);
    this.u32(imm);
  }

  get(local: number): void {
    if (local < 128) this.byte2(LOCAL_GET, local);
    else this.op(LOCAL_GET, local);
  }
  set(local: number): void {
    if (local < 128) this.byte2(LOCAL_SET, local);
    else this.op(LOCAL_SET, local);
  }
  tee(local: number): void {
    if (local < 128) this.byte2(LOCAL_TEE, local);
    else this.op(LOCAL_TEE, local);
  }

  i32(value: number): void {
    this.byte(I32_CONST);
    this.s32(value);
  }
  i64(lo: number, hi: number): void {
    this.byte(I64_CONST);
    this.s64(lo, hi);
  }

  /** A load or store with its alignment exponent and offset. */
  mem(code: number, align: number, offset: number): void {
    this.byte2(code, align);
    this.u32(offset);
  }

  /** A name: length and UTF-8 bytes (names here are ASCII). */
  name(text: string): void {
    this.u32(text.length);
    for (let i = 0; i < text.length; i++) this.byte(text.charCodeAt(i) & 127);
  }

  append(other: ByteSink): void {
    this.reserve(other.pos);
    this.buf.set(other.buf.subarray(0, other.pos), this.pos);
    this.pos += other.pos;
  }

  /** Begins a section or body whose size is not known yet; returns the mark for {@link end}. */
  begin(): number {
    this.reserve(5);
    this.pos += 5;
    return this.pos;
  }

  /** Writes the size of what followed `mark` into the five bytes before it (a padded LEB128). */
  end(mark: number): void {
    let size = this.pos - mark;
    for (let i = mark - 5; i < mark - 1; i++) {
      this.buf[i] = (size & 127) | 128;
      size >>>= 7;
    }
    this.buf[mark - 1] = size & 127;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.buf.slice(0, this.pos);
  }
}
