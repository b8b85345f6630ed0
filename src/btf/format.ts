/** BTF types as text, one line each with members below: the form of `bpftool btf dump ... format raw`. */
import { Budget } from '../util/budget.ts';
import type { Btf } from './btf.ts';
import { BTF_INT_BOOL, BTF_INT_CHAR, BTF_INT_SIGNED, BTF_KIND, type BtfType } from './types.ts';

/** Kind names in order of number. */
export const BTF_KIND_NAME: readonly string[] = Object.keys(BTF_KIND);

const LINKAGE = ['static', 'global', 'extern'];

const named = (name: string): string => `'${name === '' ? '(anon)' : name}'`;

export function intEncodingName(encoding: number): string {
  if (encoding === 0) return '(none)';
  return encoding === BTF_INT_SIGNED
    ? 'SIGNED'
    : encoding === BTF_INT_CHAR
      ? 'CHAR'
      : encoding === BTF_INT_BOOL
        ? 'BOOL'
        : 'UNKN';
}

/** One type. */
export function formatType(btf: Btf, t: BtfType): string {
  const head = `[${t.id}] ${BTF_KIND_NAME[t.kind] ?? 'UNKN'} ${named(t.name)}`;
  switch (t.kind) {
    case BTF_KIND.INT:
      return `${head} size=${t.size} bits_offset=${t.int?.bitOffset} nr_bits=${t.int?.bits} encoding=${intEncodingName(t.int?.encoding ?? 0)}`;
    case BTF_KIND.ARRAY:
      return `${head} type_id=${t.array?.elemType} index_type_id=${t.array?.indexType} nr_elems=${t.array?.nelems}`;
    case BTF_KIND.STRUCT:
    case BTF_KIND.UNION: {
      const rows = t.members.map((m) => {
        const bits = m.bitfieldSize > 0 ? ` bitfield_size=${m.bitfieldSize}` : '';
        return `\n\t${named(m.name)} type_id=${m.type} bits_offset=${m.bitOffset}${bits}`;
      });
      return `${head} size=${t.size} vlen=${t.vlen}${rows.join('')}`;
    }
    case BTF_KIND.ENUM:
    case BTF_KIND.ENUM64: {
      const rows = t.values.map((v) => `\n\t${named(v.name)} val=${v.value}${t.kind === BTF_KIND.ENUM64 ? 'LL' : ''}`);
      const suffix = t.kind === BTF_KIND.ENUM64 && !t.kindFlag ? rows.map((r) => r.replace(/LL$/, 'ULL')) : rows;
      return `${head} encoding=${t.kindFlag ? 'SIGNED' : 'UNSIGNED'} size=${t.size} vlen=${t.vlen}${suffix.join('')}`;
    }
    case BTF_KIND.FWD:
      return `${head} fwd_kind=${t.kindFlag ? 'union' : 'struct'}`;
    case BTF_KIND.FUNC:
      return `${head} type_id=${t.type} linkage=${LINKAGE[t.linkage] ?? '(unknown)'}`;
    case BTF_KIND.FUNC_PROTO:
      return `${head} ret_type_id=${t.type} vlen=${t.vlen}${t.params.map((p) => `\n\t${named(p.name)} type_id=${p.type}`).join('')}`;
    case BTF_KIND.VAR:
      return `${head} type_id=${t.type}, linkage=${LINKAGE[t.linkage] ?? '(unknown)'}`;
    case BTF_KIND.DATASEC: {
      const rows = t.vars.map((v) => {
        const of =
          btf.kind(v.type) === BTF_KIND.VAR || btf.kind(v.type) === BTF_KIND.FUNC
            ? ` (${BTF_KIND_NAME[btf.kind(v.type)]} '${btf.name(v.type)}')`
            : '';
        return `\n\ttype_id=${v.type} offset=${v.offset} size=${v.size}${of}`;
      });
      return `${head} size=${t.size} vlen=${t.vlen}${rows.join('')}`;
    }
    case BTF_KIND.FLOAT:
      return `${head} size=${t.size}`;
    case BTF_KIND.DECL_TAG:
      return `${head} type_id=${t.type} component_idx=${t.componentIdx}`;
    case BTF_KIND.UNKN:
      return head;
    default:
      return `${head} type_id=${t.type}`;
  }
}

/** All own types of a BTF object, line by line. */
export function* formatBtf(btf: Btf): Generator<string> {
  const budget = new Budget('BTF', btf.bytes.length, TEXT_PER_BYTE);
  for (let id = btf.startId; id < btf.nrTypes; id++) {
    const t = btf.type(id) as BtfType;
    budget.spend(lettersOf(btf, t), 'names in the text');
    yield formatType(btf, t);
  }
}

/** Characters of text for each byte of BTF; a kernel's types come to 5. */
const TEXT_PER_BYTE = 16;

/** Letters of the names that a type's lines show. */
function lettersOf(btf: Btf, t: BtfType): number {
  let letters = t.name.length;
  for (const m of t.members) letters += m.name.length;
  for (const v of t.values) letters += v.name.length;
  for (const p of t.params) letters += p.name.length;
  for (const v of t.vars) letters += btf.name(v.type).length;
  return letters;
}
