/** Which detectors look into which rejection, in their order: the first that finds something has the word. */
import type { Detector } from './cause.ts';
import { nullArgument, nullArithmetic, nullUnchecked } from './nullness.ts';
import { packetEnd, packetNegative, packetRange, packetWrite } from './packet.ts';
import { numberDereferenced, readOnly } from './pointer.ts';

const DETECTORS: Readonly<Record<string, readonly Detector[]>> = {
  'ACCESS.INVALID_MEM_ACCESS': [nullUnchecked, packetEnd, numberDereferenced],
  'ACCESS.CANNOT_WRITE': [readOnly],
  'ACCESS.PACKET_RANGE': [packetRange],
  'ACCESS.PACKET_PAST_END': [packetRange],
  'ACCESS.PACKET_WRITE': [packetWrite],
  'ACCESS.NEGATIVE_INDEX': [packetNegative],
  'ALU.PTR_MAYBE_NULL': [nullArithmetic],
  'ARGS.TYPE_MISMATCH': [nullArgument],
  'ARGS.POSSIBLY_NULL': [nullArgument],
};

const NONE: readonly Detector[] = [];

export const detectorsOf = (rejection: string): readonly Detector[] => DETECTORS[rejection] ?? NONE;
