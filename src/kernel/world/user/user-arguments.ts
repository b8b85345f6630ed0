/** Arguments of functions in processes: words, and text and bytes that words lead to. */
import { StructError } from '../struct-types.ts';
import type { Structs } from '../struct-view.ts';
import type { Parameter, Signature } from '../trace/signature.ts';

/** A number as registers hold it, or text or bytes in the memory of the process. */
export type UserValue = number | bigint | string | Uint8Array;

const WORD_BITS = 64;
const utf8 = new TextEncoder();

/** The signature of a function of `count` words, which gives one. */
export function wordSignature(count: number): Signature {
  const place = (i: number) => ({ type: 0, bit: i * WORD_BITS, width: 0 });
  const params = Array.from(
    { length: count },
    (_, i): Parameter => ({ name: `arg${i + 1}`, place: place(i), plain: undefined, struct: 0 }),
  );
  return { params, words: count, result: place(count), plainResult: undefined };
}

/** What one call put into the memory, until it is over. */
export class UserArguments implements Disposable {
  readonly #structs: Structs;
  readonly #made: number[] = [];

  constructor(structs: Structs) {
    this.#structs = structs;
  }

  writeAll(addr: number, values: readonly UserValue[]): void {
    for (let i = 0; i < values.length; i++) this.write(addr + i * 8, values[i]);
  }

  write(addr: number, value: UserValue): void {
    const { mem } = this.#structs.env;
    if (typeof value === 'number' || typeof value === 'bigint') mem.view.setBigUint64(addr, wordOf(value), true);
    else mem.u32[addr >>> 2] = this.#put(typeof value === 'string' ? utf8.encode(`${value}\0`) : value);
  }

  #put(bytes: Uint8Array): number {
    const { heap, mem } = this.#structs.env;
    const at = heap.alloc(bytes.length + 1, 8);
    if (at === 0) throw new StructError('no-memory', 'call', `no memory for ${bytes.length} bytes`);
    this.#made.push(at);
    mem.u8.set(bytes, at);
    return at;
  }

  [Symbol.dispose](): void {
    const { heap, rcu } = this.#structs.env;
    for (const at of this.#made) rcu.call(() => heap.free(at));
  }
}

/** Two's complement in 64 bits. */
function wordOf(value: number | bigint): bigint {
  const word = BigInt(value);
  if (word >> 64n !== 0n && word >> 63n !== -1n) throw new RangeError(`${value} does not fit a register`);
  return BigInt.asUintN(WORD_BITS, word);
}
