/** Which id of an explored state plays the part of which id of the current one (struct bpf_idmap, check_ids). */

/** A bijection that grows while two states are compared. */
export class IdMap {
  #old: number[] = [];
  #cur: number[] = [];
  #tmp = 0;

  /** reset_idmap_scratch(). */
  reset(idGen: number): void {
    this.#old.length = 0;
    this.#cur.length = 0;
    this.#tmp = idGen;
  }

  /** check_ids(): both are unset, or they always meet each other. */
  check(oldId: number, curId: number): boolean {
    if ((oldId === 0) !== (curId === 0)) return false;
    if (oldId === 0) return true;
    const old = this.#old;
    const cur = this.#cur;
    for (let i = 0; i < old.length; i++) {
      if (old[i] === oldId) return cur[i] === curId;
      if (cur[i] === curId) return false;
    }
    old.push(oldId);
    cur.push(curId);
    return true;
  }

  /** check_scalar_ids(): a missing id of a scalar counts as one that nobody shares. */
  checkScalar(oldId: number, curId: number): boolean {
    return this.check(oldId !== 0 ? oldId : ++this.#tmp, curId !== 0 ? curId : ++this.#tmp);
  }
}
