/** Arguments of functions in processes: words, and text and bytes that words lead to. */
import type { Parameter, Signature } from '../trace/signature.ts';
import type { TraceEnv } from '../trace/env.ts';
import type { UserBytes } from './address-space.ts';

/** A number as registers hold it, or text or bytes in the memory of the process. */
export type UserValue = number | bigint | string | Uint8Array;

const WORD_BITS = 64;

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
  readonly #env: TraceEnv;
  readonly #made: UserBytes[] = [];

  constructor(env: TraceEnv) {
    this.#env = env;
  }

  writeAll(addr: number, values: readonly UserValue[]): void {
    for (let i = 0; i < values.length; i++) this.write(addr + i * 8, values[i]);
  }

  write(addr: number, value: UserValue): void {
    const { mem } = this.#env.structs.env;
    if (typeof value === 'number' || typeof value === 'bigint') mem.view.setBigUint64(addr, wordOf(value), true);
    else {
      const made = this.#env.userSpace().map(value);
      this.#made.push(made);
      mem.view.setBigUint64(addr, made.addr, true);
    }
  }

  [Symbol.dispose](): void {
    for (const made of this.#made) made[Symbol.dispose]();
  }
}

/** Two's complement in 64 bits. */
function wordOf(value: number | bigint): bigint {
  const word = BigInt(value);
  if (word >> 64n !== 0n && word >> 63n !== -1n) throw new RangeError(`${value} does not fit a register`);
  return BigInt.asUintN(WORD_BITS, word);
}
