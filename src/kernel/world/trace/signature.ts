/** Signatures of what can be traced, by the target's BTF: which words the arguments take, and where the result lies. */
import { BTF_KIND, type BtfType } from '../../../btf/types.ts';
import { type PlainInt, plainInt } from './plain-int.ts';
import type { Place, StructTypes } from '../struct-types.ts';

const WORD_BITS = 64;
/** The type of what gives nothing. */
const VOID = 0;

export interface Parameter {
  readonly name: string;
  /** From the first argument's word on. */
  readonly place: Place;
  readonly plain: PlainInt | undefined;
  /** BTF id of the struct that a pointer leads to, 0 of everything else. */
  readonly struct: number;
}

export interface Signature {
  readonly params: readonly Parameter[];
  /** Words of all arguments; the result's word is behind them. */
  readonly words: number;
  /** Undefined of functions without a result. */
  readonly result: Place | undefined;
  readonly plainResult: PlainInt | undefined;
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
      plain: plainInt(types, place),
      struct: pointedStruct(types, type),
    });
    words += Math.max(1, Math.ceil((types.btf.sizeOf(type) * 8) / WORD_BITS));
  }
  const result =
    proto.type === VOID || types.plain(proto.type) === undefined
      ? undefined
      : { type: proto.type, bit: words * WORD_BITS, width: 0 };
  return { params, words, result, plainResult: result === undefined ? undefined : plainInt(types, result) };
}

function pointedStruct(types: StructTypes, id: number): number {
  const pointer = types.plain(id);
  const to = pointer?.kind === BTF_KIND.PTR ? types.plain(pointer.type) : undefined;
  return to?.kind === BTF_KIND.STRUCT || to?.kind === BTF_KIND.UNION ? to.id : 0;
}
