/** What a cause is: the page that explains it, and what a detector finds. */
import type { CausalEvent, Values } from '../diagnosis.ts';
import type { Inquiry } from '../inquiry.ts';

/** A row of the catalogue of causes. Its key is the id that users see; ids stay. */
export interface Cause {
  /** The cause in a few words, for lists: no full stop. */
  readonly title: string;
  /** What happens, why the kernel refuses it, and what to write instead: sentences, for `skep explain`. */
  readonly page: string;
  /** A program that meets it, and the same mended, as C. */
  readonly example?: { readonly bad: string; readonly good: string };
}

/** What a detector found out. */
export interface Finding {
  /** Id of the cause. */
  readonly cause: string;
  readonly label: string;
  readonly explanation: string;
  readonly fix: string;
  readonly path: readonly CausalEvent[];
  readonly values?: Values;
  /** The instruction at fault, where it is another than the one that was refused. */
  readonly insn?: number;
}

/** Looks at the state and the path; undefined when the cause is another. */
export type Detector = (q: Inquiry) => Finding | undefined;
