/** Access paths of CO-RE relocations: what `0:1:2` means in the object's own types, and the same path found in a target type. */
import type { Btf } from '../../btf/btf.ts';
import { essentialName } from '../../btf/name-index.ts';
import { BTF_KIND, type BtfType } from '../../btf/types.ts';
import { fieldsAreCompatible } from './compat.ts';
import type { TypeNames } from './type-names.ts';
import { BPF_CORE_RELO_KIND as R } from './kinds.ts';

/** Longest access path (BPF_CORE_SPEC_MAX_LEN). */
export const MAX_SPEC_LENGTH = 64;

/** Largest offset of a field: what a 32-bit count of bytes can say. */
const MAX_BIT_OFFSET = 8 * 0xffffffff;

/** One step that has a meaning across kernels: a named member, or an array index. */
export interface Accessor {
  /** The struct, union or array that is stepped into; of the root index, the root. */
  readonly typeId: number;
  /** Member or element index. */
  readonly index: number;
  /** Member name, '' for an index. */
  readonly name: string;
}

export interface AccessSpec {
  readonly btf: Btf;
  readonly rootTypeId: number;
  readonly accessors: readonly Accessor[];
  /** Offset of the field in bits from the start of the root. */
  readonly bitOffset: number;
  /** Enumerator of an ENUMVAL relocation. */
  readonly enumName: string;
  readonly enumValue: bigint;
}

export const isTypeBased = (kind: number): boolean =>
  kind === R.TYPE_ID_LOCAL ||
  kind === R.TYPE_ID_TARGET ||
  kind === R.TYPE_EXISTS ||
  kind === R.TYPE_SIZE ||
  kind === R.TYPE_MATCHES;
export const isEnumBased = (kind: number): boolean => kind === R.ENUMVAL_EXISTS || kind === R.ENUMVAL_VALUE;
export const isFieldBased = (kind: number): boolean => kind >= R.FIELD_BYTE_OFFSET && kind <= R.FIELD_RSHIFT_U64;

/** An access path that makes no sense in the object's own types. */
export class AccessError extends Error {}

/** The numbers of an access string; undefined when it is malformed. */
export function parseAccess(text: string): number[] | undefined {
  // 64 numbers of at most 10 digits: longer strings are no paths, whatever they hold.
  if (text.length > MAX_SPEC_LENGTH * 11 || !/^\d{1,10}(:\d{1,10})*$/.test(text)) return undefined;
  const out = text.split(':').map(Number);
  return out.length <= MAX_SPEC_LENGTH && out.every((n) => n <= 0x7fffffff) ? out : undefined;
}

const isComposite = (kind: number): boolean => kind === BTF_KIND.STRUCT || kind === BTF_KIND.UNION;
export const isEnum = (kind: number): boolean => kind === BTF_KIND.ENUM || kind === BTF_KIND.ENUM64;

/** A trailing array of length 0 (or 1, by old custom) is as long as one likes. */
function isFlexible(btf: Btf, accessor: Accessor, array: BtfType): boolean {
  if (accessor.name === '' || (array.array?.nelems ?? 2) > 0) return false;
  const struct = btf.type(accessor.typeId);
  return struct?.kind === BTF_KIND.STRUCT && accessor.index === struct.vlen - 1;
}

/** Resolves an access string in the object's own types. Throws {@link AccessError}. */
export function localSpec(btf: Btf, typeId: number, access: string, kind: number): AccessSpec {
  const raw = parseAccess(access);
  if (raw === undefined) throw new AccessError(`access string "${access.slice(0, 40)}" is not a path of numbers`);
  const empty = { btf, rootTypeId: typeId, accessors: [], bitOffset: 0, enumName: '', enumValue: 0n };
  if (isTypeBased(kind)) {
    if (access !== '0') throw new AccessError(`access string "${access}" found, "0" expected for a type`);
    return empty;
  }
  const rootId = btf.skipModifiers(typeId);
  const root = btf.type(rootId);
  if (root === undefined) throw new AccessError(`type ${typeId} does not exist`);
  if (isEnumBased(kind)) {
    const value = root.values[raw[0]];
    if (!isEnum(root.kind) || raw.length !== 1 || value === undefined)
      throw new AccessError(`type ${typeId} has no enumerator ${access}`);
    return { ...empty, enumName: value.name, enumValue: value.value };
  }
  if (!isFieldBased(kind)) throw new AccessError(`relocation kind ${kind} is unknown`);
  return walkLocal(btf, typeId, rootId, raw);
}

function walkLocal(btf: Btf, typeId: number, rootId: number, raw: readonly number[]): AccessSpec {
  const size = btf.sizeOf(rootId);
  if (size < 0) throw new AccessError(`type ${typeId} has no size`);
  const accessors: Accessor[] = [{ typeId: rootId, index: raw[0], name: '' }];
  let bitOffset = raw[0] * size * 8;
  let id = rootId;
  for (const index of raw.slice(1)) {
    const t = btf.type(id);
    if (t !== undefined && isComposite(t.kind)) {
      const m = t.members[index];
      if (m === undefined) throw new AccessError(`type ${id} has no member ${index}`);
      bitOffset += m.bitOffset;
      if (m.name !== '') accessors.push({ typeId: id, index, name: m.name });
      id = btf.skipModifiers(m.type);
    } else if (t?.array) {
      if (index >= t.array.nelems && !isFlexible(btf, accessors[accessors.length - 1], t)) {
        throw new AccessError(`index ${index} exceeds the array of ${t.array.nelems} elements`);
      }
      id = btf.skipModifiers(t.array.elemType);
      const elem = btf.sizeOf(id);
      if (elem < 0) throw new AccessError(`array element type ${id} has no size`);
      accessors.push({ typeId: t.id, index, name: '' });
      bitOffset += index * elem * 8;
    } else {
      throw new AccessError(`type ${id} can be neither indexed nor has it members`);
    }
  }
  if (bitOffset > MAX_BIT_OFFSET) throw new AccessError(`the field lies ${bitOffset} bits behind its start`);
  return { btf, rootTypeId: typeId, accessors, bitOffset, enumName: '', enumValue: 0n };
}

/** The same path in a candidate type of the target, or undefined where it does not exist there. */
export function targetSpec(
  local: AccessSpec,
  names: TypeNames,
  candidate: number,
  kind: number,
): AccessSpec | undefined {
  const target = names.btf;
  const empty = { btf: target, rootTypeId: candidate, accessors: [], bitOffset: 0, enumName: '', enumValue: 0n };
  const rootId = target.skipModifiers(candidate);
  const root = target.type(rootId);
  if (root === undefined) return undefined;
  if (isEnumBased(kind)) {
    if (!isEnum(root.kind)) return undefined;
    const value = names.enumerator(root, essentialName(local.enumName));
    return value && { ...empty, enumName: value.name, enumValue: value.value };
  }
  const size = target.sizeOf(rootId);
  if (size < 0) return undefined;
  const accessors: Accessor[] = [{ typeId: rootId, index: local.accessors[0].index, name: '' }];
  let bitOffset = local.accessors[0].index * size * 8;
  let id = rootId;
  for (const step of local.accessors.slice(1)) {
    const found =
      step.name !== ''
        ? findMember(local.btf, step, names, id)
        : findElement(target, id, step.index, accessors[accessors.length - 1]);
    if (found === undefined) return undefined;
    bitOffset += found.bits;
    accessors.push(found.accessor);
    id = target.skipModifiers(found.typeId);
  }
  return bitOffset > MAX_BIT_OFFSET ? undefined : { ...empty, accessors, bitOffset };
}

interface Found {
  readonly accessor: Accessor;
  readonly bits: number;
  readonly typeId: number;
}

function findElement(target: Btf, id: number, index: number, last: Accessor): Found | undefined {
  const t = target.type(id);
  if (t?.array === undefined || (index >= t.array.nelems && !isFlexible(target, last, t))) return undefined;
  const size = target.sizeOf(t.array.elemType);
  return size < 0
    ? undefined
    : { accessor: { typeId: id, index, name: '' }, bits: index * size * 8, typeId: t.array.elemType };
}

/** A member by name, which must be of a compatible type. */
function findMember(localBtf: Btf, step: Accessor, names: TypeNames, structId: number): Found | undefined {
  const localType = localBtf.type(step.typeId)?.members[step.index]?.type ?? 0;
  const found = names.member(structId, step.name);
  if (found === undefined || !fieldsAreCompatible(localBtf, localType, names.btf, found.type)) return undefined;
  return {
    accessor: { typeId: found.structId, index: found.index, name: step.name },
    bits: found.bits,
    typeId: found.type,
  };
}
