/** Read-side sections, and what is freed after them (rcu_read_lock, call_rcu): a running program keeps what it may hold. */

/**
 * One domain for each runtime. Whoever runs programs or hands out guest memory to the host's callbacks does it inside of
 * {@link lock} and {@link unlock}; what a program may reach is ended by {@link call}.
 */
export class Rcu {
  #sections = 0;
  #draining = false;
  readonly #callbacks: (() => void)[] = [];

  /** Whether a section is open. */
  get locked(): boolean {
    return this.#sections > 0;
  }

  /** Begins a section; sections nest. */
  lock(): void {
    this.#sections++;
  }

  /** Ends a section. The outermost one frees what was handed to {@link call} meanwhile. */
  unlock(): void {
    if (--this.#sections === 0 && this.#callbacks.length > 0) this.#drain();
  }

  /** Calls `free` when no section is open: at once, or when the outermost one ends. In the order of the calls, never inside one another. */
  call(free: () => void): void {
    if (this.#sections > 0 || this.#draining) this.#callbacks.push(free);
    else this.#drain(free);
  }

  /** What is freed may free more: a chain of prog arrays and programs is as long as its owner likes, so nothing recurses. */
  #drain(first?: () => void): void {
    this.#draining = true;
    try {
      first?.();
      for (let i = 0; i < this.#callbacks.length; i++) this.#callbacks[i]();
    } finally {
      if (this.#callbacks.length > 0) this.#callbacks.length = 0;
      this.#draining = false;
    }
  }
}
