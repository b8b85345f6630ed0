/** The number that a CO-RE relocation puts into an instruction, computed from a resolved access path. */
import { BTF_INT_SIGNED, BTF_KIND } from '../../btf/types.ts';
import { type AccessSpec, isEnum } from './access.ts';
import { BPF_CORE_RELO_KIND as R } from './kinds.ts';

export interface ReloValue {
  readonly value: bigint;
  /** Bytes of the field and its type, where a load or store may have to change its size; 0 otherwise. */
  readonly fieldSize: number;
  readonly fieldType: number;
  /** Whether the instruction must hold exactly the local value before it is changed. */
  readonly validate: boolean;
}

const plain = (value: bigint | number, validate = true): ReloValue => ({
  value: BigInt(value),
  fieldSize: 0,
  fieldType: 0,
  validate,
});

/** `undefined` means that the relocation has no value there: the instruction is poisoned. */
export function relocationValue(
  kind: number,
  spec: AccessSpec | undefined,
  littleEndian: boolean,
): ReloValue | undefined {
  switch (kind) {
    case R.FIELD_EXISTS:
    case R.TYPE_EXISTS:
    case R.TYPE_MATCHES:
    case R.ENUMVAL_EXISTS:
      return plain(spec ? 1 : 0);
    case R.TYPE_SIZE: {
      const size = spec ? spec.btf.sizeOf(spec.rootTypeId) : 0;
      return spec === undefined ? plain(0) : size < 0 ? undefined : plain(size);
    }
    case R.TYPE_ID_LOCAL:
    case R.TYPE_ID_TARGET:
      return plain(spec?.rootTypeId ?? 0, kind !== R.TYPE_ID_LOCAL);
    case R.ENUMVAL_VALUE:
      return spec && plain(BigInt.asUintN(64, spec.enumValue));
    default:
      return spec && fieldValue(kind, spec, littleEndian);
  }
}

function fieldValue(kind: number, spec: AccessSpec, littleEndian: boolean): ReloValue | undefined {
  const { btf } = spec;
  const last = spec.accessors[spec.accessors.length - 1];
  const t = btf.type(last.typeId);
  if (t === undefined) return undefined;
  // Without a name the path ends at the root itself or at an array element.
  if (last.name === '') {
    const type = spec.accessors.length === 1 ? last.typeId : (t.array?.elemType ?? 0);
    const size = btf.sizeOf(type);
    if (kind === R.FIELD_BYTE_OFFSET)
      return {
        value: BigInt(Math.floor(spec.bitOffset / 8)),
        fieldSize: Math.max(0, size),
        fieldType: type,
        validate: true,
      };
    return kind === R.FIELD_BYTE_SIZE && size >= 0 ? plain(size) : undefined;
  }
  const m = t.members[last.index];
  const typeId = btf.skipModifiers(m.type);
  const field = placeField(spec.bitOffset, m.bitfieldSize, btf.sizeOf(typeId));
  if (field === undefined) return undefined;
  switch (kind) {
    case R.FIELD_BYTE_OFFSET:
      if (m.bitfieldSize > 0) return plain(field.byteOffset, false);
      return { value: BigInt(field.byteOffset), fieldSize: field.byteSize, fieldType: typeId, validate: true };
    case R.FIELD_BYTE_SIZE:
      return plain(field.byteSize, m.bitfieldSize === 0);
    case R.FIELD_SIGNED: {
      const ft = btf.type(typeId);
      const signed =
        ft !== undefined &&
        (isEnum(ft.kind) ? ft.kindFlag : ft.kind === BTF_KIND.INT && ((ft.int?.encoding ?? 0) & BTF_INT_SIGNED) !== 0);
      return plain(signed ? 1 : 0);
    }
    case R.FIELD_LSHIFT_U64: {
      const inside = spec.bitOffset - field.byteOffset * 8;
      return plain(littleEndian ? 64 - (inside + field.bits) : (8 - field.byteSize) * 8 + inside, false);
    }
    case R.FIELD_RSHIFT_U64:
      return plain(64 - field.bits);
    default:
      return undefined;
  }
}

/** The aligned load that covers a field: for a bit field the smallest one that does, at most 8 bytes. */
function placeField(bitOffset: number, bitfieldSize: number, size: number) {
  if (size < 0) return undefined;
  if (bitfieldSize === 0) return { byteOffset: Math.floor(bitOffset / 8), byteSize: size, bits: size * 8 };
  let byteSize = size || 1;
  let byteOffset = Math.floor(bitOffset / 8 / byteSize) * byteSize;
  while (bitOffset + bitfieldSize - byteOffset * 8 > byteSize * 8) {
    if (byteSize >= 8) return undefined;
    byteSize *= 2;
    byteOffset = Math.floor(bitOffset / 8 / byteSize) * byteSize;
  }
  return { byteOffset, byteSize, bits: bitfieldSize };
}
