/** A binary of the simulated host, whose code runs in processes: what probes of it are called with. */
import { type Restore, saveMap, type Saved } from '../../mem/saved.ts';
import type { StructInput } from '../struct-fill.ts';
import type { TraceEnv } from '../trace/env.ts';
import { UnknownTarget } from '../trace/unknown-target.ts';
import { Site } from './site.ts';
import { UserArguments, type UserValue, wordSignature } from './user-arguments.ts';

/** What is told of a binary. */
export interface BinarySpec {
  /** Functions and marks: their offsets in the file. */
  readonly symbols?: Readonly<Record<string, number>>;
  /** Bytes of the file. Default: 16 MiB. */
  readonly size?: number;
  /** Where processes have the file's first byte. Default: 0x400000. */
  readonly base?: number;
}

/** What a function does, given what its caller gave. */
export type UserFunction = (...args: readonly UserValue[]) => UserValue | void;

const DEFAULT_SIZE = 16 << 20;
const DEFAULT_BASE = 0x40_0000;

/** A number that two halves hold. */
type Halves = readonly [lo: number, hi: number];

export class Binary implements Saved {
  readonly path: string;
  readonly size: number;
  /** Functions and marks: their offsets in the file. */
  readonly symbols: Readonly<Record<string, number>>;
  readonly #env: TraceEnv;
  readonly #base: number;
  readonly #sites = new Map<number, Site>();

  constructor(env: TraceEnv, path: string, { symbols = {}, size = DEFAULT_SIZE, base = DEFAULT_BASE }: BinarySpec) {
    this.#env = env;
    this.path = path;
    this.size = size;
    this.#base = base;
    this.symbols = { ...symbols };
    for (const [name, offset] of Object.entries(symbols))
      if (!Number.isInteger(offset) || offset < 0 || offset >= size)
        throw new RangeError(`${path}: ${name} at ${offset} is not in ${size} bytes`);
  }

  /** Where processes have an offset of the file. */
  address(offset: number): Halves {
    const at = this.#base + offset;
    return [at | 0, Math.floor(at / 2 ** 32) | 0];
  }

  /** What a process finds in the semaphore at an offset of the file: how many sites that are probed have it. */
  semaphore(offset: number): number {
    let held = 0;
    for (const site of this.#sites.values()) if (site.semaphore === offset) held++;
    return held;
  }

  /**
   * The site at an offset, which stays probed until {@link drop}. Undefined when it is held with another semaphore.
   * @param semaphore offset of the semaphore, 0 without one
   */
  hold(offset: number, semaphore: number): Site | undefined {
    const site = this.#sites.get(offset) ?? new Site(semaphore);
    if (site.semaphore !== semaphore) return undefined;
    this.#sites.set(offset, site);
    site.holders++;
    return site;
  }

  drop(offset: number): void {
    const site = this.#sites.get(offset);
    if (site !== undefined && --site.holders === 0) this.#sites.delete(offset);
  }

  /**
   * A process calls a function of the binary. Text and bytes are passed by their address, and so is a result of that kind, which lies
   * there until the call is over. Gives what the function gave, without one 0.
   * @throws UnknownTarget for a symbol that there is not, RangeError for values that do not fit 64 bits, and whatever the function throws
   */
  call(at: string | number, args: readonly UserValue[] = [], original?: UserFunction): UserValue {
    const site = this.#sites.get(this.#offset(at));
    if (site === undefined) return original?.(...args) ?? 0;
    return this.#probed(site, this.#offset(at), args, original);
  }

  /**
   * A process passes a mark in the code (USDT), where its values lie in registers, by their names in struct pt_regs.
   * @throws as {@link call}, and StructError for registers that there are not
   */
  pass(at: string | number, registers: { readonly [name: string]: StructInput } = {}): void {
    const offset = this.#offset(at);
    const site = this.#sites.get(offset);
    if (site === undefined) return;
    const { structs, section, registers: convention, words } = this.#env;
    section.begin();
    const regs = words.push(convention.words(wordSignature(0)));
    try {
      const [lo, hi] = this.address(offset);
      const ip = (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
      structs.at('pt_regs', regs).set({ ip, ...registers });
      this.#enter(regs);
      site.entry.run({ regs });
    } finally {
      words.pop(regs);
      section.end();
    }
  }

  /** The task has entered the kernel with these registers: a probe is a trap. */
  #enter(regs: number): void {
    const { addr, size } = this.#env.entry();
    this.#env.structs.env.mem.u8.copyWithin(addr, regs, regs + size);
  }

  #offset(at: string | number): number {
    const known = typeof at === 'string' && Object.hasOwn(this.symbols, at);
    const offset = typeof at === 'number' ? at : known ? this.symbols[at] : undefined;
    if (offset === undefined || !(offset >= 0 && offset < this.size))
      throw new UnknownTarget(`${this.path}:${at}`, 'the binary has no such place');
    return offset;
  }

  #probed(site: Site, offset: number, given: readonly UserValue[], original: UserFunction | undefined): UserValue {
    const { registers, words, section } = this.#env;
    const signature = wordSignature(given.length);
    section.begin();
    const args = words.push(given.length + 1);
    const values = new UserArguments(this.#env);
    try {
      values.writeAll(args, given);
      const regs = words.push(registers.words(signature));
      const call = { signature, args, result: args + given.length * 8, address: this.address(offset) };
      registers.enter(regs, call);
      this.#enter(regs);
      site.entry.run({ regs });
      const result = original?.(...given) ?? 0;
      if (site.exit.idle) return result;
      values.write(call.result, result);
      // Nobody is there to return to.
      registers.leave(regs, { ...call, address: [0, 0] });
      site.exit.run({ regs });
      return result;
    } finally {
      values[Symbol.dispose]();
      words.pop(args);
      section.end();
    }
  }

  save(): Restore {
    const sites = saveMap(this.#sites);
    const each = [...this.#sites.values()].map((site) => site.save());
    return () => {
      sites();
      for (const restore of each) restore();
    };
  }
}
