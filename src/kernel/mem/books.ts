/** The allocator's books: records of blocks and free spans in words of a buffer of their own, which no program reaches. */
import type { Restore, Saved } from './saved.ts';

/** Words of a record. */
const ADDR = 0;
const SIZE = 1;
const STATE = 2;
const NEXT = 3;
const PREV = 4;
const CHAIN = 5;
const END_CHAIN = 6;
const RECORD = 7;

/** What a record is about. */
export const BLOCK = 1;
export const SMALL_BLOCK = 2;
export const FREE_SMALL = 3;
export const SPAN = 4;

/** First words of the books. */
const BUMP = 0;
const UNUSED = 1;
const COUNT = 2;
const TABLE = 3;
const MASK = 4;
/** Where the owner's own words begin: counters, then heads of lists. */
const OWN = 5;
const FIRST_MASK = 63;
const PAGE_WORDS = 16384;
/** A gigabyte of books: more than {@link MOST_RECORDS} take with their tables. */
const MOST_PAGES = 16384;

/** Records that books hold at most by default. */
export const MOST_RECORDS = 1 << 23;

/**
 * Records are found by where what they are about begins, spans by where they end as well; both tables are in the books and double
 * with the records. A record's number is the index of its first word; 0 is none. The words of a shared memory's books are shared too.
 */
export class Books implements Saved {
  readonly #shared: WebAssembly.Memory | undefined;
  readonly #most: number;
  /** Replaced when the books grow. */
  #u32: Uint32Array;

  /**
   * @param own words that the owner keeps in them, zero at first
   * @param most records that fill them
   */
  constructor(own: number, shared: boolean, most = MOST_RECORDS) {
    this.#most = most;
    const words = OWN + own + 2 * (FIRST_MASK + 1);
    this.#shared = shared ? new WebAssembly.Memory({ initial: 1, maximum: MOST_PAGES, shared }) : undefined;
    this.#u32 = this.#shared === undefined ? new Uint32Array(1024) : new Uint32Array(this.#shared.buffer);
    this.#need(words);
    this.#u32[BUMP] = words;
    this.#u32[TABLE] = OWN + own;
    this.#u32[MASK] = FIRST_MASK;
  }

  /** Whether they hold as many records as they should. */
  get full(): boolean {
    return this.#u32[COUNT] >= this.#most;
  }

  get(word: number): number {
    return this.#u32[OWN + word];
  }
  set(word: number, value: number): void {
    this.#u32[OWN + word] = value;
  }
  addr(record: number): number {
    return this.#u32[record + ADDR];
  }
  size(record: number): number {
    return this.#u32[record + SIZE];
  }
  state(record: number): number {
    return this.#u32[record + STATE];
  }
  setState(record: number, state: number): void {
    this.#u32[record + STATE] = state;
  }
  /** The record behind this one in its list, or 0. */
  next(record: number): number {
    return this.#u32[record + NEXT];
  }

  /** A new record, in no list. */
  add(addr: number, size: number, state: number): number {
    const record = this.#take();
    const u32 = this.#u32;
    u32[record + ADDR] = addr;
    u32[record + SIZE] = size;
    u32[record + STATE] = state;
    this.#chain(record);
    return record;
  }

  /** Ends a record that is in no list. */
  drop(record: number): void {
    const u32 = this.#u32;
    this.#unchain(u32[TABLE] + this.#hash(u32[record + ADDR]), record, CHAIN);
    if (u32[record + STATE] === SPAN)
      this.#unchain(this.#ends() + this.#hash(u32[record + ADDR] + u32[record + SIZE]), record, END_CHAIN);
    u32[record + NEXT] = u32[UNUSED];
    u32[UNUSED] = record;
    u32[COUNT]--;
  }

  /** The record of what begins at an address, or 0. */
  find(addr: number): number {
    const u32 = this.#u32;
    let record = u32[u32[TABLE] + this.#hash(addr)];
    while (record !== 0 && u32[record + ADDR] !== addr) record = u32[record + CHAIN];
    return record;
  }

  /** The record of the span that ends at an address, or 0. */
  endingAt(end: number): number {
    const u32 = this.#u32;
    let record = u32[this.#ends() + this.#hash(end)];
    while (record !== 0 && u32[record + ADDR] + u32[record + SIZE] !== end) record = u32[record + END_CHAIN];
    return record;
  }

  /** Puts a record at the head of the list that begins in a word of the owner's. */
  push(list: number, record: number): void {
    const u32 = this.#u32;
    const first = u32[OWN + list];
    u32[record + NEXT] = first;
    u32[record + PREV] = 0;
    if (first !== 0) u32[first + PREV] = record;
    u32[OWN + list] = record;
  }

  /** Takes a record out of its list. */
  remove(list: number, record: number): void {
    const u32 = this.#u32;
    const next = u32[record + NEXT];
    const prev = u32[record + PREV];
    if (next !== 0) u32[next + PREV] = prev;
    if (prev !== 0) u32[prev + NEXT] = next;
    else u32[OWN + list] = next;
  }

  /** A copy of all words. */
  save(): Restore {
    const words = this.#u32.slice(0, this.#u32[BUMP]);
    return () => this.#u32.set(words);
  }

  #take(): number {
    if (this.#u32[COUNT] > this.#u32[MASK]) this.#double();
    this.#u32[COUNT]++;
    const unused = this.#u32[UNUSED];
    if (unused === 0) return this.#words(RECORD);
    this.#u32[UNUSED] = this.#u32[unused + NEXT];
    return unused;
  }

  /** Words at the end of the books, whatever they hold. */
  #words(count: number): number {
    const at = this.#u32[BUMP];
    this.#need(at + count);
    this.#u32[BUMP] = at + count;
    return at;
  }

  #need(words: number): void {
    const { length } = this.#u32;
    if (words <= length) return;
    if (this.#shared === undefined) {
      const old = this.#u32;
      this.#u32 = new Uint32Array(Math.max(words, 2 * length));
      this.#u32.set(old);
    } else {
      this.#shared.grow(Math.ceil(Math.max(words - length, length) / PAGE_WORDS));
      this.#u32 = new Uint32Array(this.#shared.buffer);
    }
  }

  #ends(): number {
    return this.#u32[TABLE] + this.#u32[MASK] + 1;
  }

  #hash(addr: number): number {
    return (Math.imul(addr >>> 3, 0x9e3779b1) >>> 7) & this.#u32[MASK];
  }

  #chain(record: number): void {
    const u32 = this.#u32;
    const start = u32[TABLE] + this.#hash(u32[record + ADDR]);
    u32[record + CHAIN] = u32[start];
    u32[start] = record;
    if (u32[record + STATE] !== SPAN) return;
    const end = this.#ends() + this.#hash(u32[record + ADDR] + u32[record + SIZE]);
    u32[record + END_CHAIN] = u32[end];
    u32[end] = record;
  }

  #unchain(head: number, record: number, chain: number): void {
    const u32 = this.#u32;
    if (u32[head] === record) u32[head] = u32[record + chain];
    else {
      let before = u32[head];
      while (u32[before + chain] !== record) before = u32[before + chain];
      u32[before + chain] = u32[record + chain];
    }
  }

  /** Tables of twice the size, at the end; the old ones are left where they are. */
  #double(): void {
    const { [TABLE]: old, [MASK]: mask } = this.#u32;
    const table = this.#words(4 * (mask + 1));
    this.#u32.fill(0, table, table + 4 * (mask + 1));
    this.#u32[TABLE] = table;
    this.#u32[MASK] = 2 * mask + 1;
    for (let i = 0; i <= mask; i++) {
      for (let record = this.#u32[old + i]; record !== 0; ) {
        const next = this.#u32[record + CHAIN];
        this.#chain(record);
        record = next;
      }
    }
  }
}
