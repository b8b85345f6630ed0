/** What a diagnosis says: plain data, the same for the terminal, JSON and the library. */

/** A place in the program. `line` and `column` count from 1; 0 is unknown, as are an empty file and text. */
export interface Site {
  /** Instruction. */
  readonly insn: number;
  readonly function: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The C line as it was written. */
  readonly text: string;
  /** The expression that is meant, and where it begins in the line, from 1. */
  readonly expression?: { readonly column: number; readonly text: string };
}

/** A line of C. */
export interface SourceLine {
  readonly line: number;
  readonly text: string;
}

/** What an event did to the value or object at fault. */
export type EventKind =
  | 'made'
  | 'bounded'
  | 'unbounded'
  | 'copied'
  | 'moved'
  | 'stale'
  | 'released'
  | 'branch'
  | 'acquired'
  | 'written'
  | 'call'
  | 'loop'
  | 'fault';

/** One step of the path that led to the fault. */
export interface CausalEvent extends Site {
  readonly kind: EventKind;
  /** What happened here, without a full stop. */
  readonly note: string;
}

/** Values that the verifier had, by name: sizes and offsets in bytes, ranges as numbers, types and maps as text. */
export type Values = Readonly<Record<string, number | string>>;

export interface Diagnosis {
  /** The cause, `PACKET_STALE`; `skep explain` has a page for each. */
  readonly cause: string;
  /** Id of the verifier's rejection, `ACCESS.INVALID_MEM_ACCESS`; '' of what a loader refused. */
  readonly rejection: string;
  readonly at: Site;
  /** The line at fault with those next to it that are known, in their order. */
  readonly source: readonly SourceLine[];
  /** What is wrong with the expression at `at`. */
  readonly label: string;
  /** One or two sentences: what is wrong and why. */
  readonly explanation: string;
  /** What to do about it. */
  readonly fix: string;
  /** How it came to this, oldest first. */
  readonly path: readonly CausalEvent[];
  readonly values: Values;
}
