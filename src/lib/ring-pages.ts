/** The user side of a ring buffer over its shared pages: positions, record headers, data (BPF_MAP_TYPE_RINGBUF). */
import type { BpfSyscall } from '../uapi/attr/attr.ts';
import type { MappedPages } from '../uapi/embedded.ts';
import { errnoName } from '../uapi/errno.ts';
import {
  BPF_RINGBUF_BUSY_BIT as BUSY,
  BPF_RINGBUF_DISCARD_BIT as DISCARD,
  BPF_RINGBUF_HDR_SZ as HEADER,
} from '../uapi/flags.ts';
import { readObjInfo } from '../uapi/obj-info.ts';
import { BpfError, loaderError } from './errors.ts';

/** A ring's consumer: one page of its own, and the producer's with the data behind it. */
export class RingPages implements Disposable {
  /** A program whose record finds no room gets an error. */
  readonly lost = 0;
  readonly #consumer: MappedPages;
  readonly #producer: MappedPages;
  readonly #position: Int32Array;
  /** The producer's page and the data, which is there twice so that no record is cut. */
  readonly #words: Int32Array;
  readonly #data: number;
  readonly #mask: number;
  #open = true;

  /** Throws BpfError when the kernel does not share its pages. */
  constructor(sys: BpfSyscall, fd: number, name: string) {
    const op = `events of map ${name}`;
    if (sys.mmap === undefined) throw loaderError(op, 'EOPNOTSUPP', 'this door cannot share pages of maps (mmap)');
    const { pageSize } = sys.kernel;
    const info = readObjInfo(sys, 'map', fd);
    if (typeof info === 'number') throw new BpfError({ errno: -info, op, detail: 'the kernel does not tell its size' });
    const size = Number(info.values.max_entries);
    this.#consumer = pagesOf(sys.mmap(fd, 0, pageSize, true), op);
    const producer = sys.mmap(fd, pageSize, pageSize + 2 * size, false);
    if (typeof producer === 'number') this.#consumer[Symbol.dispose]();
    this.#producer = pagesOf(producer, op);
    this.#position = wordsOf(this.#consumer.bytes);
    this.#words = wordsOf(this.#producer.bytes);
    this.#data = pageSize;
    this.#mask = size - 1;
  }

  /** Hands over committed records up to one in progress; gives their number. */
  consume(take: (data: Uint8Array) => void): number {
    const { bytes } = this.#producer;
    let count = 0;
    // A callback may close the ring, whose pages are gone then.
    while (this.#open) {
      const at = Atomics.load(this.#position, 0) >>> 0;
      // Unread bytes are fewer than 2^32: the low half of the producer's position tells all.
      if (at === Atomics.load(this.#words, 0) >>> 0) return count;
      const record = this.#data + (at & this.#mask);
      const head = Atomics.load(this.#words, record >>> 2);
      if (head & BUSY) return count;
      const length = head & ~DISCARD;
      const data = head & DISCARD ? undefined : bytes.slice(record + HEADER, record + HEADER + length);
      this.#advance(at + Math.ceil((length + HEADER) / 8) * 8);
      if (data === undefined) continue;
      count++;
      take(data);
    }
    return count;
  }

  #advance(to: number): void {
    if (to <= 0xffff_ffff) Atomics.store(this.#position, 0, to | 0);
    else {
      // Both halves at once: producers read them so.
      const { buffer, byteOffset } = this.#position;
      Atomics.add(new BigInt64Array(buffer, byteOffset, 1), 0, BigInt(to - (Atomics.load(this.#position, 0) >>> 0)));
    }
  }

  [Symbol.dispose](): void {
    this.#open = false;
    this.#producer[Symbol.dispose]();
    this.#consumer[Symbol.dispose]();
  }
}

function pagesOf(found: MappedPages | number, op: string): MappedPages {
  if (typeof found !== 'number') return found;
  throw new BpfError({ errno: -found, op, detail: `mmap gives ${errnoName(-found)}` });
}

const wordsOf = ({ buffer, byteOffset, length }: Uint8Array): Int32Array =>
  new Int32Array(buffer, byteOffset, length >>> 2);
