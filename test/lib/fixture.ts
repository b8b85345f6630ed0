/** Reading the objects of test/fixtures/lib. */
import { readdirSync, readFileSync } from 'node:fs';
import type { CollectionSpec } from '../../src/lib/collection-spec.ts';
import { parseObject } from '../../src/lib/parse-object.ts';

const FOLDER = new URL('../fixtures/lib/', import.meta.url);

export const fixtureBytes = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(name, FOLDER)));
export const fixtureText = (name: string): string => readFileSync(new URL(name, FOLDER), 'utf8');
export const fixture = (name: string): CollectionSpec => parseObject(fixtureBytes(name), { name: name.split('.')[0] });
export const allObjects = (): string[] =>
  readdirSync(FOLDER)
    .filter((f) => f.endsWith('.o'))
    .sort();

/** Small deterministic generator. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) / (1 << 24);
  };
}

/** A copy with a few bytes changed, now and then cut off. */
export function mutate(bytes: Uint8Array, rnd: () => number): Uint8Array {
  const out = bytes.slice();
  for (let n = 1 + Math.floor(rnd() * 4); n > 0; n--) {
    const r = rnd();
    const at =
      r < 0.2
        ? Math.floor(rnd() * 64)
        : r < 0.5
          ? out.length - 1 - Math.floor(rnd() * Math.min(out.length, 1280))
          : Math.floor(rnd() * out.length);
    const how = rnd();
    if (how < 0.5) out[at] = rnd() * 256;
    else if (how < 0.7) out[at] ^= 1 << Math.floor(rnd() * 8);
    else if (how < 0.85) out.fill(255, at, at + 4);
    else out.fill(0, at, at + 8);
  }
  return rnd() < 0.05 ? out.slice(0, rnd() * out.length) : out;
}
