/** When a local and a target type count as the same: for fields, for existence, and for TYPE_MATCHES (CO-RE). */
import type { Btf } from '../../btf/btf.ts';
import { essentialName } from '../../btf/name-index.ts';
import { BTF_INT_SIGNED, BTF_KIND, type BtfType } from '../../btf/types.ts';

/** Deepest nesting of types that is compared. */
const MAX_DEPTH = 32;
/** Comparisons that one question may cost: hostile types could make it exponential. */
const MAX_STEPS = 20_000;

/** Comparisons that are left for many questions together. */
export interface Effort {
  left: number;
}

const isComposite = (kind: number): boolean => kind === BTF_KIND.STRUCT || kind === BTF_KIND.UNION;
const isEnum = (kind: number): boolean => kind === BTF_KIND.ENUM || kind === BTF_KIND.ENUM64;
const sameKind = (a: number, b: number): boolean => a === b || (isEnum(a) && isEnum(b));
export { sameKind as kindsAreCompatible };

const sameEssence = (a: string, b: string): boolean => essentialName(a) === essentialName(b);

/** Whether a member of the target can stand for a local one (bpf_core_fields_are_compat). */
export function fieldsAreCompatible(local: Btf, localId: number, target: Btf, targetId: number): boolean {
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const a = local.type(local.skipModifiers(localId));
    const b = target.type(target.skipModifiers(targetId));
    if (a === undefined || b === undefined) return false;
    if (isComposite(a.kind) && isComposite(b.kind)) return true;
    if (!sameKind(a.kind, b.kind)) return false;
    switch (a.kind) {
      case BTF_KIND.PTR:
      case BTF_KIND.FLOAT:
        return true;
      case BTF_KIND.FWD:
      case BTF_KIND.ENUM:
      case BTF_KIND.ENUM64:
        return a.name === '' || b.name === '' || sameEssence(a.name, b.name);
      case BTF_KIND.INT:
        return a.int?.bitOffset === 0 && b.int?.bitOffset === 0;
      case BTF_KIND.ARRAY:
        localId = a.array?.elemType ?? 0;
        targetId = b.array?.elemType ?? 0;
        break;
      default:
        return false;
    }
  }
  return false;
}

/** Whether a type of the target is the same kind of thing as the local one, names aside (bpf_core_types_are_compat). */
export function typesAreCompatible(
  local: Btf,
  localId: number,
  target: Btf,
  targetId: number,
  effort: Effort = { left: MAX_STEPS },
): boolean {
  const work: [number, number, number][] = [[localId, targetId, MAX_DEPTH]];
  for (let steps = 0; work.length > 0; steps++) {
    const [l, t, depth] = work.pop() as [number, number, number];
    if (depth === 0 || steps > MAX_STEPS || --effort.left < 0) return false;
    const a = local.type(local.skipModifiers(l));
    const b = target.type(target.skipModifiers(t));
    if (a === undefined || b === undefined || !sameKind(a.kind, b.kind)) return false;
    switch (a.kind) {
      case BTF_KIND.UNKN:
      case BTF_KIND.STRUCT:
      case BTF_KIND.UNION:
      case BTF_KIND.ENUM:
      case BTF_KIND.ENUM64:
      case BTF_KIND.FWD:
        break;
      case BTF_KIND.INT:
        if (a.int?.bitOffset !== 0 || b.int?.bitOffset !== 0) return false;
        break;
      case BTF_KIND.PTR:
        work.push([a.type, b.type, depth - 1]);
        break;
      case BTF_KIND.ARRAY:
        work.push([a.array?.elemType ?? 0, b.array?.elemType ?? 0, depth - 1]);
        break;
      case BTF_KIND.FUNC_PROTO:
        if (a.vlen !== b.vlen || a.vlen > MAX_STEPS) return false;
        a.params.forEach((p, i) => work.push([p.type, b.params[i].type, depth - 1]));
        work.push([a.type, b.type, depth - 1]);
        break;
      default:
        return false;
    }
  }
  return true;
}

const named = (a: BtfType, b: BtfType): boolean => (b.name === '' ? a.name === '' : sameEssence(a.name, b.name));

function enumsMatch(a: BtfType, b: BtfType, effort: Effort): boolean {
  if (a.size !== b.size) return false;
  effort.left -= a.vlen + b.vlen;
  return effort.left >= 0 && allWithin(a.values, essentialNames(b.values));
}

/** Types of one kind that lead to no others. */
function leafMatches(a: BtfType, b: BtfType): boolean {
  switch (a.kind) {
    case BTF_KIND.UNKN:
      return true;
    case BTF_KIND.FLOAT:
      return a.size === b.size;
    case BTF_KIND.FWD:
      return a.kindFlag === b.kindFlag;
    case BTF_KIND.INT:
      return (
        a.size === b.size && ((a.int?.encoding ?? 0) & BTF_INT_SIGNED) === ((b.int?.encoding ?? 0) & BTF_INT_SIGNED)
      );
    default:
      return false;
  }
}

/** Whether the target's type has everything that the local one shows (bpf_core_types_match). */
export function typesMatch(
  local: Btf,
  localId: number,
  target: Btf,
  targetId: number,
  effort: Effort = { left: MAX_STEPS },
): boolean {
  const known = new Map<string, boolean>();
  let steps = 0;
  // Depth is bounded by MAX_DEPTH and work by MAX_STEPS, so this recursion cannot be driven far by its input.
  const match = (l: number, t: number, behindPointer: boolean, depth: number): boolean => {
    if (depth === 0 || ++steps > MAX_STEPS || --effort.left < 0) return false;
    const key = `${l} ${t} ${behindPointer}`;
    const seen = known.get(key);
    if (seen !== undefined) return seen;
    known.set(key, true);
    const result = matchOnce(l, t, behindPointer, depth);
    known.set(key, result);
    return result;
  };

  const membersMatch = (a: BtfType, b: BtfType, depth: number): boolean => {
    const byName = essentialNames(b.members);
    return a.members.every((m) => byName.get(essentialName(m.name))?.some((n) => match(m.type, n.type, false, depth)));
  };

  const matchOnce = (l: number, t: number, behindPointer: boolean, depth: number): boolean => {
    const a = local.type(local.skipModifiers(l));
    const b = target.type(target.skipModifiers(t));
    if (a === undefined || b === undefined || !named(a, b)) return false;
    if (!sameKind(a.kind, b.kind)) return behindPointer && forwardMatches(a, b);
    switch (a.kind) {
      case BTF_KIND.ENUM:
      case BTF_KIND.ENUM64:
        return enumsMatch(a, b, effort);
      case BTF_KIND.STRUCT:
      case BTF_KIND.UNION:
        // Behind a pointer the name says enough.
        if (behindPointer) return true;
        effort.left -= a.vlen + b.vlen;
        return a.vlen <= b.vlen && effort.left >= 0 && membersMatch(a, b, depth - 1);
      case BTF_KIND.PTR:
        return match(a.type, b.type, true, depth - 1);
      case BTF_KIND.ARRAY:
        return (
          a.array?.nelems === b.array?.nelems &&
          match(a.array?.elemType ?? 0, b.array?.elemType ?? 0, behindPointer, depth - 1)
        );
      case BTF_KIND.FUNC_PROTO:
        return (
          a.vlen === b.vlen &&
          a.params.every((p, i) => match(p.type, b.params[i].type, behindPointer, depth - 1)) &&
          match(a.type, b.type, behindPointer, depth - 1)
        );
      default:
        return leafMatches(a, b);
    }
  };
  return match(localId, targetId, false, MAX_DEPTH);
}

/** Members or enumerators by name without flavour. */
function essentialNames<T extends { readonly name: string }>(list: readonly T[]): Map<string, T[]> {
  const out = new Map<string, T[]>();
  for (const one of list) {
    const name = essentialName(one.name);
    const same = out.get(name);
    if (same) same.push(one);
    else out.set(name, [one]);
  }
  return out;
}

const allWithin = (list: readonly { readonly name: string }[], names: ReadonlyMap<string, unknown>): boolean =>
  list.every((one) => names.has(essentialName(one.name)));

/** `struct s;` stands for `struct s { ... }` behind a pointer, in both directions. */
function forwardMatches(a: BtfType, b: BtfType): boolean {
  const fwd = a.kind === BTF_KIND.FWD ? a : b.kind === BTF_KIND.FWD ? b : undefined;
  const other = fwd === a ? b : a;
  return fwd !== undefined && (fwd.kindFlag ? other.kind === BTF_KIND.UNION : other.kind === BTF_KIND.STRUCT);
}
