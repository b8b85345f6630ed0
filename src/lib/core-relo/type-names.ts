/** Members and enumerators of the target's types by name: each type is looked through once, however many relocations ask. */
import type { Btf } from '../../btf/btf.ts';
import { essentialName } from '../../btf/name-index.ts';
import { BTF_KIND, type BtfEnumValue, type BtfType } from '../../btf/types.ts';

/** Deepest nesting of anonymous members. */
const MAX_DEPTH = 64;
/** Members of one type, those of anonymous ones included. */
const MOST_MEMBERS = 100_000;

/** A member, perhaps of an anonymous one. */
export interface NamedMember {
  /** The struct or union that it is a member of. */
  readonly structId: number;
  readonly index: number;
  readonly type: number;
  /** Offset in bits from the start of the type that was asked. */
  readonly bits: number;
}

const isComposite = (kind: number): boolean => kind === BTF_KIND.STRUCT || kind === BTF_KIND.UNION;

export class TypeNames {
  readonly #members = new Map<number, Map<string, NamedMember>>();
  readonly #enumerators = new Map<number, Map<string, BtfEnumValue>>();
  #left: number;

  constructor(readonly btf: Btf) {
    this.#left = 2_000_000 + btf.bytes.length;
  }

  /** Whether hostile types made all that was asked too long: then nothing more is found. */
  get exhausted(): boolean {
    return this.#left < 0;
  }

  /** The first member of that name; anonymous structs and unions are looked through in order. */
  member(structId: number, name: string): NamedMember | undefined {
    let known = this.#members.get(structId);
    if (known === undefined) this.#members.set(structId, (known = this.#membersOf(structId)));
    return known.get(name);
  }

  /** The first enumerator whose name without flavour is `essential`. */
  enumerator(t: BtfType, essential: string): BtfEnumValue | undefined {
    let known = this.#enumerators.get(t.id);
    if (known === undefined) {
      known = new Map();
      this.#left -= t.vlen;
      for (const v of this.exhausted ? [] : t.values) {
        const name = essentialName(v.name);
        if (!known.has(name)) known.set(name, v);
      }
      this.#enumerators.set(t.id, known);
    }
    return known.get(essential);
  }

  #membersOf(structId: number): Map<string, NamedMember> {
    const out = new Map<string, NamedMember>();
    const stack = [{ id: structId, bits: 0, next: 0 }];
    for (let n = 0; stack.length > 0 && n < MOST_MEMBERS && this.#left >= 0; n++, this.#left--) {
      const top = stack[stack.length - 1];
      const t = this.btf.type(top.id);
      const m = t !== undefined && isComposite(t.kind) ? t.members[top.next] : undefined;
      if (m === undefined) {
        stack.pop();
        continue;
      }
      const index = top.next++;
      const bits = top.bits + m.bitOffset;
      if (m.name !== '') {
        if (!out.has(m.name)) out.set(m.name, { structId: top.id, index, type: m.type, bits });
      } else if (stack.length < MAX_DEPTH) stack.push({ id: this.btf.skipModifiers(m.type), bits, next: 0 });
    }
    return out;
  }
}
