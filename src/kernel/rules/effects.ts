/** Effects of calls on the verifier's state beyond their prototype: columns that rows of helpers and of kfuncs share. */

type KeyOf<U> = U extends unknown ? keyof U : never;

/** Exactly one member of the union `U`: a column that only other members have does not compile beside it. */
export type Sole<U, All = U> = U extends unknown ? U & { readonly [K in Exclude<KeyOf<All>, keyof U>]?: never } : never;

/** Callbacks that run any number of times before the call returns. */
export type SyncCallback = 'loop' | 'for_each_map_elem' | 'find_vma' | 'user_ringbuf_drain' | 'rbtree_add';
/** Callbacks that run later, each as a program of its own. */
export type AsyncCallback = 'timer' | 'wq' | 'task_work';
/** Arguments of the callback (call/callback.ts). */
export type CallbackKind = SyncCallback | AsyncCallback;

/** When the function of the program that is passed runs, and with which arguments. */
export type Callback = Sole<{ readonly sync: SyncCallback } | { readonly async: AsyncCallback }>;

export const callbackKind = (callback: Callback): CallbackKind => callback.sync ?? callback.async;

/** Locks by the functions that take them: plain, resilient, resilient with interrupts off. */
export type LockKind = 'spin' | 'res' | 'res-irq';

/** The argument that points to a lock is taken, or given back. A resilient lock may fail: the call forks. */
export interface LockEffect<K extends LockKind> {
  readonly lock: K;
  readonly take: boolean;
}
