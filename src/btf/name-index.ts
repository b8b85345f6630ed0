/** Names of BTF types: hashing without decoding, and CO-RE's essential part of a name (`foo` of `foo___v2`). */
import type { Budget } from '../util/budget.ts';

const UNDERSCORE = 0x5f;

/** Length of a name without its flavour suffix: the last `___` that stands between two other characters (CO-RE). */
export function essentialLength(name: string): number {
  for (let i = name.length - 5; i >= 0; i--) {
    if (name.startsWith('___', i + 1) && name[i] !== '_' && name[i + 4] !== '_') return i + 1;
  }
  return name.length;
}

/** The name without its flavour suffix. */
export const essentialName = (name: string): string => name.slice(0, essentialLength(name));

/** Length of the essential part of the NUL-terminated bytes at `at`. */
function essentialBytes(bytes: Uint8Array, at: number): number {
  let n = 0;
  let marked = false;
  while (bytes[at + n] !== 0) {
    if (bytes[at + n] === UNDERSCORE && n > 0 && bytes[at + n + 1] === UNDERSCORE) marked = true;
    n++;
  }
  if (!marked) return n;
  for (let i = n - 5; i >= 0; i--) {
    const p = at + i;
    if (
      bytes[p + 1] === UNDERSCORE &&
      bytes[p + 2] === UNDERSCORE &&
      bytes[p + 3] === UNDERSCORE &&
      bytes[p] !== UNDERSCORE &&
      bytes[p + 4] !== UNDERSCORE
    ) {
      return i + 1;
    }
  }
  return n;
}

function hashBytes(bytes: Uint8Array, at: number, length: number): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < length; i++) h = Math.imul(h ^ bytes[at + i], 0x01000193);
  return h >>> 0;
}

/** Chained hash table over the essential names of all types of one BTF section, in id order. */
export interface NameIndex {
  readonly heads: Int32Array;
  readonly next: Int32Array;
}

/** Builds the table: `nameAt(i)` gives the byte position of the name of the i-th type, or -1 without a name. */
export function buildNameIndex(
  count: number,
  strings: Uint8Array,
  nameAt: (i: number) => number,
  budget: Budget,
): NameIndex {
  let size = 16;
  while (size < count) size *= 2;
  const heads = new Int32Array(size).fill(-1);
  const next = new Int32Array(count).fill(-1);
  for (let i = count - 1; i >= 0; i--) {
    const at = nameAt(i);
    if (at < 0) continue;
    const length = essentialBytes(strings, at);
    budget.spend(length, 'names');
    const slot = hashBytes(strings, at, length) & (size - 1);
    next[i] = heads[slot];
    heads[slot] = i;
  }
  return { heads, next };
}

/** First entry of the chain that holds every type whose essential name is `essential` (and others). */
export function nameChain(index: NameIndex, essential: Uint8Array): number {
  return index.heads[hashBytes(essential, 0, essential.length) & (index.heads.length - 1)];
}

/** Whether the NUL-terminated bytes at `at` are exactly `name`. */
export function nameEquals(strings: Uint8Array, at: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if (strings[at + i] !== name[i]) return false;
  return strings[at + name.length] === 0;
}
