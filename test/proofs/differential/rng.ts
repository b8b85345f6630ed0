/** A small seeded generator of random numbers (mulberry32), so that every program can be made again from its seed. */
export class Rng {
  #state: number;
  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** 32 random bits, unsigned. */
  u32(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }
  /** 0 to n - 1. */
  below(n: number): number {
    return Math.floor((this.u32() / 0x1_0000_0000) * n);
  }
  /** a to b, both included. */
  between(a: number, b: number): number {
    return a + this.below(b - a + 1);
  }
  /** True in `percent` of a hundred. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
  pick<T>(of: readonly T[]): T {
    return of[this.below(of.length)];
  }
  /** One of the entries, in proportion to its weight. */
  weighted<T>(of: readonly (readonly [number, T])[]): T {
    let at = this.below(of.reduce((n, [w]) => n + w, 0));
    for (const [w, value] of of) {
      if (at < w) return value;
      at -= w;
    }
    return of[0][1];
  }
}

/** Seed of program `index` of a run. */
export const programSeed = (seed: number, index: number): number =>
  Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) + index * 7919;
