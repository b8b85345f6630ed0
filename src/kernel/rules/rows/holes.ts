/** Known holes: programs that a kernel version accepts although they are unsafe, and where later versions refuse them. */

import { holdsIn, type VersionName, type Versioned } from '../version.ts';

/** One hole of the verifier; `until` is the first version without it. */
export interface Hole extends Versioned {
  /** The fault, in one line. */
  readonly summary: string;
  /** The upstream commit that closed it, where one is known. */
  readonly fix?: string;
  readonly cve?: string;
}

/** By id: what is wrong in 6.18. A rule that differs asks VerifierEnv.fixed(id). */
export const HOLES = {
  CALLBACK_LOOP_PRECISION: {
    summary: 'loops through callbacks lose precision marks, so that a path is taken for one that was safe',
    fix: 'f597664454bd',
    since: '6.7',
    until: '6.19',
  },
  ATOMIC_FETCH_PRECISION: {
    summary: 'what an atomic operation fetches from the stack is not traced back to its slot',
    fix: '179ee84a8911',
    cve: 'CVE-2026-43009',
    since: '5.12',
    until: '7.0',
  },
  THROW_IN_GLOBAL: {
    summary: 'a global function that throws leaves references, locks and sections of its callers behind',
    fix: '3d562d35a044',
    since: '6.7',
    until: '7.1',
  },
  NULL_TO_NONNULL_ARG: {
    summary: 'a global function gets the number 0 for a pointer that it does not check',
    since: '5.6',
    until: '7.2',
  },
  PKT_END_MARKER: {
    summary: 'a packet pointer found beyond the end of the packet counts as beyond after it moved',
    since: '5.11',
    until: '7.1',
  },
  NUMBER_PLUS_POINTER: {
    summary: 'a number plus a pointer forgets the reference and the frame of the pointer, and outlives the object',
    since: '6.18',
    until: '7.1',
  },
  DYNPTR_SLICE_AFTER_RELEASE: {
    summary: 'a slice that bpf_dynptr_slice made outlives the ring buffer record that it lies in',
    fix: '308c7a0ae885',
    since: '6.4',
    until: '7.2',
  },
  DYNPTR_SLICE_LEFT_BEHIND: {
    summary: 'a function returns a slice of its own dynptr, which outlives the ring buffer record or packet',
    since: '6.5',
  },
  DYNPTR_OF_RELEASED_PACKET: {
    summary: 'the dynptr of a packet and its slices outlive the packet that a queueing discipline gave away',
    since: '6.16',
    until: '7.2',
  },
  DYNPTR_CLONE_IN_OTHER_FRAME: {
    summary: 'a clone of a dynptr that lies in the stack of another function outlives the ring buffer record',
    fix: '2eee6fe8ac2c',
    since: '6.5',
    until: '7.2',
  },
  REFCOUNT_ACQUIRE_OFFSET: {
    summary: 'bpf_refcount_acquire takes the address of a member for that of the object',
    since: '6.4',
    until: '7.2',
  },
  TRACEPOINT_NEGATIVE_OFFSET: {
    summary: 'tracepoint programs read what lies before their record',
    since: '4.7',
  },
} as const satisfies Readonly<Record<string, Hole>>;

export type HoleId = keyof typeof HOLES;

/** `refused from 6.19 on`. */
export const refusedFrom = (fixedIn: VersionName | undefined): string =>
  fixedIn === undefined ? 'refused by no version yet' : `refused from ${fixedIn} on`;

/** The holes of a kernel version, given as a number. */
export function holesIn(version: number): ReadonlySet<HoleId> {
  const rows = Object.entries(HOLES) as [HoleId, Hole][];
  return new Set(rows.filter(([, hole]) => holdsIn(hole, version)).map(([id]) => id));
}
