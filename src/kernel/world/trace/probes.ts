/** Probes at the entry and return of a function: two groups, one of single probes and one of those on many functions at once. */
import { type Restore, saveAll, type Saved } from '../../mem/saved.ts';
import { type Attachment, HookPoint, type HookUse } from '../hook-point.ts';
import type { TracedFunction } from './function.ts';

/** One passage of a probe: registers in guest memory (struct pt_regs). */
export interface ProbeHit {
  readonly target: TracedFunction;
  readonly regs: number;
}

/** `single`: kprobe and kretprobe; `multi`: kprobe_multi. */
export type ProbeGroup = 'single' | 'multi';

/** Which group is called first: the one that came into use later. One for all functions. */
export class ProbeOrder implements Saved {
  readonly #used = { single: 0, multi: 0 };
  #first: ProbeGroup = 'multi';

  take(group: ProbeGroup): void {
    if (this.#used[group]++ === 0) this.#first = group;
  }

  drop(group: ProbeGroup): void {
    this.#used[group]--;
  }

  get first(): ProbeGroup {
    return this.#first;
  }

  save(): Restore {
    const used = { ...this.#used };
    const first = this.#first;
    return () => {
      Object.assign(this.#used, used);
      this.#first = first;
    };
  }
}

/** The probes of one function. */
export class Probes implements Saved {
  readonly #order: ProbeOrder;
  readonly #entry: Readonly<Record<ProbeGroup, HookPoint<ProbeHit>>>;
  readonly #return: Readonly<Record<ProbeGroup, HookPoint<ProbeHit>>>;

  constructor(order: ProbeOrder, use: HookUse) {
    this.#order = order;
    const first = (): HookPoint<ProbeHit> => new HookPoint<ProbeHit>({ idle: undefined, order: 'first', use });
    this.#entry = { single: first(), multi: first() };
    // The entry that came last hid the return address first, so it is the last to see the return.
    this.#return = { single: new HookPoint<ProbeHit>({ idle: undefined, use }), multi: first() };
  }

  /** Whether nothing is attached. */
  get idle(): boolean {
    return this.#entry.single.idle && this.#entry.multi.idle && this.returnIdle;
  }

  get returnIdle(): boolean {
    return this.#return.single.idle && this.#return.multi.idle;
  }

  attach(where: 'entry' | 'return', group: ProbeGroup, hook: (hit: ProbeHit) => void): Attachment {
    this.#order.take(group);
    const inner = (where === 'entry' ? this.#entry : this.#return)[group].attach(hook);
    const order = this.#order;
    return {
      get attached() {
        return inner.attached;
      },
      detach() {
        const done = inner.detach();
        if (done) order.drop(group);
        return done;
      },
    };
  }

  enter(hit: ProbeHit): void {
    const { first } = this.#order;
    this.#entry[first].run(hit);
    this.#entry[other(first)].run(hit);
  }

  leave(hit: ProbeHit): void {
    const { first } = this.#order;
    this.#return[other(first)].run(hit);
    this.#return[first].run(hit);
  }

  save(): Restore {
    return saveAll([this.#entry.single, this.#entry.multi, this.#return.single, this.#return.multi]);
  }
}

const other = (group: ProbeGroup): ProbeGroup => (group === 'single' ? 'multi' : 'single');
