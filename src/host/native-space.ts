/** Memory outside the JavaScript heap that a real kernel reads and writes, and a guarded form of it that notices what is written beyond a buffer. */
import type { EncodedAttr, PointerSpace } from '../uapi/attr/encode.ts';

/** The part of koffi that is used. */
export interface Koffi {
  load(path: string): { func(definition: string): (...args: unknown[]) => unknown };
  errno(): number;
  alloc(type: string, length: number): unknown;
  free(pointer: unknown): void;
  view(pointer: unknown, length: number): ArrayBuffer;
  address(pointer: unknown): bigint;
}

/** bpf(2): command, address and size of the attribute; a descriptor, 0 or -errno. */
export type Call = (cmd: number, attr: bigint, size: number) => number;

/** Bytes that a kernel wrote outside of the buffers that it was given. */
export interface Overrun {
  readonly cmd: number;
  /** The buffer behind which they lie. */
  readonly buffer: string;
  /** Length of that buffer. */
  readonly length: number;
  /** How far behind its end the last of them lies, counted from 1. */
  readonly beyond: number;
}

const FIRST_SPACE = 1 << 20;
/** Bytes at the front that calls do not use: the question for a map's sizes lies there. */
export const FRONT = 512;
const GUARD = 1 << 16;
const CANARY = 0xa5;

/** No address changes during a call; one call uses it at a time. */
export class NativeSpace implements PointerSpace, Disposable {
  bytes = new Uint8Array(0);
  base = 0n;
  readonly gap: number;
  readonly #koffi: Koffi;
  readonly #onOverrun: ((overrun: Overrun) => void) | undefined;
  #pointer: unknown;

  /** @param onOverrun makes it guarded: 64 KiB behind each buffer are looked at after each call */
  constructor(koffi: Koffi, onOverrun?: (overrun: Overrun) => void) {
    this.#koffi = koffi;
    this.#onOverrun = onOverrun;
    this.gap = onOverrun === undefined ? 0 : GUARD;
    this.#allocate(FIRST_SPACE);
  }

  reserve(size: number): number {
    if (FRONT + size > this.bytes.length) {
      this[Symbol.dispose]();
      this.#allocate(Math.ceil((FRONT + size) / FIRST_SPACE) * FIRST_SPACE);
    }
    if (this.#onOverrun !== undefined) this.bytes.fill(CANARY, FRONT, FRONT + size);
    return FRONT;
  }

  /** Tells what a call wrote between the buffers, in a guarded space. */
  inspect(cmd: number, { placed }: EncodedAttr): void {
    if (this.#onOverrun === undefined) return;
    for (const { name, at, length } of placed) {
      let last = at + length + GUARD - 1;
      while (last >= at + length && this.bytes[last] === CANARY) last--;
      const beyond = last + 1 - (at + length);
      if (beyond > 0) this.#onOverrun({ cmd, buffer: name, length, beyond });
    }
  }

  [Symbol.dispose](): void {
    if (this.#pointer !== undefined) this.#koffi.free(this.#pointer);
    this.#pointer = undefined;
    this.bytes = new Uint8Array(0);
  }

  #allocate(size: number): void {
    this.#pointer = this.#koffi.alloc('uint8_t', size);
    this.base = this.#koffi.address(this.#pointer);
    this.bytes = new Uint8Array(this.#koffi.view(this.#pointer, size));
  }
}
