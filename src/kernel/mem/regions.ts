/** The regions that an unverified (guard mode) or checked run may touch, by address. */

export const REGION_READ = 1;
export const REGION_WRITE = 2;

export interface Region {
  readonly start: number;
  readonly end: number;
  /** REGION_READ | REGION_WRITE. */
  readonly access: number;
  /** What lies there, for messages: `stack`, `packet`, `map 3 value`. */
  readonly label: string;
}

/** A sorted set of regions that do not overlap. */
export class Regions {
  #list: Region[] = [];

  get size(): number {
    return this.#list.length;
  }

  [Symbol.iterator](): Iterator<Region> {
    return this.#list[Symbol.iterator]();
  }

  add(start: number, size: number, access: number, label: string): Region {
    const region = { start, end: start + size, access, label };
    const i = this.#after(start);
    const before = this.#list[i - 1];
    const next = this.#list[i];
    if ((before && before.end > start) || (next && next.start < region.end)) {
      throw new RangeError(`region ${label} at ${start} overlaps another`);
    }
    this.#list.splice(i, 0, region);
    return region;
  }

  /** Removes the region that starts there; false when there is none. */
  remove(start: number): boolean {
    const i = this.#after(start) - 1;
    if (this.#list[i]?.start !== start) return false;
    this.#list.splice(i, 1);
    return true;
  }

  /** The region that holds all of [addr, addr + size), or undefined. */
  find(addr: number, size: number): Region | undefined {
    const region = this.#list[this.#after(addr) - 1];
    return region && addr + size <= region.end ? region : undefined;
  }

  /** Whether an access is wholly inside one region that permits it. */
  allows(addr: number, size: number, write: boolean): boolean {
    const region = this.find(addr, size);
    return region !== undefined && (region.access & (write ? REGION_WRITE : REGION_READ)) !== 0;
  }

  /** Index of the first region that starts after addr. */
  #after(addr: number): number {
    let lo = 0;
    let hi = this.#list.length;
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      if ((this.#list[mid] as Region).start <= addr) lo = mid + 1;
      else hi = mid;
    }
    return lo;
  }
}
