/** Kernel structs in guest memory by the target's BTF: made, filled and read by the names of their members, without code for each. */
import type { Btf } from '../../btf/btf.ts';
import { BTF_KIND } from '../../btf/types.ts';
import { type BtfValue, decodePlace } from '../../btf/value.ts';
import type { Allocator } from '../mem/allocator.ts';
import type { KernelMemory } from '../mem/memory.ts';
import type { Owner, Owners } from '../mem/owners.ts';
import type { Rcu } from '../mem/rcu.ts';
import type { Restore } from '../mem/saved.ts';
import { MissingTypes } from './layouts.ts';
import { fill, Pointee, type StructInput } from './struct-fill.ts';
import { type Place, StructError, StructTypes } from './struct-types.ts';

export type { StructInput } from './struct-fill.ts';
export { StructError, type StructFault } from './struct-types.ts';

/** As the kernel's slabs of such objects: a line of the processor's cache. */
const ALIGN = 64;

export interface StructEnv {
  readonly mem: KernelMemory;
  readonly heap: Allocator;
  readonly rcu: Rcu;
  readonly owners: Owners;
  /** The target's types, parsed when first needed. */
  readonly btf: () => Btf | undefined;
}

/** The structs of one world. */
export class Structs {
  readonly env: StructEnv;
  #types: StructTypes | undefined;

  constructor(env: StructEnv) {
    this.env = env;
  }

  /** Members of the target's types. Throws {@link MissingTypes} without any. */
  types(name: string): StructTypes {
    if (this.#types === undefined) {
      const btf = this.env.btf();
      if (btf === undefined) throw new MissingTypes(`no kernel BTF to take the layout of struct ${name} from`);
      this.#types = new StructTypes(btf);
    }
    return this.#types;
  }

  /** BTF id of a struct or union by name. Throws {@link MissingTypes}. */
  typeId(name: string): number {
    const { btf } = this.types(name);
    const id = btf.find(name, BTF_KIND.STRUCT) || btf.find(name, BTF_KIND.UNION);
    if (id === 0) throw new MissingTypes(`the kernel BTF has no struct ${name}`);
    return id;
  }

  /**
   * A new struct, zero but for `values`.
   * @param room bytes behind it, for an array at its end that has as many elements as are wanted
   * @throws {@link StructError} and {@link MissingTypes}
   */
  make(name: string, values: { readonly [member: string]: StructInput } = {}, room = 0): StructView {
    const type = this.typeId(name);
    const size = this.types(name).btf.sizeOf(type);
    const addr = this.env.heap.alloc(size + room, ALIGN);
    if (addr === 0) throw new StructError('no-memory', name, `no memory for ${size} bytes`);
    const view = new StructView(this, { addr, type, owned: true });
    try {
      view.set(values);
    } catch (error) {
      view[Symbol.dispose]();
      throw error;
    }
    return view;
  }

  /** The struct that lies at a guest address, which somebody else has made. */
  at(name: string, addr: number): StructView {
    return new StructView(this, { addr, type: this.typeId(name), owned: false });
  }
}

/** One struct in guest memory. Pointers to it are set by giving it as their value. */
export class StructView extends Pointee implements Disposable, Owner {
  /** The struct's name. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly #structs: Structs;
  readonly #types: StructTypes;
  readonly #root: Place;
  readonly #owned: boolean;
  /** Texts that `char *` members point to. */
  readonly #texts: number[] = [];
  #freed = false;

  constructor(structs: Structs, where: { readonly addr: number; readonly type: number; readonly owned: boolean }) {
    super(where.addr, where.type);
    this.#structs = structs;
    this.#owned = where.owned;
    this.#types = structs.types('');
    this.name = this.#types.btf.name(where.type);
    this.size = this.#types.btf.sizeOf(where.type);
    this.#root = { type: where.type, bit: 0, width: 0 };
    if (where.owned) structs.env.owners.add(this);
  }

  #bytes(): Uint8Array {
    if (this.#freed)
      throw new StructError('freed', this.name, 'it was disposed of, or made after the snapshot that was restored');
    return this.#structs.env.mem.u8.subarray(this.addr, this.addr + this.size);
  }

  /** Sets members; those that are not named keep what they have. Throws {@link StructError}. */
  set(values: { readonly [member: string]: StructInput }): void {
    this.#fill('', values);
  }

  /** Sets one member, by its path: names with dots between them, indexes in brackets (`f_path.dentry`, `comm[0]`). */
  setAt(path: string, value: StructInput): void {
    this.#fill(path, value);
  }

  #fill(path: string, value: StructInput): void {
    const bytes = this.#bytes();
    const env = { types: this.#types, bytes, text: (text: Uint8Array) => this.#text(text) };
    const at = path === '' ? this.name : `${this.name}.${path}`;
    fill(env, this.#types.resolve(this.#root, path, this.name), value, at);
  }

  #text(bytes: Uint8Array): number {
    const { heap, mem } = this.#structs.env;
    const addr = heap.alloc(bytes.length + 1, 8);
    if (addr === 0) throw new StructError('no-memory', this.name, `no memory for ${bytes.length} bytes of text`);
    mem.u8.set(bytes, addr);
    this.#texts.push(addr);
    return addr;
  }

  /**
   * What lies at a path, or the whole struct: plain numbers, text, lists and objects, everything of 64 bits a bigint. Pointers are
   * addresses, so structs may point to each other in circles.
   */
  get(path = ''): BtfValue {
    const place = this.#types.resolve(this.#root, path, this.name);
    return decodePlace(this.#types.btf, place, this.#bytes());
  }

  /** The guest address of a member, for programs and pointers that lead into the struct. Bit fields have none. */
  addressOf(path: string): number {
    const { bit, width } = this.#types.resolve(this.#root, path, this.name);
    if (width !== 0) throw new StructError('wrong-type', `${this.name}.${path}`, 'a bit field has no address');
    return this.addr + (bit >>> 3);
  }

  /** The struct that the pointer at a path leads to; undefined when it is null. */
  follow(path: string): StructView | undefined {
    const at = `${this.name}.${path}`;
    const place = this.#types.resolve(this.#root, path, this.name);
    const pointer = this.#types.plain(place.type);
    const to = pointer?.kind === BTF_KIND.PTR ? this.#types.plain(pointer.type) : undefined;
    if (to?.kind !== BTF_KIND.STRUCT && to?.kind !== BTF_KIND.UNION)
      throw new StructError('wrong-type', at, `${this.#types.describe(place.type)} leads to no struct`);
    const address = this.get(path) as bigint;
    if (address === 0n) return undefined;
    const { size } = this.#structs.env.mem;
    if (address > BigInt(size - to.size)) throw new StructError('out-of-range', at, `${address} is no address here`);
    return new StructView(this.#structs, { addr: Number(address), type: to.id, owned: false });
  }

  /** For snapshots: whether it is there, and which texts it has. */
  save(): Restore {
    const freed = this.#freed;
    const texts = this.#texts.slice();
    return () => {
      this.#freed = freed;
      this.#texts.splice(0, this.#texts.length, ...texts);
    };
  }

  vanish(): void {
    this.#freed = true;
  }

  /** Frees it, and the texts that were made for it, when no program can reach it any more. What somebody else made stays. */
  [Symbol.dispose](): void {
    if (this.#freed || !this.#owned) return;
    this.#freed = true;
    this.#structs.env.owners.drop(this);
    const { heap, rcu } = this.#structs.env;
    rcu.call(() => {
      for (const text of this.#texts) heap.free(text);
      heap.free(this.addr);
    });
  }
}
