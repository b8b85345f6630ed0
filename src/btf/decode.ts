/** One BTF type from its words to {@link BtfType}. */
import {
  BTF_KIND,
  type BtfEnumValue,
  type BtfKind,
  type BtfMember,
  type BtfParam,
  type BtfType,
  type BtfVarSecinfo,
} from './types.ts';

const NONE: readonly never[] = [];

/** Type 0. */
export const BTF_VOID: BtfType = {
  id: 0,
  kind: BTF_KIND.UNKN,
  name: '',
  kindFlag: false,
  vlen: 0,
  size: 0,
  type: 0,
  members: NONE,
  params: NONE,
  values: NONE,
  vars: NONE,
  linkage: 0,
  componentIdx: -1,
};

/** Kinds whose third word is a size; of the others it is a type id. */
export function hasSize(kind: number): boolean {
  switch (kind) {
    case BTF_KIND.INT:
    case BTF_KIND.STRUCT:
    case BTF_KIND.UNION:
    case BTF_KIND.ENUM:
    case BTF_KIND.DATASEC:
    case BTF_KIND.FLOAT:
    case BTF_KIND.ENUM64:
      return true;
    default:
      return false;
  }
}

/** Head of a type, before its parts. */
type Head = Pick<BtfType, 'kind' | 'kindFlag' | 'vlen'>;

function members(w: Uint32Array, at: number, { vlen, kindFlag }: Head, str: (off: number) => string): BtfMember[] {
  const out: BtfMember[] = [];
  for (let i = 0, p = at + 3; i < vlen; i++, p += 3) {
    const off = w[p + 2];
    out.push({
      name: str(w[p]),
      type: w[p + 1],
      bitOffset: kindFlag ? off & 0xffffff : off,
      bitfieldSize: kindFlag ? off >>> 24 : 0,
    });
  }
  return out;
}

function enumValues(w: Uint32Array, at: number, t: Head, str: (off: number) => string): BtfEnumValue[] {
  const out: BtfEnumValue[] = [];
  const signed = t.kindFlag;
  const wide = t.kind === BTF_KIND.ENUM64;
  for (let i = 0, p = at + 3; i < t.vlen; i++, p += wide ? 3 : 2) {
    const raw = wide ? (BigInt(w[p + 2]) << 32n) | BigInt(w[p + 1]) : BigInt(w[p + 1]);
    out.push({ name: str(w[p]), value: signed ? BigInt.asIntN(wide ? 64 : 32, raw) : raw });
  }
  return out;
}

function params(w: Uint32Array, at: number, vlen: number, str: (off: number) => string): BtfParam[] {
  const out: BtfParam[] = [];
  for (let i = 0, p = at + 3; i < vlen; i++, p += 2) out.push({ name: str(w[p]), type: w[p + 1] });
  return out;
}

function variables(w: Uint32Array, at: number, vlen: number): BtfVarSecinfo[] {
  const out: BtfVarSecinfo[] = [];
  for (let i = 0, p = at + 3; i < vlen; i++, p += 3) out.push({ type: w[p], offset: w[p + 1], size: w[p + 2] });
  return out;
}

/** Decodes the type at word `at`. */
export function decodeType(w: Uint32Array, at: number, id: number, str: (off: number) => string): BtfType {
  const info = w[at + 1];
  const kind = ((info >>> 24) & 0x1f) as BtfKind;
  const vlen = info & 0xffff;
  const kindFlag = info >>> 31 === 1;
  const sized = hasSize(kind);
  const t = {
    id,
    kind,
    name: str(w[at]),
    kindFlag,
    vlen,
    size: sized ? w[at + 2] : 0,
    type: sized ? 0 : w[at + 2],
    members: NONE as readonly BtfMember[],
    params: NONE as readonly BtfParam[],
    values: NONE as readonly BtfEnumValue[],
    vars: NONE as readonly BtfVarSecinfo[],
    array: undefined as BtfType['array'],
    int: undefined as BtfType['int'],
    linkage: kind === BTF_KIND.FUNC ? vlen : 0,
    componentIdx: -1,
  };
  switch (kind) {
    case BTF_KIND.INT: {
      const v = w[at + 3];
      t.int = { encoding: (v >>> 24) & 0xf, bitOffset: (v >>> 16) & 0xff, bits: v & 0xff };
      break;
    }
    case BTF_KIND.ARRAY:
      t.array = { elemType: w[at + 3], indexType: w[at + 4], nelems: w[at + 5] };
      break;
    case BTF_KIND.STRUCT:
    case BTF_KIND.UNION:
      t.members = members(w, at, t, str);
      break;
    case BTF_KIND.ENUM:
    case BTF_KIND.ENUM64:
      t.values = enumValues(w, at, t, str);
      break;
    case BTF_KIND.FUNC_PROTO:
      t.params = params(w, at, vlen, str);
      break;
    case BTF_KIND.DATASEC:
      t.vars = variables(w, at, vlen);
      break;
    case BTF_KIND.VAR:
      t.linkage = w[at + 3];
      break;
    case BTF_KIND.DECL_TAG:
      t.componentIdx = w[at + 3] | 0;
      break;
    default:
      break;
  }
  return t;
}
