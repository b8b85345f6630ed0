/** C declarations of BTF types: declarators, struct bodies with their padding, enums. */
import { Budget } from '../util/budget.ts';
import { FormatError } from '../util/errors.ts';
import type { Btf } from './btf.ts';
import { type AlignCache, alignOf } from './layout.ts';
import { BTF_KIND, type BtfType } from './types.ts';
import { Walk } from './walk.ts';

const QUALIFIER: ReadonlyMap<number, string> = new Map([
  [BTF_KIND.VOLATILE, 'volatile'],
  [BTF_KIND.CONST, 'const'],
  [BTF_KIND.RESTRICT, 'restrict'],
]);
/** Types whose bit fields fill gaps, widest first. */
const PADS: readonly (readonly [name: string, bits: number])[] = [
  ['long', 64],
  ['int', 32],
  ['short', 16],
  ['char', 8],
];

/** Gap that is filled by single words. */
const MAX_PAD_BITS = 1 << 18;

const tabs = (level: number): string => '\t'.repeat(level);
const roundUp = (n: number, to: number): number => Math.ceil(n / to) * to;

/** Names as C sees them: repeated ones get a number. */
export class Names {
  readonly #given = new Map<number, string>();
  readonly #count = new Map<string, number>();

  /** The name of a type, the same at every call. */
  of(id: number, name: string): string {
    let out = this.#given.get(id);
    if (out === undefined) {
      out = name === '' ? '' : this.next(name);
      this.#given.set(id, out);
    }
    return out;
  }

  /** The name, numbered from its second use on. */
  next(name: string): string {
    const n = (this.#count.get(name) ?? 0) + 1;
    this.#count.set(name, n);
    return n > 1 ? `${name}___${n}` : name;
  }
}

export class DeclWriter {
  /** struct, union and enum tags. */
  readonly tags = new Names();
  /** typedefs and enumerators. */
  readonly idents = new Names();
  readonly #align: AlignCache = new Map();
  readonly #walk: Walk;
  /** Characters that are written; those of inner declarations count at each level. */
  readonly #budget: Budget;

  constructor(readonly btf: Btf) {
    this.#walk = new Walk(200_000 + 20 * btf.nrTypes);
    this.#budget = new Budget('BTF', btf.bytes.length);
  }

  tag(t: BtfType): string {
    const word = t.kind === BTF_KIND.UNION || (t.kind === BTF_KIND.FWD && t.kindFlag) ? 'union' : 'struct';
    return `${word} ${this.tags.of(t.id, t.name)}`;
  }

  /** `struct x *name[3]`, anonymous types being spelt out in place. */
  decl(id: number, name: string, level: number): string {
    this.#walk.enter();
    const chain: number[] = [];
    for (let at = id; ; ) {
      chain.push(at);
      if (chain.length > 1000)
        throw new FormatError('BTF', -1, `type ${id} is derived from itself, or more than 1000 deep`);
      const t = this.btf.type(at);
      const next = t && derivedFrom(t);
      if (next === undefined) break;
      at = next;
    }
    this.#budget.spend(chain.length, 'declarations');
    const out = this.#chain(chain, name, level);
    this.#budget.spend(out.length, 'declarations');
    this.#walk.leave();
    return out;
  }

  /** Consumes the chain from its base (at the end) outwards. */
  #chain(chain: number[], name: string, level: number): string {
    let out = '';
    let afterPointer = true;
    while (chain.length > 0) {
      const id = chain.pop() as number;
      const t = this.btf.type(id);
      if (t === undefined) throw new FormatError('BTF', -1, `type ${id} does not exist`);
      switch (t.kind) {
        case BTF_KIND.PTR:
          out += afterPointer ? '*' : ' *';
          break;
        case BTF_KIND.VOLATILE:
        case BTF_KIND.CONST:
        case BTF_KIND.RESTRICT:
          out += ` ${QUALIFIER.get(t.kind)}`;
          break;
        case BTF_KIND.TYPE_TAG:
          out += this.#qualifiers(chain);
          out += t.kindFlag ? ` __attribute__((${t.name}))` : ` __attribute__((btf_type_tag("${t.name}")))`;
          break;
        case BTF_KIND.ARRAY:
          return out + this.#array(chain, t, name, afterPointer, level);
        case BTF_KIND.FUNC_PROTO:
          return out + this.#function(chain, t, name, afterPointer, level);
        default:
          out += this.#qualifiers(chain) + this.#base(t, level);
      }
      afterPointer = t.kind === BTF_KIND.PTR;
    }
    return out + spaced(name, afterPointer);
  }

  /** Qualifiers of a base type stand before it. */
  #qualifiers(chain: number[]): string {
    let out = '';
    for (;;) {
      const word = QUALIFIER.get(this.btf.kind(chain[chain.length - 1] ?? 0));
      if (word === undefined) return out;
      out += `${word} `;
      chain.pop();
    }
  }

  #dropQualifiers(chain: number[]): void {
    while (chain.length > 0 && QUALIFIER.has(this.btf.kind(chain[chain.length - 1]))) chain.pop();
  }

  #base(t: BtfType, level: number): string {
    switch (t.kind) {
      case BTF_KIND.UNKN:
        return 'void';
      case BTF_KIND.STRUCT:
      case BTF_KIND.UNION:
        return t.name === '' ? this.structBody(t, level) : this.tag(t);
      case BTF_KIND.ENUM:
      case BTF_KIND.ENUM64:
        return t.name === '' ? this.enumBody(t, level) : `enum ${this.tags.of(t.id, t.name)}`;
      case BTF_KIND.FWD:
        return this.tag(t);
      case BTF_KIND.TYPEDEF:
        return this.idents.of(t.id, t.name);
      default:
        return t.name;
    }
  }

  #array(chain: number[], t: BtfType, name: string, afterPointer: boolean, level: number): string {
    const size = `[${t.array?.nelems ?? 0}]`;
    // Qualifiers of the array itself mean those of its elements, which are already there.
    this.#dropQualifiers(chain);
    if (chain.length === 0) return spaced(name, afterPointer) + size;
    const more = this.btf.kind(chain[chain.length - 1]) === BTF_KIND.ARRAY;
    const space = name !== '' && !afterPointer ? ' ' : '';
    const inner = this.#chain(chain, name, level);
    return `${space}${more ? inner : `(${inner})`}${size}`;
  }

  #function(chain: number[], t: BtfType, name: string, afterPointer: boolean, level: number): string {
    this.#dropQualifiers(chain);
    const declarator = chain.length > 0 ? ` (${this.#chain(chain, name, level)})` : spaced(name, afterPointer);
    if (t.vlen === 0 || (t.vlen === 1 && t.params[0].type === 0)) return `${declarator}(void)`;
    const params = t.params.map((p, i) =>
      i === t.vlen - 1 && p.type === 0 ? '...' : this.decl(p.type, p.name, level),
    );
    return `${declarator}(${params.join(', ')})`;
  }

  /** `enum x { ... }` with one enumerator a line. */
  enumBody(t: BtfType, level: number): string {
    const suffix = t.kind === BTF_KIND.ENUM64 ? (t.kindFlag ? 'LL' : 'ULL') : '';
    this.#budget.spend(
      t.values.reduce((n, v) => n + v.name.length + level, 0),
      'enumerators',
    );
    const rows = t.values.map((v) => `\n${tabs(level + 1)}${this.idents.next(v.name)} = ${v.value}${suffix},`);
    const head = `enum${t.name === '' ? '' : ` ${this.tags.of(t.id, t.name)}`}`;
    const mode =
      t.size === 1
        ? ' __attribute__((mode(byte)))'
        : t.size === 8 && t.kind === BTF_KIND.ENUM
          ? ' __attribute__((mode(word)))'
          : '';
    return t.vlen === 0 ? head : `${head} {${rows.join('')}\n${tabs(level)}}${mode}`;
  }

  /** `struct x { ... }`, with bit fields that fill gaps, and `packed` where the layout asks for it. */
  structBody(t: BtfType, level: number): string {
    const isStruct = t.kind === BTF_KIND.STRUCT;
    const packed = isStruct && this.isPacked(t);
    const align = packed ? 1 : this.#alignOf(t.id);
    let out = `${isStruct ? 'struct' : 'union'}${t.name === '' ? '' : ` ${this.tags.of(t.id, t.name)}`} {`;
    let end = 0;
    let inBitfield = false;
    for (const m of t.members) {
      const memberAlign = packed ? 1 : this.#alignOf(m.type);
      inBitfield = inBitfield && m.bitfieldSize > 0;
      this.#budget.spend(level, 'declarations');
      out += padding(end, m.bitOffset, memberAlign, inBitfield, level + 1);
      out += `\n${tabs(level + 1)}${this.decl(m.type, m.name, level + 1)}`;
      if (m.bitfieldSize > 0) out += `: ${m.bitfieldSize}`;
      out += ';';
      end = m.bitOffset + (m.bitfieldSize || Math.max(0, this.btf.sizeOf(m.type)) * 8);
      inBitfield = m.bitfieldSize > 0;
    }
    if (isStruct) out += padding(end, t.size * 8, align, false, level + 1);
    out += t.vlen > 0 || t.size > 0 ? `\n${tabs(level)}}` : '}';
    return packed ? `${out} __attribute__((packed))` : out;
  }

  #alignOf(id: number): number {
    return alignOf(this.btf, id, this.#align) || 1;
  }

  /** A struct whose members or size ask for less than natural alignment. */
  isPacked(t: BtfType): boolean {
    let max = 1;
    for (const m of t.members) {
      const align = this.#alignOf(m.type);
      if (m.bitfieldSize === 0 && m.bitOffset % (8 * align) !== 0) return true;
      max = Math.max(max, align);
    }
    return t.size % max !== 0;
  }
}

/** The type that a declarator is built on, or undefined for a base. */
function derivedFrom(t: BtfType): number | undefined {
  switch (t.kind) {
    case BTF_KIND.PTR:
    case BTF_KIND.VOLATILE:
    case BTF_KIND.CONST:
    case BTF_KIND.RESTRICT:
    case BTF_KIND.TYPE_TAG:
    case BTF_KIND.FUNC_PROTO:
      return t.type;
    case BTF_KIND.ARRAY:
      return t.array?.elemType;
    default:
      return undefined;
  }
}

const spaced = (name: string, afterPointer: boolean): string => (name === '' || afterPointer ? name : ` ${name}`);

/**
 * Members that fill the bits from `at` to `next`. Gaps that the compiler leaves anyway, because the next member is aligned to `align`
 * bytes, need none; others are closed to the next boundary of the widest type that fits, then filled with whole ones.
 */
function padding(at: number, next: number, align: number, inBitfield: boolean, level: number): string {
  if (at >= next) return '';
  const line = (type: string, bits: number): string => `\n${tabs(level)}${type}: ${bits};`;
  const fit = PADS.find(([, bits]) => roundUp(at, bits) <= next) ?? PADS[PADS.length - 1];
  const [type, width] = fit;
  const boundary = roundUp(at, width);
  let out = '';
  let from = at;
  if (boundary > at && boundary <= next) {
    const natural = boundary === next && roundUp(at, align * 8) === boundary;
    const swallowed = boundary !== next && next - boundary <= boundary - at;
    if (inBitfield || (boundary === next && !natural) || swallowed) out += line(type, inBitfield ? boundary - at : 0);
    from = boundary;
  }
  // Gaps that no compiler leaves: one array instead of a line for each word.
  if (next - from > MAX_PAD_BITS)
    return `${out}\n${tabs(level)}unsigned char __gap_${from / 8}[${Math.floor((next - from) / 8)}];`;
  for (; next - from >= width; from += width) out += line(type, width);
  if (from < next) {
    const smallest = [...PADS].reverse().find(([, bits]) => bits >= next - from) ?? PADS[0];
    out += line(smallest[0], next - from);
  }
  return out;
}
