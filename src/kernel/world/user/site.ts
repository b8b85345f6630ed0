/** One place in the code of a binary that is probed: who is called there, and the semaphore that says so to the process. */
import { type Restore, saveAll, type Saved } from '../../mem/saved.ts';
import { HookPoint } from '../hook-point.ts';

/** One passage: registers in guest memory (struct pt_regs). */
export interface UserHit {
  readonly regs: number;
}

export class Site implements Saved {
  /** Called when it is passed; the newest first. */
  readonly entry = new HookPoint<UserHit>({ idle: undefined, order: 'first' });
  /** Called when the function that begins there returns; the newest first. */
  readonly exit = new HookPoint<UserHit>({ idle: undefined, order: 'first' });
  /** Offset of the semaphore in the file; 0 without one. */
  readonly semaphore: number;
  /** Probes that hold the site. */
  holders = 0;

  constructor(semaphore: number) {
    this.semaphore = semaphore;
  }

  save(): Restore {
    const { holders } = this;
    const hooks = saveAll([this.entry, this.exit]);
    return () => {
      this.holders = holders;
      hooks();
    };
  }
}
