/** Where a value comes from: backwards through copies, the stack, arithmetic and calls. */
import { type Motion, motionInto } from './motion.ts';
import { type Place, lastAtOrBefore } from './record.ts';
import type { Walk } from './walk.ts';

/** One change of the value that is followed. */
export interface Link {
  /** The step that changed it; -1 for what was there at the entry. */
  readonly step: number;
  /** Where the value lay after it. */
  readonly place: Place;
  readonly motion: Motion;
  /** What the place held after it. */
  readonly after: Int32Array;
  /** What the value was before it, wherever it lay then; undefined at its origin. */
  readonly before: Int32Array | undefined;
}

/** Longer trails are cut: the youngest links decide. */
const MOST_LINKS = 512;

/** The trail of what `place` holds in front of `step`, youngest first; its last link is the origin. */
export function trailOf(walk: Walk, step: number, place: Place): readonly Link[] {
  const { trace } = walk;
  const links: Link[] = [];
  while (links.length < MOST_LINKS) {
    const changes = trace.changes(place);
    const i = lastAtOrBefore(changes, step);
    if (i < 0) break;
    const seen = changes[i];
    const motion = motionInto(walk, seen, place);
    const after = trace.row(seen, place);
    const source = sourceOf(motion, place);
    const before = source === undefined ? undefined : trace.row(seen - 1, source);
    links.push({ step: seen - 1, place, motion, after, before });
    if (source === undefined) break;
    step = seen - 1;
    place = source;
  }
  return links;
}

/** Where the value lay before; undefined when it began here. */
function sourceOf(motion: Motion, place: Place): Place | undefined {
  switch (motion.kind) {
    case 'copy':
    case 'fill':
    case 'spill':
    case 'argument':
    case 'returned':
      return motion.from;
    case 'arithmetic':
    case 'refined':
    case 'spoiled':
      return place;
    default:
      return undefined;
  }
}
