/** Comparisons that bounded another copy of a number than the one that is used. */
import { BPF_JMP32, bpfClass } from '../../../isa/opcodes.ts';
import { SCALAR_VALUE } from '../../rules/reg-types.ts';
import { TYPE, U32_MAX, umaxOf } from '../../verifier/state/row.ts';
import type { Inquiry } from '../inquiry.ts';
import { type Check, checksBefore } from '../trace/checks.ts';
import type { Place } from '../trace/record.ts';
import type { Link } from '../trace/trail.ts';
import type { Finding } from './cause.ts';

/** A comparison of the same thing that does not count, of those that are not among `counted`. */
export function boundedCopy(
  q: Inquiry,
  trail: readonly Link[],
  step: number,
  counted: readonly Check[],
): Pick<Finding, 'cause' | 'explanation' | 'fix'> | undefined {
  const half = counted.find((c) => bpfClass(q.env.insns.code[q.insnAt(c.step)]) === BPF_JMP32);
  const now = trail[0]?.after;
  if (half !== undefined && now !== undefined && isHalf(q, half)) {
    return {
      cause: 'BOUND_ON_HALF',
      explanation: `The comparison in ${q.where(q.insnAt(half.step))} is of its lower 32 bits only, and all 64 are used.`,
      fix: 'make the variable 64 bits wide (__u64), so that all of it is compared; or mask it right before the use',
    };
  }
  const origin = trail.at(-1);
  if (origin === undefined || origin.step < 0) return undefined;
  for (const check of checksBefore(q.walk, step).reverse()) {
    if (counted.some((c) => c.step === check.step)) continue;
    for (const place of [check.dst, check.src]) {
      if (place === undefined || q.row(place, check.step)[TYPE] !== SCALAR_VALUE) continue;
      const found = sameThing(q, origin, place, check);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** Whether the comparison left the lower half bounded, and the whole not. */
function isHalf(q: Inquiry, check: Check): boolean {
  const row = q.row(check.dst, check.step + 1);
  return row[U32_MAX] >>> 0 < 2 ** 31 && umaxOf(row, 0) > 2 ** 32;
}

function sameThing(
  q: Inquiry,
  origin: Link,
  place: Place,
  check: Check,
): Pick<Finding, 'cause' | 'explanation' | 'fix'> | undefined {
  const other = q.trail(place, check.step).at(-1);
  if (other === undefined || other.step < 0) return undefined;
  const line = q.where(q.insnAt(check.step));
  if (other.step === origin.step) {
    return {
      cause: 'BOUND_ON_COPY',
      explanation: `The comparison in ${line} bounds another copy of it, of another width or computed from it: the verifier does not carry that over.`,
      fix: 'compare the very variable that is used, after its last conversion, or mask it right before the use',
    };
  }
  const [a, b] = [origin, other].map((l) => q.expression(q.insnAt(l.step))?.text);
  if (origin.motion.kind !== 'load' || other.motion.kind !== 'load' || a === undefined || a !== b) return undefined;
  return {
    cause: 'VALUE_READ_AGAIN',
    explanation: `The comparison in ${line} was of an earlier read of \`${a}\`: it is read from memory again in ${q.where(q.insnAt(origin.step))}, and may have changed.`,
    fix: 'read it into a local variable once, compare that, and use that',
  };
}
