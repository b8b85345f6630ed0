/** What a snapshot of a runtime is made of: each part says what it is now, and puts itself back to that as often as it is asked. */

/** Puts a part back to what it was when this was made. */
export type Restore = () => void;

/** A part of a runtime whose state lies in JavaScript. */
export interface Saved {
  save(): Restore;
}

/** One for several parts, put back in their order. */
export function saveAll(parts: Iterable<Saved | undefined>): Restore {
  const all = [...parts].map((part) => part?.save());
  return () => {
    for (const restore of all) restore?.();
  };
}

/** A map's entries, which stay those of the same map. */
export function saveMap<K, V>(map: Map<K, V>): Restore {
  const entries = [...map];
  return () => {
    map.clear();
    for (const [key, value] of entries) map.set(key, value);
  };
}
