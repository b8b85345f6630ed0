/** What is in the host's hands and owns guest memory or holds objects: packet runners, structs of the world, pages of maps. */
import { type Restore, saveAll, type Saved } from './saved.ts';

export interface Owner extends Saved {
  /** It was made after the snapshot that has been restored: it owns nothing any more, and says so to who uses it. */
  vanish(): void;
}

/** All of one runtime. */
export class Owners implements Saved {
  readonly #all = new Set<Owner>();

  add(owner: Owner): void {
    this.#all.add(owner);
  }

  /** It was disposed of. */
  drop(owner: Owner): void {
    this.#all.delete(owner);
  }

  save(): Restore {
    const saved = new Map([...this.#all].map((owner) => [owner, owner.save()] as const));
    return () => {
      for (const owner of this.#all) if (!saved.has(owner)) owner.vanish();
      this.#all.clear();
      for (const [owner, restore] of saved) {
        this.#all.add(owner);
        restore();
      }
    };
  }
}

/** One owner: alive until it is disposed of, or vanishes. */
export class Held implements Owner {
  live = true;
  readonly #owners: Owners;
  readonly #parts: () => Iterable<Saved>;

  /** @param parts what else it consists of */
  constructor(owners: Owners, parts: () => Iterable<Saved> = () => []) {
    this.#owners = owners;
    this.#parts = parts;
    owners.add(this);
  }

  save(): Restore {
    const { live } = this;
    const parts = saveAll(this.#parts());
    return () => {
      this.live = live;
      parts();
    };
  }

  vanish(): void {
    this.live = false;
  }

  /** It is disposed of; false when it was before, or has vanished: there is nothing to be given back. */
  end(): boolean {
    if (!this.live) return false;
    this.live = false;
    this.#owners.drop(this);
    return true;
  }
}
