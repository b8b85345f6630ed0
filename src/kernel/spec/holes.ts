/** Known holes: programs that a kernel version accepts although they are unsafe, and where later versions refuse them. */

/** One hole of the verifier. */
export interface Hole {
  /** What is wrong, in one line. */
  readonly summary: string;
  /** The upstream commit that closed it, where one is known. */
  readonly fix?: string;
  readonly cve?: string;
  /** The first version that has it. */
  readonly since: string;
  /** The first version without it; absent while all have it. */
  readonly fixedIn?: string;
}

/** By id: what is wrong in 6.18. A rule that differs asks VerifierEnv.fixed(id). */
export const HOLES = {
  CALLBACK_LOOP_PRECISION: {
    summary: 'loops through callbacks lose precision marks, so that a path is taken for one that was safe',
    fix: 'f597664454bd',
    since: '6.7',
    fixedIn: '6.19',
  },
  ATOMIC_FETCH_PRECISION: {
    summary: 'what an atomic operation fetches from the stack is not traced back to its slot',
    fix: '179ee84a8911',
    cve: 'CVE-2026-43009',
    since: '5.12',
    fixedIn: '7.0',
  },
  THROW_IN_GLOBAL: {
    summary: 'a global function that throws leaves references, locks and sections of its callers behind',
    fix: '3d562d35a044',
    since: '6.7',
    fixedIn: '7.1',
  },
  NULL_TO_NONNULL_ARG: {
    summary: 'a global function gets the number 0 for a pointer that it does not check',
    since: '5.6',
    fixedIn: '7.3',
  },
  PKT_END_MARKER: {
    summary: 'a packet pointer found beyond the end of the packet counts as beyond after it moved',
    since: '5.11',
    fixedIn: '7.1',
  },
  TRACEPOINT_NEGATIVE_OFFSET: {
    summary: 'tracepoint programs read what lies before their record',
    since: '4.7',
  },
} as const satisfies Record<string, Hole>;

export type HoleId = keyof typeof HOLES;

/** `6.18` as a number that grows with versions. */
function order(version: string): number {
  const [major, minor] = version.split('.').map(Number);
  return major * 1000 + minor;
}

/** `refused from 6.19 on`. */
export const refusedFrom = ({ fixedIn }: Pick<Hole, 'fixedIn'>): string =>
  fixedIn === undefined ? 'refused by no version yet' : `refused from ${fixedIn} on`;

/** The holes that a kernel version has. */
export function holesOf(version: string): ReadonlySet<HoleId> {
  const at = order(version);
  const rows = Object.entries(HOLES) as [HoleId, Hole][];
  return new Set(
    rows
      .filter(([, h]) => order(h.since) <= at && (h.fixedIn === undefined || at < order(h.fixedIn)))
      .map(([id]) => id),
  );
}
