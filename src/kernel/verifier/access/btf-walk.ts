/** The member at an offset of a kernel structure: a number, or a pointer to another structure (btf_struct_access, btf_struct_walk). */
import type { Btf } from '../../../btf/btf.ts';
import { BTF_KIND, type BtfMember } from '../../../btf/types.ts';
import { MEM_PERCPU, MEM_RCU, MEM_USER, PTR_UNTRUSTED } from '../../rules/reg-types.ts';
import { BTF_ACCESS } from '../diag/catalogue/access.ts';
import { Rejected, reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';

export interface WalkResult {
  /** Struct that the loaded pointer leads to, 0 when the field is no such pointer. */
  readonly btfId: number;
  /** The field is a pointer to something else: memory of unknown size, read with faults giving 0. */
  readonly untrustedMem?: boolean;
  /** MEM_USER, MEM_PERCPU, MEM_RCU from type tags. */
  readonly flags: number;
  readonly fieldName: string;
}

const SCALAR = (fieldName: string): WalkResult => ({ btfId: 0, flags: 0, fieldName });

/** Deepest nesting of structs that is followed; types that contain themselves cannot exist. */
const MAX_NESTING = 64;

const isStruct = (kind: number): boolean => kind === BTF_KIND.STRUCT || kind === BTF_KIND.UNION;

/** Follows [off, off + size) from struct `id` into its members; embedded structs and arrays of them are descended into. */
export function btfStructWalk(env: VerifierEnv, btf: Btf, id: number, off: number, size: number): WalkResult {
  return walk(env, btf, id, { off, size, stopAtStruct: false }) as WalkResult;
}

/** Id of the outermost struct or union within struct `id` that begins at `off`; 0 when none does, which the log explains. */
export function nestedStructAt(env: VerifierEnv, btf: Btf, id: number, off: number): number {
  try {
    const found = walk(env, btf, id, { off, size: 1, stopAtStruct: true });
    return typeof found === 'number' ? found : 0;
  } catch (e) {
    if (e instanceof Rejected) return 0;
    throw e;
  }
}

/** The bytes [off, off + size) of a struct, or the struct that begins there. */
interface Goal {
  readonly off: number;
  readonly size: number;
  readonly stopAtStruct: boolean;
}

function walk(env: VerifierEnv, btf: Btf, id: number, goal: Goal): WalkResult | number {
  const { size } = goal;
  let { off } = goal;
  let struct = id;
  let untrusted = 0;
  for (let depth = 0; depth < MAX_NESTING; depth++) {
    const t = btf.type(struct);
    if (t === undefined || !isStruct(t.kind)) reject(env, BTF_ACCESS.NOT_STRUCT, btf.name(struct));
    const shown = t.name || '(anon)';
    if (off + size > t.size) {
      // Objects of the program's own types end where their type ends.
      const inFlexible = btf === env.input.vmlinux() ? flexibleArray(btf, t.members, off) : undefined;
      if (inFlexible === undefined) reject(env, BTF_ACCESS.BEYOND_STRUCT, shown, off, size);
      if (inFlexible.struct === 0) return SCALAR(inFlexible.name);
      struct = inFlexible.struct;
      off = inFlexible.off;
      continue;
    }
    // Which member of a union is in use is not known (unions of one member are only for alignment).
    if (t.kind === BTF_KIND.UNION && t.members.length !== 1) untrusted = PTR_UNTRUSTED;
    const step = memberAt(env, t.members, { btf, structName: shown, off, size, inUnion: untrusted !== 0 });
    if ('result' in step) return untrusted ? { ...step.result, flags: step.result.flags | untrusted } : step.result;
    struct = step.struct;
    off = step.off;
    if (goal.stopAtStruct && off === 0) return struct;
  }
  return SCALAR('');
}

/** A flexible array of numbers or structs at the end of a structure: any index may exist. */
function flexibleArray(
  btf: Btf,
  members: readonly BtfMember[],
  off: number,
): { struct: number; off: number; name: string } | undefined {
  const last = members.at(-1);
  if (last === undefined || off < last.bitOffset >> 3) return undefined;
  const array = btf.type(btf.skipModifiers(last.type))?.array;
  if (array === undefined || array.nelems !== 0) return undefined;
  const elem = btf.skipModifiers(array.elemType);
  const elemSize = btf.sizeOf(elem);
  if (btf.kind(elem) === BTF_KIND.INT) return { struct: 0, off: 0, name: last.name };
  if (!isStruct(btf.kind(elem)) || elemSize <= 0) return undefined;
  return { struct: elem, off: (off - (last.bitOffset >> 3)) % elemSize, name: last.name };
}

type Step = { readonly result: WalkResult } | { readonly struct: number; readonly off: number };

/** The bytes [off, off + size) of one struct on the way. */
interface Place {
  readonly btf: Btf;
  readonly structName: string;
  readonly off: number;
  readonly size: number;
  /** On the way lies a union of several members. */
  readonly inUnion: boolean;
}

/** A member, or an element of one: its type without modifiers, and its offset in the struct. */
interface Part {
  readonly type: number;
  readonly name: string;
  readonly off: number;
}

function memberAt(env: VerifierEnv, members: readonly BtfMember[], place: Place): Step {
  const { btf, structName, off, size } = place;
  for (const m of members) {
    const moff = m.bitOffset >> 3;
    if (m.bitfieldSize !== 0) {
      // All of a bit field or nothing.
      const end = (m.bitOffset + m.bitfieldSize + 7) >> 3;
      if (off <= moff && moff < off + size && end <= off + size) return { result: SCALAR(m.name) };
      continue;
    }
    // Neither does a member begin at `off` nor before it: `off` is in padding.
    if (off < moff) break;
    const msize = btf.resolveSize(m.type);
    const mtype = btf.skipModifiers(m.type);
    if (msize < 0) reject(env, BTF_ACCESS.FIELD_SIZE, m.name);
    const end = moff + msize;
    if (off >= end) continue;
    const kind = btf.kind(mtype);
    if (isStruct(kind)) return { struct: mtype, off: off - moff };
    const part = { type: mtype, name: m.name, off: moff };
    const elems = kind === BTF_KIND.ARRAY ? arrayAt(env, part, place) : undefined;
    if (elems !== undefined) return elems;
    if (kind === BTF_KIND.PTR) return pointerAt(env, part, place);
    if (off + size > end && !place.inUnion) reject(env, BTF_ACCESS.BEYOND_MEMBER, m.name, end, structName, off, size);
    return { result: SCALAR(m.name) };
  }
  return reject(env, BTF_ACCESS.NO_FIELD, structName, off);
}

/** An element that is a struct or a pointer; undefined for numbers. */
function arrayAt(env: VerifierEnv, array: Part, place: Place): Step | undefined {
  const { btf, off } = place;
  let elem = array.type;
  for (let i = 0; i < 32; i++) {
    const of = btf.type(elem)?.array;
    if (of === undefined) break;
    elem = btf.skipModifiers(of.elemType);
  }
  const elemSize = btf.sizeOf(elem);
  if (elemSize <= 0) return undefined;
  const inElem = (off - array.off) % elemSize;
  if (isStruct(btf.kind(elem))) return { struct: elem, off: inElem };
  if (btf.kind(elem) !== BTF_KIND.PTR) return undefined;
  return pointerAt(env, { type: elem, name: array.name, off: off - inElem }, place);
}

function pointerAt(env: VerifierEnv, ptr: Part, place: Place): Step {
  const { btf, structName, off, size } = place;
  if (ptr.off !== off || size !== 8) reject(env, BTF_ACCESS.CANNOT_ACCESS, ptr.name, ptr.off, structName, off, size);
  return { result: pointee(btf, ptr.type, ptr.name) };
}

/** The struct behind a pointer type, and what its type tags say of the pointer. */
function pointee(btf: Btf, ptrId: number, fieldName: string): WalkResult {
  let id = btf.type(ptrId)?.type ?? 0;
  let flags = 0;
  for (let i = 0; i < 32 && btf.kind(id) === BTF_KIND.TYPE_TAG; i++) {
    const tag = btf.name(id);
    if (tag === 'user') flags |= MEM_USER;
    else if (tag === 'percpu') flags |= MEM_PERCPU;
    else if (tag === 'rcu') flags |= MEM_RCU;
    id = btf.type(id)?.type ?? 0;
  }
  const target = btf.skipModifiers(id);
  return isStruct(btf.kind(target))
    ? { btfId: target, flags, fieldName }
    : { btfId: 0, untrustedMem: true, flags, fieldName };
}
