/** Offsets of kernel struct members by name, from the target's BTF: how hosts fill xdp_buff, sk_buff, net_device. */
import type { Btf } from '../../btf/btf.ts';
import { BTF_KIND } from '../../btf/types.ts';

/** The kernel types that were given lack what is asked for, or none were given: what needs them cannot be done. */
export class MissingTypes extends Error {
  override readonly name = 'MissingTypes';
}

/** One struct of the target kernel. */
export interface KernelStruct {
  readonly name: string;
  readonly size: number;
  /** Byte offset of a member path (`mem.type`); throws when the target's kernel has no such member. */
  offset(path: string): number;
  /** Offset and size of a member; throws as {@link offset}. */
  member(path: string): { readonly offset: number; readonly size: number };
  /** Byte offset, or -1 when the target has no such member. */
  find(path: string): number;
}

/** Lazy access to the target's structs; one per runtime. */
export class KernelLayouts {
  readonly #btf: () => Btf | undefined;
  readonly #structs = new Map<string, KernelStruct>();
  readonly #derived = new Map<unknown, unknown>();

  constructor(btf: () => Btf | undefined) {
    this.#btf = btf;
  }

  /** Whether there are types, and this struct among them. */
  has(name: string): boolean {
    const btf = this.#btf();
    return btf !== undefined && btf.find(name, BTF_KIND.STRUCT) !== 0;
  }

  struct(name: string): KernelStruct {
    let known = this.#structs.get(name);
    if (known === undefined) this.#structs.set(name, (known = this.#read(name)));
    return known;
  }

  /** What `derive` makes of the layouts, which is done once: packets ask for the same offsets again and again. */
  once<T>(derive: (layouts: KernelLayouts) => T): T {
    let known = this.#derived.get(derive) as T | undefined;
    if (known === undefined) this.#derived.set(derive, (known = derive(this)));
    return known;
  }

  #read(name: string): KernelStruct {
    const btf = this.#btf();
    if (btf === undefined) throw new MissingTypes(`no kernel BTF to take the layout of struct ${name} from`);
    const id = btf.find(name, BTF_KIND.STRUCT);
    if (id === 0) throw new MissingTypes(`the kernel BTF has no struct ${name}`);
    const offsets = new Map<string, number>();
    const find = (path: string): number => {
      let offset = offsets.get(path);
      if (offset === undefined) offsets.set(path, (offset = btf.memberOffset(id, path)?.offset ?? -1));
      return offset;
    };
    return {
      name,
      size: btf.sizeOf(id),
      find,
      member(path) {
        const member = btf.memberOffset(id, path);
        if (member === undefined) throw new MissingTypes(`the kernel BTF has no member ${name}.${path}`);
        return member;
      },
      offset(path) {
        const offset = find(path);
        if (offset < 0) throw new MissingTypes(`the kernel BTF has no member ${name}.${path}`);
        return offset;
      },
    };
  }
}
