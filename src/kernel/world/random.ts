/** Random numbers of the guest: the host's, remembered as long as a snapshot may be gone back to. */
import type { Restore, Saved } from '../mem/saved.ts';

export class Random implements Saved {
  readonly #port: () => number;
  /** 32 random bits: the port itself as long as there is no snapshot. */
  next: () => number;
  /** What was drawn since the first snapshot. */
  #drawn: number[] = [];
  /** The next of {@link #drawn} to be given; at its end the port is asked. */
  #at = 0;
  /** Whether there are snapshots. */
  #saved = false;

  /** @param port 32 random bits */
  constructor(port: () => number) {
    this.#port = port;
    this.next = port;
  }

  readonly #again = (): number => {
    if (this.#at < this.#drawn.length) return this.#drawn[this.#at++];
    const drawn = this.#port();
    if (this.#saved) this.#at = this.#drawn.push(drawn);
    else this.#rest();
    return drawn;
  };

  /** Nothing is left that was drawn before. */
  #rest(): void {
    this.#drawn = [];
    this.#at = 0;
    this.next = this.#port;
  }

  /** Afterwards the same numbers are drawn as after this call. */
  save(): Restore {
    this.next = this.#again;
    this.#saved = true;
    const at = this.#at;
    return () => {
      this.#at = at;
    };
  }

  /** There are no snapshots any more: what is still to be drawn again is, and nothing more is remembered. */
  forget(): void {
    this.#saved = false;
    if (this.#at === this.#drawn.length) this.#rest();
  }
}
