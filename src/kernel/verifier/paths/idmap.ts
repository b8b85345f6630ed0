/** Which id of an explored state plays the part of which id of the current one (struct bpf_idmap, check_ids). */

/** A bijection that grows while two states are compared. */
export class IdMap {
  #old = new Int32Array(64);
  #cur = new Int32Array(64);
  #count = 0;
  #tmp = 0;

  /** reset_idmap_scratch(). */
  reset(idGen: number): void {
    this.#count = 0;
    this.#tmp = idGen;
  }

  /** check_ids(): both are unset, or they always meet each other. */
  check(oldId: number, curId: number): boolean {
    if ((oldId === 0) !== (curId === 0)) return false;
    if (oldId === 0) return true;
    for (let i = 0; i < this.#count; i++) {
      if (this.#old[i] === oldId) return this.#cur[i] === curId;
      if (this.#cur[i] === curId) return false;
    }
    if (this.#count === this.#old.length) this.#grow();
    this.#old[this.#count] = oldId;
    this.#cur[this.#count++] = curId;
    return true;
  }

  /** check_scalar_ids(): nothing was concluded from a link that the old scalar did not have; one that is missing now is shared with nobody. */
  checkScalar(oldId: number, curId: number): boolean {
    return oldId === 0 || this.check(oldId, curId !== 0 ? curId : ++this.#tmp);
  }

  #grow(): void {
    const old = new Int32Array(this.#old.length * 2);
    const cur = new Int32Array(this.#cur.length * 2);
    old.set(this.#old);
    cur.set(this.#cur);
    this.#old = old;
    this.#cur = cur;
  }
}
