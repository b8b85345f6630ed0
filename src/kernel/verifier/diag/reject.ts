/** How a check ends a path: one private exception that check.ts turns into an outcome. */
import type { VerifierEnv } from '../env.ts';

/**
 * One row of the catalogue: errno, the kernel's last line, our explanation.
 * Rows stand in diag/catalogue/<topic>.ts; their key is the id of the rejection.
 */
export interface Rejection<Args extends readonly unknown[] = readonly never[]> {
  readonly errno: number;
  /** The kernel's text, without newline; an empty text prints nothing. */
  readonly text: (...args: Args) => string;
  /** Why the kernel refuses this, and what to do, for the reader of a diagnosis. */
  readonly why: string;
}

/** A rejection that may not be the last word. */
export type Said = Pick<Rejected, 'row' | 'errno'>;

/** Thrown by {@link reject} and caught once, in the exploration loop or in check.ts. */
export class Rejected extends Error {
  constructor(
    readonly row: Rejection<never>,
    readonly errno: number,
    /** What its text names: registers, sizes. */
    readonly args: readonly unknown[] = [],
  ) {
    super('rejected');
  }
}

function say(env: VerifierEnv, text: string): void {
  if (text !== '') env.log.reason(text);
}

/** Prints the row's text to the log and abandons the path with its errno. */
export function reject<Args extends readonly unknown[]>(env: VerifierEnv, row: Rejection<Args>, ...args: Args): never {
  say(env, row.text(...args));
  throw new Rejected(row, row.errno, args);
}

/** A line that the kernel adds to a rejection that it passes on: the row's text, with the errno of what was said before. */
export function rejectAfter<Args extends readonly unknown[]>(
  env: VerifierEnv,
  before: Said,
  row: Rejection<Args>,
  ...args: Args
): never {
  if (before.row !== (row as Rejection<never>)) env.notes.add(before.row);
  say(env, row.text(...args));
  throw new Rejected(row, before.errno, args);
}
