/** Alignment of types as the C compiler lays them out, and whether a struct must have been packed. */
import type { Btf } from './btf.ts';
import { BTF_KIND } from './types.ts';

/** Natural alignments by type id, filled as they are asked for; one per Btf and user. */
export type AlignCache = Map<number, number>;

/** Alignment in bytes of a type, 0 when it has none (void, functions, broken types). Iterative. */
export function alignOf(btf: Btf, id: number, cache: AlignCache = new Map()): number {
  const stack: number[] = [id];
  while (stack.length > 0) {
    const top = stack[stack.length - 1];
    if (cache.has(top)) {
      stack.pop();
      continue;
    }
    const pending = dependencies(btf, top).filter((dep) => !cache.has(dep));
    // A type that contains itself by value is broken: its inner occurrence counts as unaligned.
    const next = pending.find((dep) => !stack.includes(dep));
    if (next !== undefined && stack.length < 64) {
      stack.push(next);
      continue;
    }
    cache.set(top, ownAlign(btf, top, cache));
    stack.pop();
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
