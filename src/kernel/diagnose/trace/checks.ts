/** Comparisons along the path. */
import {
  BPF_CALL,
  BPF_EXIT,
  BPF_JA,
  BPF_JMP,
  BPF_JMP32,
  BPF_X,
  bpfClass,
  bpfOp,
  bpfSrc,
} from '../../../isa/opcodes.ts';
import { PTR_TO_PACKET, PTR_TO_PACKET_END, PTR_TO_PACKET_META, SCALAR_VALUE } from '../../rules/reg-types.ts';
import { ID, TYPE } from '../../verifier/state/row.ts';
import { type Place, regPlace } from './record.ts';
import type { Link } from './trail.ts';
import type { Walk } from './walk.ts';

/** A conditional jump on the path. */
export interface Check {
  readonly step: number;
  readonly dst: Place;
  /** The register on the right, undefined for constants. */
  readonly src: Place | undefined;
  /** The jump was taken. */
  readonly taken: boolean;
}

/** The conditional jumps in front of a step, oldest first. */
export function checksBefore({ env, trace }: Walk, step: number): Check[] {
  const found: Check[] = [];
  for (let s = 0; s < step; s++) {
    const check = checkAt({ env, trace }, s);
    if (check !== undefined) found.push(check);
  }
  return found;
}

/** The conditional jump at a step; undefined for other instructions. */
export function checkAt({ env, trace }: Pick<Walk, 'env' | 'trace'>, step: number): Check | undefined {
  const idx = trace.insns[step];
  const code = env.insns.code[idx];
  const cls = bpfClass(code);
  const op = bpfOp(code);
  if ((cls !== BPF_JMP && cls !== BPF_JMP32) || op === BPF_CALL || op === BPF_EXIT || op === BPF_JA) return undefined;
  const frame = trace.frames[step];
  const src = bpfSrc(code) === BPF_X ? regPlace(frame, env.insns.src[idx]) : undefined;
  return { step, dst: regPlace(frame, env.insns.dst[idx]), src, taken: trace.insns[step + 1] !== idx + 1 };
}

/** A comparison of a packet pointer with the end of the packet. */
export interface EndCheck extends Check {
  /** The pointer that was compared. */
  readonly pointer: Place;
}

/** What packet pointers are compared with: data_end, and data by those into the metadata. */
const ENDS: ReadonlyMap<number, number> = new Map([
  [PTR_TO_PACKET, PTR_TO_PACKET_END],
  [PTR_TO_PACKET_META, PTR_TO_PACKET],
]);

/** Those of the checks that compare a pointer of the type with the end of its memory. */
export function endChecks({ trace }: Walk, checks: readonly Check[], type = PTR_TO_PACKET): EndCheck[] {
  const end = ENDS.get(type);
  const typeOf = (step: number, place: Place | undefined): number =>
    place === undefined ? -1 : trace.row(step, place)[TYPE];
  return checks.flatMap((check) => {
    const { step, dst, src } = check;
    if (typeOf(step, dst) === type && typeOf(step, src) === end) return [{ ...check, pointer: dst }];
    if (src !== undefined && typeOf(step, src) === type && typeOf(step, dst) === end)
      return [{ ...check, pointer: src }];
    return [];
  });
}

/** Those that compare a number which was the value of the trail when it was compared, or is linked to it. */
export function checksOf({ trace }: Walk, checks: readonly Check[], trail: readonly Link[], last: number): Check[] {
  return checks.filter(({ step, dst, src }) => {
    const link = trail.find((l) => l.step < step);
    if (link === undefined || step > last) return false;
    const id = trace.row(step, link.place)[ID];
    const same = (place: Place | undefined): boolean =>
      place !== undefined &&
      (place === link.place ||
        (id !== 0 && trace.row(step, place)[TYPE] === SCALAR_VALUE && trace.row(step, place)[ID] === id));
    return same(dst) || same(src);
  });
}
