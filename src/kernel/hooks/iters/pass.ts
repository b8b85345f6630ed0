/** One pass over what an iterator iterates. */

import type { Saved } from '../../mem/saved.ts';

/** The arguments beside `meta` of one call, by their names in struct bpf_iter__*: guest addresses. */
export type IterItem = { readonly [argument: string]: number };

/** Items in their order. What an item leads to stays until one is asked for again. */
export interface Pass extends Disposable, Saved {
  /** The item whose turn it is: the first from here on that is still there. */
  item(): IterItem | undefined;
  /** Goes behind it. */
  step(): void;
}

/** A target that was asked for: what it holds, and how it is passed over. */
export interface Iterated {
  /** Names of the arguments, all NULL in the call after the last item. */
  readonly args: readonly string[];
  pass(): Pass;
  /** What was asked for, as struct bpf_link_info tells it: a map, or which tasks. */
  readonly told?: { readonly map_id: number } | { readonly tid: number; readonly pid: number };
  /** Takes and drops references on what is iterated, for a link and for each reader. */
  get?(): void;
  put?(): void;
}
