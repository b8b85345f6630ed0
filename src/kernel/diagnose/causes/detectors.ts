/** Which detectors look into which rejection, in their order: the first that finds something has the word. */
import { argumentKind, contextModified, mapMismatch, untrusted } from './argument.ts';
import { offsetUnbounded, pointerOperator } from './arithmetic.ts';
import { outOfBounds } from './bounds.ts';
import type { Detector } from './cause.ts';
import { contextAccess, helperNotForType, helperUnknown, maySleep, notGpl } from './context.ts';
import { backEdge, unending } from './loops.ts';
import { nullArgument, nullArithmetic, nullKfuncArgument, nullUnchecked } from './nullness.ts';
import { packetEnd, packetNegative, packetRange, packetWrite } from './packet.ts';
import { numberDereferenced, readOnly, readOnlyMap } from './pointer.ts';
import { notReadable, returned, stackLimit } from './register.ts';
import { leak, notAcquired, releasedTwice, sectionOpen } from './resource.ts';
import { sizes } from './sizes.ts';

const BOUNDS = [packetNegative, outOfBounds];
const OPERATOR = [pointerOperator];
const OFFSET = [offsetUnbounded];
const RETURNED = [returned];
const STACK_LIMIT = [stackLimit];
const SECTION = [sectionOpen];
const UNENDING = [unending];
const MODIFIED = [contextModified];
const NOT_ACQUIRED = [releasedTwice, notAcquired];

const DETECTORS: Readonly<Record<string, readonly Detector[]>> = {
  'ACCESS.CANNOT_WRITE': [readOnly],
  'ACCESS.CTX': [contextAccess],
  'ACCESS.INVALID_MEM_ACCESS': [nullUnchecked, packetEnd, numberDereferenced],
  'ACCESS.MAP_WRITE_FORBIDDEN': [readOnlyMap],
  'ACCESS.MAX_OUTSIDE': BOUNDS,
  'ACCESS.MIN_OUTSIDE': BOUNDS,
  'ACCESS.NEGATIVE_INDEX': BOUNDS,
  'ACCESS.PACKET_PAST_END': [packetRange],
  'ACCESS.PACKET_RANGE': [packetRange],
  'ACCESS.PACKET_WRITE': [packetWrite],
  'ACCESS.PTR_MODIFIED': MODIFIED,
  'ACCESS.PTR_NEGATIVE': MODIFIED,
  'ACCESS.PTR_VARIABLE': MODIFIED,
  'ACCESS.UNBOUNDED': BOUNDS,
  'ALU.MATH_CONST': OFFSET,
  'ALU.MATH_UNBOUNDED': OFFSET,
  'ALU.PARTIAL_COPY': OPERATOR,
  'ALU.POINTERS_COMBINED': OPERATOR,
  'ALU.POINTER_ARITHMETIC': OPERATOR,
  'ALU.PTR_ALU32': OPERATOR,
  'ALU.PTR_BITWISE': OPERATOR,
  'ALU.PTR_MAYBE_NULL': [nullArithmetic],
  'ALU.PTR_OFFSET': OFFSET,
  'ALU.PTR_OPERATOR': OPERATOR,
  'ALU.PTR_OUT_OF_BOUNDS': OFFSET,
  'ALU.PTR_PROHIBITED': OPERATOR,
  'ALU.SUBTRACT_FROM_SCALAR': OPERATOR,
  'ALU.SUBTRACT_FROM_STACK': OPERATOR,
  'ARGS.MAY_WRITE_INTO': [argumentKind],
  'ARGS.NOT_REFERENCED': NOT_ACQUIRED,
  'ARGS.POSSIBLY_NULL': [nullArgument],
  'ARGS.SIZE_NEGATIVE': [sizes],
  'ARGS.SIZE_UNBOUNDED': [sizes],
  'ARGS.SIZE_ZERO': [sizes],
  'ARGS.TYPE_MISMATCH': [nullArgument, releasedTwice, argumentKind],
  'CALL.GPL_ONLY': [notGpl],
  'CALL.HELPER_NOT_ALLOWED': [helperNotForType],
  'CALL.INVALID_FUNC': [helperUnknown],
  'CALL.MAP_FUNC_MISMATCH': [mapMismatch],
  'CALL.MAP_WRITE_FORBIDDEN': [readOnlyMap],
  'CALL.MIGHT_SLEEP': [maySleep],
  'CALL.NOT_ACQUIRED': NOT_ACQUIRED,
  'CALL.RETURN_LEAKS': RETURNED,
  'CALL.RETURN_NOT_KNOWN': RETURNED,
  'CALL.RETURN_RANGE': RETURNED,
  'CALL.SLEEPABLE_IN': [maySleep],
  'CALL.SUBPROG_RETURN': RETURNED,
  'EXPLORE.INFINITE_LOOP': UNENDING,
  'EXPLORE.TOO_LARGE': UNENDING,
  'EXPLORE.TOO_MANY_JUMPS': UNENDING,
  'KFUNC.BTF_REG': [untrusted],
  'KFUNC.NOT_RCU': [untrusted],
  'KFUNC.NOT_TRUSTED': [untrusted],
  'KFUNC.POSSIBLY_NULL': [nullKfuncArgument],
  'KFUNC.RELEASE_NOTHING': NOT_ACQUIRED,
  'KFUNC.SLEEPABLE': [maySleep],
  'KFUNC.SLEEPABLE_IN': [maySleep],
  'REGS.REG_NOT_READABLE': [notReadable],
  'RESOURCE.IRQ_SAVED': SECTION,
  'RESOURCE.LOCK_HELD': SECTION,
  'RESOURCE.PREEMPT_DISABLED': SECTION,
  'RESOURCE.RCU_LOCKED': SECTION,
  'RESOURCE.REFERENCE_LEAK': [leak],
  'BRANCH.CALL_WHILE_LOCKED': SECTION,
  'STACK.ABOVE_FRAME': BOUNDS,
  'STACK.OUT_OF_BOUNDS': BOUNDS,
  'STACK.UNBOUNDED': BOUNDS,
  'STACK.VAR_ABOVE_FRAME': BOUNDS,
  'STACK.VAR_OUT_OF_BOUNDS': BOUNDS,
  'STRUCTURE.BACK_EDGE': [backEdge],
  'STRUCTURE.FRAMES_TOO_DEEP': STACK_LIMIT,
  'STRUCTURE.KFUNC_NOT_GPL': [notGpl],
  'STRUCTURE.STACK_COMBINED': STACK_LIMIT,
  'STRUCTURE.STACK_SUBPROG': STACK_LIMIT,
  'STRUCTURE.STACK_TAIL_CALL': STACK_LIMIT,
};

const NONE: readonly Detector[] = [];

export const detectorsOf = (rejection: string): readonly Detector[] => DETECTORS[rejection] ?? NONE;
