/** A place where the world asks whoever has attached to it: a list, empty most of the time, that is called in order. */

import type { Restore, Saved } from '../mem/saved.ts';

/** How the verdicts of a point become one. */
export interface HookRule<V> {
  /** The verdict when nothing is attached, and what the first hook's is joined to. */
  readonly idle: V;
  /** What two verdicts in order come to. By default the later one. */
  readonly join?: (before: V, said: V) => V;
  /** Whether a verdict ends the run: hooks behind are not asked. By default none does. */
  readonly ends?: (verdict: V) => boolean;
  /** Where a new hook is put. Default: `last`. */
  readonly order?: HookOrder;
  /** Shared with other points that one check is to answer for. */
  readonly use?: HookUse;
}

/** How many of some points have hooks: one check for all of them. */
export class HookUse {
  /** Points that are not idle. */
  count = 0;
}

/** One hook in its place. */
export interface Attachment {
  /** Whether it is called. */
  readonly attached: boolean;
  /** Takes it away: it is not called again, by a run in progress either. False when it was away. */
  detach(): boolean;
}

type Hook<E, V> = (event: E) => V;

class Entry<E, V> implements Attachment {
  readonly hook: Hook<E, V>;
  readonly #point: HookPoint<E, V>;
  attached = true;

  constructor(point: HookPoint<E, V>, hook: Hook<E, V>) {
    this.#point = point;
    this.hook = hook;
  }

  detach(): boolean {
    if (!this.attached) return false;
    this.attached = false;
    this.#point.drop(this);
    return true;
  }
}

/** Where a hook is put among those that are attached. */
export type HookOrder = 'last' | 'first';

/**
 * Calls what is attached with what happened, in the order of attachment, or in the opposite one for a point that says so. Hooks may attach, detach and run the same point again: a
 * run calls those that were attached when it began and still are, each once. What a hook throws ends the run; nothing is held by one.
 */
export class HookPoint<E, V = void> implements Saved {
  readonly #idle: V;
  readonly #join: HookRule<V>['join'];
  readonly #ends: HookRule<V>['ends'];
  readonly #order: HookOrder;
  readonly #use: HookUse | undefined;
  /** Replaced, never changed: a run goes on with the list that it began with. */
  #entries: readonly Entry<E, V>[] | undefined;

  constructor(rule: HookRule<V>) {
    this.#idle = rule.idle;
    this.#join = rule.join;
    this.#ends = rule.ends;
    this.#order = rule.order ?? 'last';
    this.#use = rule.use;
  }

  #replace(entries: readonly Entry<E, V>[] | undefined): void {
    if (this.#use !== undefined) this.#use.count += Number(entries !== undefined) - Number(this.#entries !== undefined);
    this.#entries = entries;
  }

  /** Whether nothing is attached: then what only hooks look at need not be made. */
  get idle(): boolean {
    return this.#entries === undefined;
  }

  /** How many hooks are attached. */
  get size(): number {
    return this.#entries?.length ?? 0;
  }

  /** Asks all hooks. */
  run(event: E): V {
    const entries = this.#entries;
    return entries === undefined ? this.#idle : this.#runAll(entries, event);
  }

  #runAll(entries: readonly Entry<E, V>[], event: E): V {
    const join = this.#join;
    const ends = this.#ends;
    let verdict = this.#idle;
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i];
      if (!entry.attached) continue;
      const said = entry.hook(event);
      verdict = join === undefined ? said : join(verdict, said);
      if (ends?.(verdict) === true) break;
    }
    return verdict;
  }

  /** Attaches a hook where the point puts new ones. The same function may be attached more than once. */
  attach(hook: (event: E) => V): Attachment {
    const entry = new Entry(this, hook);
    const others = this.#entries ?? [];
    this.#replace(this.#order === 'first' ? [entry, ...others] : [...others, entry]);
    return entry;
  }

  /** Of an entry that was detached. */
  drop(entry: Attachment): void {
    const left = (this.#entries ?? []).filter((e) => e !== entry);
    this.#replace(left.length === 0 ? undefined : left);
  }

  /** What is attached now. */
  save(): Restore {
    const saved = this.#entries;
    return () => {
      for (const entry of this.#entries ?? []) entry.attached = false;
      for (const entry of saved ?? []) entry.attached = true;
      this.#replace(saved);
    };
  }
}
