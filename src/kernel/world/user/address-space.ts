/** The memory of one process: areas by their addresses. The table lies in guest memory, where every CPU reads it (core/assembly/user.ts). */
import type { Allocator } from '../../mem/allocator.ts';
import type { KernelMemory } from '../../mem/memory.ts';
import type { Rcu } from '../../mem/rcu.ts';
import type { Restore, Saved } from '../../mem/saved.ts';
import { StructError } from '../struct-types.ts';

const PAGE = 4096;
/** Lowest address of an area: those below are of the simulated kernel, whose addresses have no upper half. */
const LEAST = 1n << 32n;
/** The first address that is no process's (TASK_SIZE_MAX on x86_64). */
const END = 0x7fff_ffff_f000n;
/** Where areas go that ask for no address. */
const PLACE = 0x7f00_0000_0000n;
const PROT_READ = 1;
const PROT_WRITE = 2;
/** Words of the record: where the table lies, and how many areas are in it. */
const RECORD_BYTES = 8;
/** Bytes of an area in the table: address, size, where its bytes lie, what it allows. */
const AREA_BYTES = 24;

/** Memory of a process, until it is disposed of. */
export interface UserBytes extends Disposable {
  /** Its address in the process: bpf_probe_read_user reads there, bpf_probe_read_kernel does not. */
  readonly addr: bigint;
  /** The bytes themselves, without what fills the last page. */
  readonly bytes: Uint8Array;
}

/** Where memory is wanted, and what may be done there. */
export interface AreaSpec {
  /** A multiple of 4096 from 4 GiB up. Default: the first place that is free. */
  readonly at?: bigint;
  /** Helpers and programs cannot write there. */
  readonly readOnly?: boolean;
}

interface Area {
  readonly addr: bigint;
  /** Whole pages. */
  readonly size: number;
  readonly at: number;
  readonly prot: number;
}

export interface SpaceEnv {
  readonly mem: KernelMemory;
  readonly heap: Allocator;
  readonly rcu: Rcu;
}

/** The memory of a process; its threads have the same. */
export class AddressSpace implements Saved, Disposable {
  /** Guest address of what helpers find its areas by. */
  readonly record: number;
  readonly #env: SpaceEnv;
  /** By address. */
  #areas: readonly Area[] = [];
  #table = { at: 0, room: 0 };
  #live = true;

  constructor(env: SpaceEnv) {
    this.#env = env;
    this.record = alloc(env, RECORD_BYTES);
    env.mem.u32.fill(0, this.record >>> 2, (this.record + RECORD_BYTES) >>> 2);
  }

  /**
   * Puts bytes, or text with its NUL, into whole pages of their own, with zeros behind them; a number is that many zeros.
   * @throws RangeError for an address that is none or is in use, and after its process has ended; StructError when there is no room
   */
  map(content: string | Uint8Array | number, spec: AreaSpec = {}): UserBytes {
    if (!this.#live) throw new RangeError('the process has ended');
    const bytes = typeof content === 'string' ? new TextEncoder().encode(`${content}\0`) : content;
    const length = typeof bytes === 'number' ? bytes : bytes.length;
    if (!Number.isSafeInteger(length) || length < 0) throw new RangeError(`${length} is no number of bytes`);
    const size = Math.max(1, Math.ceil(length / PAGE)) * PAGE;
    const addr = spec.at ?? this.#free(size);
    this.#check(addr, size);
    const { mem, heap } = this.#env;
    const at = alloc(this.#env, size);
    const area = { addr, size, at, prot: spec.readOnly === true ? PROT_READ : PROT_READ | PROT_WRITE };
    try {
      this.#set([...this.#areas, area].sort((a, b) => (a.addr < b.addr ? -1 : 1)));
    } catch (error) {
      heap.free(at);
      throw error;
    }
    mem.u8.fill(0, at, at + size);
    if (typeof bytes !== 'number') mem.u8.set(bytes, at);
    return {
      addr,
      bytes: mem.u8.subarray(at, at + length),
      [Symbol.dispose]: () => this.#drop(area),
    };
  }

  /** A copy of what lies at an address; undefined when a byte of it is not there. */
  read(addr: bigint, length: number): Uint8Array | undefined {
    const out = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const from = addr + BigInt(done);
      const area = this.#areaOf(from);
      if (area === undefined) return undefined;
      const into = Number(from - area.addr);
      const part = Math.min(length - done, area.size - into);
      out.set(this.#env.mem.u8.subarray(area.at + into, area.at + into + part), done);
      done += part;
    }
    return out;
  }

  /**
   * Writes bytes, or text with its NUL, at any address; pages that are not there yet are made for as long as the process lives.
   * @throws as {@link map}
   */
  put(addr: bigint, content: string | Uint8Array): void {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(`${content}\0`) : content;
    for (let done = 0; done < bytes.length; ) {
      const to = addr + BigInt(done);
      const page = to - (to % BigInt(PAGE));
      if (this.#areaOf(to) === undefined) this.map(PAGE, { at: page });
      const area = this.#areaOf(to)!;
      const into = Number(to - area.addr);
      const part = Math.min(bytes.length - done, area.size - into);
      this.#env.mem.u8.set(bytes.subarray(done, done + part), area.at + into);
      done += part;
    }
  }

  #areaOf(addr: bigint): Area | undefined {
    return this.#areas.find((area) => addr >= area.addr && addr < area.addr + BigInt(area.size));
  }

  /** The process has ended: nothing can be reached there from now on. */
  [Symbol.dispose](): void {
    if (!this.#live) return;
    this.#live = false;
    const areas = this.#areas;
    this.#set([]);
    const { heap, rcu } = this.#env;
    const { at } = this.#table;
    rcu.call(() => {
      for (const area of areas) heap.free(area.at);
      if (at !== 0) heap.free(at);
      heap.free(this.record);
    });
  }

  #drop(area: Area): void {
    // One of before a snapshot that was restored is not there any more.
    if (!this.#areas.includes(area)) return;
    this.#set(this.#areas.filter((a) => a !== area));
    this.#env.rcu.call(() => this.#env.heap.free(area.at));
  }

  /** The first place of so many bytes that is free. */
  #free(size: number): bigint {
    let addr = PLACE;
    for (const area of this.#areas) {
      if (area.addr >= addr + BigInt(size)) break;
      const end = area.addr + BigInt(area.size);
      if (end > addr) addr = end;
    }
    return addr;
  }

  #check(addr: bigint, size: number): void {
    const name = `0x${addr.toString(16)}`;
    if (addr % BigInt(PAGE) !== 0n) throw new RangeError(`${name} is no multiple of ${PAGE}`);
    const end = addr + BigInt(size);
    if (addr < LEAST || end > END)
      throw new RangeError(`${name}: memory of processes lies from 0x${LEAST.toString(16)} to 0x${END.toString(16)}`);
    if (this.#areas.some((a) => a.addr < end && addr < a.addr + BigInt(a.size)))
      throw new RangeError(`${name} is in use`);
  }

  /** Writes the table anew. */
  #set(areas: readonly Area[]): void {
    const { mem } = this.#env;
    if (areas.length > this.#table.room) this.#grow(Math.max(8, areas.length * 2));
    for (const [i, area] of areas.entries()) {
      const at = this.#table.at + i * AREA_BYTES;
      mem.view.setBigUint64(at, area.addr, true);
      mem.u32.set([area.size, area.at, area.prot], (at + 8) >>> 2);
    }
    mem.u32[(this.record >>> 2) + 1] = areas.length;
    this.#areas = areas;
  }

  #grow(room: number): void {
    const { mem, heap, rcu } = this.#env;
    const old = this.#table.at;
    this.#table = { at: alloc(this.#env, room * AREA_BYTES), room };
    mem.u32[this.record >>> 2] = this.#table.at;
    if (old !== 0) rcu.call(() => heap.free(old));
  }

  save(): Restore {
    const [areas, table, live] = [this.#areas, this.#table, this.#live];
    return () => {
      this.#areas = areas;
      this.#table = table;
      this.#live = live;
    };
  }
}

function alloc({ heap }: SpaceEnv, bytes: number): number {
  const at = heap.alloc(bytes, 8);
  if (at === 0) throw new StructError('no-memory', 'memory of a process', `no memory for ${bytes} bytes`);
  return at;
}
