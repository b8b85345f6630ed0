/** A member against the struct that holds it: alignment, bit field width, end (the check_member operations). */
import { BTF_KIND, type BtfMember, type BtfType } from '../types.ts';

const K = BTF_KIND;

/** Why the member cannot lie there, or undefined. `type` is its type behind modifiers, `arraySize` the size of an array. */
export function checkMember(t: BtfType, m: BtfMember, type: BtfType, arraySize: number): string | undefined {
  switch (type.kind) {
    case K.INT:
      return t.kindFlag ? intBitfield(t, m, type) : intMember(t, m, type);
    case K.ENUM:
    case K.ENUM64:
      return t.kindFlag ? enumBitfield(t, m, type) : bytes(t, m, type.size);
    case K.PTR:
      return withoutBits(t, m) ?? bytes(t, m, 8);
    case K.ARRAY:
      return withoutBits(t, m) ?? bytes(t, m, arraySize);
    case K.STRUCT:
    case K.UNION:
      return withoutBits(t, m) ?? bytes(t, m, type.size);
    case K.FLOAT: {
      const why = withoutBits(t, m);
      if (why !== undefined) return why;
      if (m.bitOffset % (8 * Math.min(8, type.size)) !== 0) return 'Member is not properly aligned';
      return t.size < m.bitOffset / 8 + type.size ? 'Member exceeds struct_size' : undefined;
    }
    default:
      return t.kindFlag ? 'Unsupported check_kflag_member' : 'Unsupported check_member';
  }
}

const withoutBits = (t: BtfType, m: BtfMember): string | undefined =>
  t.kindFlag && m.bitfieldSize !== 0 ? 'Invalid member bitfield_size' : undefined;

function bytes(t: BtfType, m: BtfMember, size: number): string | undefined {
  if (m.bitOffset & 7) return 'Member is not byte aligned';
  const at = m.bitOffset / 8;
  return t.size < at || t.size - at < size ? 'Member exceeds struct_size' : undefined;
}

/** Bits from the byte that the field begins in. */
function extent(t: BtfType, bitOffset: number, bits: number): string | undefined {
  const copy = bits + (bitOffset & 7);
  if (copy > 128) return 'nr_copy_bits exceeds 128';
  const at = bitOffset >>> 3;
  return t.size < at || t.size - at < Math.ceil(copy / 8) ? 'Member exceeds struct_size' : undefined;
}

function intMember(t: BtfType, m: BtfMember, type: BtfType): string | undefined {
  const { bitOffset, bits } = type.int as NonNullable<BtfType['int']>;
  if (m.bitOffset + bitOffset > 0xffffffff) return 'bits_offset exceeds U32_MAX';
  return extent(t, m.bitOffset + bitOffset, bits);
}

function intBitfield(t: BtfType, m: BtfMember, type: BtfType): string | undefined {
  if (!isRegularInt(type)) return 'Invalid member base type';
  const whole = type.int?.bits ?? 0;
  if (m.bitfieldSize === 0 && m.bitOffset & 7) return 'Invalid member offset';
  if (m.bitfieldSize > whole) return 'Invalid member bitfield_size';
  return extent(t, m.bitOffset, m.bitfieldSize || whole);
}

function enumBitfield(t: BtfType, m: BtfMember, type: BtfType): string | undefined {
  const whole = type.kind === K.ENUM64 ? 64 : 32;
  if (m.bitfieldSize === 0 && m.bitOffset & 7) return 'Member is not byte aligned';
  if (m.bitfieldSize > whole) return 'Invalid member bitfield_size';
  return t.size < Math.ceil((m.bitOffset + (m.bitfieldSize || whole)) / 8) ? 'Member exceeds struct_size' : undefined;
}

/** Whole bytes, a power of two of them, from bit 0 (btf_type_int_is_regular). */
export function isRegularInt(t: BtfType): boolean {
  const { bits, bitOffset } = t.int as NonNullable<BtfType['int']>;
  return bitOffset === 0 && [8, 16, 32, 64, 128].includes(bits);
}
