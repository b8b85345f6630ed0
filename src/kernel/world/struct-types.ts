/** Members of kernel structs by BTF: where a path leads (`f_path.dentry`, `comm[3]`), and the error that says why it leads nowhere. */
import type { Btf } from '../../btf/btf.ts';
import { BTF_KIND, type BtfType } from '../../btf/types.ts';

/** Why a struct cannot be made, filled or read as it was asked for. */
export type StructFault = 'unknown-member' | 'wrong-type' | 'out-of-range' | 'no-memory' | 'freed';

/** A struct of the world was asked for something that its type does not have. */
export class StructError extends Error {
  override readonly name = 'StructError';
  /**
   * @param fault what kind of thing is wrong
   * @param path the member at fault, from the struct's name on (`file.f_path.dentry`)
   */
  constructor(
    readonly fault: StructFault,
    readonly path: string,
    detail: string,
  ) {
    super(`${path}: ${detail}`);
  }
}

/** A typed place inside of a struct. */
export interface Place {
  /** BTF id, modifiers and typedefs included. */
  readonly type: number;
  /** From the struct's start. */
  readonly bit: number;
  /** Bits of a bit field, 0 of another member. */
  readonly width: number;
}

/** Anonymous members that are looked into: hostile BTF has no end of them. */
const MOST_ANONYMOUS = 4096;

/** Members by name for each struct that was asked about; those of anonymous members are the struct's own. */
export class StructTypes {
  readonly btf: Btf;
  readonly #members = new Map<number, ReadonlyMap<string, Place>>();

  constructor(btf: Btf) {
    this.btf = btf;
  }

  /** A type without typedefs and qualifiers. */
  plain(id: number): BtfType | undefined {
    return this.btf.type(this.btf.skipModifiers(id));
  }

  /** `struct file`, `u32`, `pointer to struct inode`: for messages. */
  describe(id: number): string {
    const t = this.plain(id);
    switch (t?.kind) {
      case BTF_KIND.STRUCT:
        return `struct ${t.name || '(anonymous)'}`;
      case BTF_KIND.UNION:
        return `union ${t.name || '(anonymous)'}`;
      case BTF_KIND.PTR: {
        const to = this.plain(t.type);
        const name = to?.kind === BTF_KIND.STRUCT || to?.kind === BTF_KIND.UNION ? this.describe(t.type) : to?.name;
        return `pointer to ${name || 'something else'}`;
      }
      case BTF_KIND.ARRAY:
        return `array of ${t.array?.nelems ?? 0}`;
      case BTF_KIND.ENUM:
      case BTF_KIND.ENUM64:
        return `enum ${t.name}`;
      default:
        return t?.name || 'type without a name';
    }
  }

  /** Members of a struct or union, undefined of other types. */
  members(id: number): ReadonlyMap<string, Place> | undefined {
    const t = this.plain(id);
    if (t?.kind !== BTF_KIND.STRUCT && t?.kind !== BTF_KIND.UNION) return undefined;
    let known = this.#members.get(t.id);
    if (known === undefined) this.#members.set(t.id, (known = this.#collect(t)));
    return known;
  }

  #collect(struct: BtfType): ReadonlyMap<string, Place> {
    const out = new Map<string, Place>();
    const queue: { readonly t: BtfType; readonly bit: number }[] = [{ t: struct, bit: 0 }];
    for (let i = 0; i < queue.length && i < MOST_ANONYMOUS; i++) {
      for (const m of queue[i].t.members) {
        const bit = queue[i].bit + m.bitOffset;
        if (m.name !== '') {
          if (!out.has(m.name)) out.set(m.name, { type: m.type, bit, width: m.bitfieldSize });
          continue;
        }
        const inner = this.plain(m.type);
        if (inner?.kind === BTF_KIND.STRUCT || inner?.kind === BTF_KIND.UNION) queue.push({ t: inner, bit });
      }
    }
    return out;
  }

  /** The place of a member of a place. Throws {@link StructError}. */
  member(of: Place, name: string, path: string): Place {
    const members = this.members(of.type);
    if (members === undefined)
      throw new StructError('wrong-type', path, `${this.describe(of.type)} has no members, ${name} among them`);
    const found = members.get(name);
    if (found === undefined)
      throw new StructError('unknown-member', `${path}.${name}`, `${this.describe(of.type)} has no such member`);
    return { ...found, bit: of.bit + found.bit };
  }

  /** The place of an element of an array. Throws {@link StructError}. */
  element(of: Place, index: number, path: string): Place {
    const array = this.plain(of.type)?.array;
    if (array === undefined) throw new StructError('wrong-type', path, `${this.describe(of.type)} is no array`);
    if (!(index >= 0 && index < array.nelems))
      throw new StructError('out-of-range', `${path}[${index}]`, `the array has ${array.nelems} elements`);
    return { type: array.elemType, bit: of.bit + index * this.btf.sizeOf(array.elemType) * 8, width: 0 };
  }

  /** Where a path leads: names with dots between them, indexes in brackets. Throws {@link StructError}. */
  resolve(start: Place, path: string, root: string): Place {
    let place = start;
    let at = root;
    if (path === '') return place;
    for (const step of path.replaceAll('[', '.[').split('.')) {
      const index = /^\[(\d+)\]$/.exec(step);
      if (index === null) {
        place = this.member(place, step, at);
        at += `.${step}`;
      } else {
        place = this.element(place, Number(index[1]), at);
        at += step;
      }
    }
    return place;
  }
}
