/** Alignment of types as the C compiler lays them out, and whether a struct must have been packed. */
import type { Btf } from './btf.ts';
import { BTF_KIND } from './types.ts';

/** Natural alignments by type id, filled as they are asked for; one per Btf and user. */
export type AlignCache = Map<number, number>;

/** Types below which nothing more is looked at: hostile ones nest without end. */
const MAX_DEPTH = 64;

/** Alignment in bytes of a type, 0 when it has none (void, functions, broken types). Iterative; each member is looked at once. */
export function alignOf(btf: Btf, id: number, cache: AlignCache = new Map()): number {
  const known = cache.get(id);
  if (known !== undefined) return known;
  const open = new Set([id]);
  const stack = [{ id, needs: dependencies(btf, id), next: 0 }];
  while (stack.length > 0) {
    const top = stack[stack.length - 1];
    const dep = stack.length < MAX_DEPTH ? top.needs[top.next++] : undefined;
    if (dep === undefined) {
      cache.set(top.id, ownAlign(btf, top.id, cache));
      open.delete(top.id);
      stack.pop();
      // A type that contains itself by value is broken: its inner occurrence counts as unaligned.
    } else if (!cache.has(dep) && !open.has(dep)) {
      open.add(dep);
      stack.push({ id: dep, needs: dependencies(btf, dep), next: 0 });
    }
  }
  return cache.get(id) ?? 0;
}

function dependencies(btf: Btf, id: number): number[] {
  const kind = btf.kind(id);
  if (kind === BTF_KIND.STRUCT || kind === BTF_KIND.UNION)
    return (btf.type(id)?.members ?? []).map((m) => btf.skipModifiers(m.type));
  if (kind === BTF_KIND.ARRAY) return [btf.skipModifiers(btf.type(id)?.array?.elemType ?? 0)];
  if (kind === BTF_KIND.VAR) return [btf.skipModifiers(btf.ref(id))];
  const base = btf.skipModifiers(id);
  return base === id ? [] : [base];
}

function ownAlign(btf: Btf, id: number, cache: AlignCache): number {
  switch (btf.kind(id)) {
    case BTF_KIND.INT:
    case BTF_KIND.FLOAT:
    case BTF_KIND.ENUM:
    case BTF_KIND.ENUM64:
      return Math.min(8, btf.ref(id));
    case BTF_KIND.PTR:
      return 8;
    case BTF_KIND.STRUCT:
    case BTF_KIND.UNION: {
      let max = 1;
      for (const m of btf.type(id)?.members ?? []) {
        const align = cache.get(btf.skipModifiers(m.type)) ?? 0;
        if (align > max) max = align;
        if (align > 0 && m.bitfieldSize === 0 && m.bitOffset % (8 * align) !== 0) return 1;
      }
      return btf.ref(id) % max === 0 ? max : 1;
    }
    default: {
      const [dep] = dependencies(btf, id);
      return dep === undefined ? 0 : (cache.get(dep) ?? 0);
    }
  }
}
