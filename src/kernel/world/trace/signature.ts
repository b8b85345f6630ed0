/** Signatures of what can be traced, by the target's BTF: which words the arguments take, and where the result lies. */
import { BTF_KIND, type BtfType } from '../../../btf/types.ts';
import type { Place, StructTypes } from '../struct-types.ts';

const WORD_BITS = 64;

export interface Parameter {
  readonly name: string;
  /** From the first argument's word on. */
  readonly place: Place;
  /** Bytes of an integer of at most 32 bits that has no sign, 0 of everything else. */
  readonly plain: number;
  /** BTF id of the struct that a pointer leads to, 0 of everything else. */
  readonly struct: number;
}

export interface Signature {
  readonly params: readonly Parameter[];
  /** Words of all arguments; the result's word is behind them. */
  readonly words: number;
  /** Undefined of functions without a result. */
  readonly result: Place | undefined;
}

/**
 * The signature of a FUNC_PROTO.
 * @param skip parameters at the front that nobody sees
 */
export function signatureOf(types: StructTypes, proto: BtfType, skip = 0): Signature {
  const params: Parameter[] = [];
  let words = 0;
  for (const [i, { name, type }] of proto.params.slice(skip).entries()) {
    const place = { type, bit: words * WORD_BITS, width: 0 };
    params.push({
      name: name || `arg${i + 1}`,
      place,
      plain: plainBytes(types, type),
      struct: pointedStruct(types, type),
    });
    words += Math.max(1, Math.ceil((types.btf.sizeOf(type) * 8) / WORD_BITS));
  }
  const result =
    types.plain(proto.type) === undefined ? undefined : { type: proto.type, bit: words * WORD_BITS, width: 0 };
  return { params, words, result };
}

function plainBytes(types: StructTypes, id: number): number {
  const t = types.plain(id);
  return t?.kind === BTF_KIND.INT && t.size <= 4 && (t.int?.encoding ?? 0) === 0 ? t.size : 0;
}

function pointedStruct(types: StructTypes, id: number): number {
  const pointer = types.plain(id);
  const to = pointer?.kind === BTF_KIND.PTR ? types.plain(pointer.type) : undefined;
  return to?.kind === BTF_KIND.STRUCT || to?.kind === BTF_KIND.UNION ? to.id : 0;
}
