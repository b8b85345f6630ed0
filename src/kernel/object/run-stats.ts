/** Counting of runs, while somebody keeps it on (bpf_stats_enabled_key). */
import type { Restore, Saved } from '../mem/saved.ts';
import type { LoadedProg } from './prog.ts';

export class RunStats implements Saved {
  /** Open descriptors of ENABLE_STATS. */
  users = 0;
  readonly #stopwatch: () => number;

  /** @param stopwatch milliseconds with a fraction, monotonic */
  constructor(stopwatch: () => number) {
    this.#stopwatch = stopwatch;
  }

  /** Where a run begins: what {@link end} is to be given; undefined while nothing is counted. */
  begin(): number | undefined {
    return this.users > 0 ? this.#stopwatch() : undefined;
  }

  /** @param runs how many there were */
  end(prog: LoadedProg, began: number | undefined, runs: number): void {
    if (began === undefined) return;
    prog.runCnt += runs;
    prog.runTimeNs += (this.#stopwatch() - began) * 1e6;
  }

  save(): Restore {
    const { users } = this;
    return () => void (this.users = users);
  }
}
