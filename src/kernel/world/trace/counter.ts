/** One counter of an open perf event. */
import type { Saved } from '../../mem/saved.ts';
import type { Attachment } from '../hook-point.ts';

export interface Counter extends Saved {
  /** How much it has counted, and for how many nanoseconds. */
  read(): { readonly count: bigint; readonly time: bigint };
  /** Counted between two samples; 0 when there are none. */
  readonly period: bigint;
  /** Calls it at each sample, with the address that the sample is about. */
  attach(sample: (address: bigint) => void): Attachment;
  /** Nothing is counted any more. */
  close(): void;
}
