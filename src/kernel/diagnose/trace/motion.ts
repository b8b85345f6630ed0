/** What one instruction did to a register or stack slot. */
import {
  BPF_ABS,
  BPF_ALU,
  BPF_ALU64,
  BPF_ATOMIC,
  BPF_CALL,
  BPF_EXIT,
  BPF_IND,
  BPF_JMP,
  BPF_JMP32,
  BPF_LD,
  BPF_LDX,
  BPF_MOV,
  BPF_PSEUDO_CALL,
  BPF_ST,
  BPF_STX,
  BPF_X,
  bpfClass,
  bpfMode,
  bpfOp,
  bpfSrc,
} from '../../../isa/opcodes.ts';
import { NOT_INIT, PTR_TO_STACK, SCALAR_VALUE } from '../../rules/reg-types.ts';
import { FRAMENO, OFF, SLOT_TYPES, STACK_SPILL, TYPE, VALUE_LO, slotType } from '../../verifier/state/row.ts';
import { type Place, frameOf, regPlace, regnoOf, slotPlace } from './record.ts';
import type { Walk } from './walk.ts';

/** How a place came to hold what it holds. `from`: the place that it was taken of. */
export type Motion =
  /** Held at the entry: the context, arguments of a global function or of a callback. */
  | { readonly kind: 'entry' }
  | { readonly kind: 'copy' | 'fill' | 'spill' | 'argument' | 'returned'; readonly from: Place }
  /** Changed by arithmetic; `operand` is the register on the right. */
  | { readonly kind: 'arithmetic'; readonly operand: Place | undefined }
  /** Loaded through a pointer that is not the stack's. */
  | { readonly kind: 'load'; readonly base: Place }
  | { readonly kind: 'constant' }
  /** What a call gave back. */
  | { readonly kind: 'result' }
  /** A slot that a helper or a store of a constant filled. */
  | { readonly kind: 'written' }
  /** A register that a call does not keep. */
  | { readonly kind: 'clobbered' }
  /** A comparison told more of it. */
  | { readonly kind: 'refined' }
  /** A call made a pointer unusable. */
  | { readonly kind: 'spoiled' };

const REFINED: Motion = { kind: 'refined' };
const RESULT: Motion = { kind: 'result' };
const ENTRY: Motion = { kind: 'entry' };

/** What the step before `step` did to `place`, which holds something else since. */
export function motionInto({ env, trace }: Walk, step: number, place: Place): Motion {
  if (step === 0) return ENTRY;
  const at = step - 1;
  const code = env.insns.code[trace.insns[at]];
  const cls = bpfClass(code);
  const entered = trace.frames[step] > trace.frames[at];
  if (entered && frameOf(place) > trace.frames[at]) return intoFrame({ env, trace }, at, place);
  if (cls === BPF_JMP && bpfOp(code) === BPF_EXIT) return leavingFrame({ env, trace }, at, place);
  if (frameOf(place) === trace.frames[at] && regnoOf(place) >= 0) {
    if (cls === BPF_ALU || cls === BPF_ALU64) return byAlu({ env, trace }, at, place);
    if (cls === BPF_LDX || cls === BPF_LD) return byLoad({ env, trace }, at, place);
    if (cls === BPF_STX && bpfMode(code) === BPF_ATOMIC)
      return { kind: 'load', base: regPlace(trace.frames[at], env.insns.dst[trace.insns[at]]) };
  }
  if (cls === BPF_ST || cls === BPF_STX) return regnoOf(place) >= 0 ? REFINED : byStore({ env, trace }, at);
  if ((cls === BPF_JMP || cls === BPF_JMP32) && bpfOp(code) === BPF_CALL) return byCall(trace, step, place);
  return REFINED;
}

type Path = Pick<Walk, 'env' | 'trace'>;

function intoFrame({ env, trace }: Path, at: number, place: Place): Motion {
  const regno = regnoOf(place);
  const idx = trace.insns[at];
  const called = env.insns.code[idx] === (BPF_JMP | BPF_CALL) && env.insns.src[idx] === BPF_PSEUDO_CALL;
  return called && regno >= 1 && regno <= 5 ? { kind: 'argument', from: regPlace(trace.frames[at], regno) } : ENTRY;
}

function leavingFrame({ env, trace }: Path, at: number, place: Place): Motion {
  const regno = regnoOf(place);
  if (regno < 0 || regno > 5 || frameOf(place) !== trace.frames[at] - 1) return REFINED;
  if (regno > 0) return { kind: 'clobbered' };
  const next = trace.insns[at + 1] - 1;
  const called = env.insns.code[next] === (BPF_JMP | BPF_CALL) && env.insns.src[next] === BPF_PSEUDO_CALL;
  return called ? { kind: 'returned', from: regPlace(trace.frames[at], 0) } : RESULT;
}

function byAlu({ env, trace }: Path, at: number, place: Place): Motion {
  const idx = trace.insns[at];
  const { insns } = env;
  if (regnoOf(place) !== insns.dst[idx]) return REFINED;
  const operand = bpfSrc(insns.code[idx]) === BPF_X ? regPlace(trace.frames[at], insns.src[idx]) : undefined;
  if (bpfOp(insns.code[idx]) !== BPF_MOV) return { kind: 'arithmetic', operand };
  return operand === undefined ? { kind: 'constant' } : { kind: 'copy', from: operand };
}

function byLoad({ env, trace }: Path, at: number, place: Place): Motion {
  const idx = trace.insns[at];
  const { insns } = env;
  const code = insns.code[idx];
  if (bpfClass(code) === BPF_LD && (bpfMode(code) === BPF_ABS || bpfMode(code) === BPF_IND)) {
    return regnoOf(place) === 0 ? RESULT : { kind: 'clobbered' };
  }
  if (regnoOf(place) !== insns.dst[idx]) return REFINED;
  if (bpfClass(code) === BPF_LD) return { kind: 'constant' };
  const base = regPlace(trace.frames[at], insns.src[idx]);
  const row = trace.row(at, base);
  if (row[TYPE] !== PTR_TO_STACK) return { kind: 'load', base };
  return { kind: 'fill', from: slotPlace(row[FRAMENO], slotOf(row, insns.off[idx])) };
}

/** The slot that a stack pointer leads to, with an offset. */
export const slotOf = (row: Int32Array, off: number): number => (-(row[OFF] + row[VALUE_LO] + off) - 1) >> 3;

function byStore({ env, trace }: Path, at: number): Motion {
  const idx = trace.insns[at];
  if (bpfClass(env.insns.code[idx]) === BPF_ST) return { kind: 'written' };
  return { kind: 'spill', from: regPlace(trace.frames[at], env.insns.src[idx]) };
}

function byCall(trace: Walk['trace'], step: number, place: Place): Motion {
  const regno = regnoOf(place);
  const inFrame = frameOf(place) === trace.frames[step - 1];
  if (inFrame && regno === 0) return RESULT;
  if (inFrame && regno > 0 && regno <= 5) return { kind: 'clobbered' };
  const before = trace.row(step - 1, place);
  const after = trace.row(step, place);
  if (regno < 0 && slotType(before, 0, 7) !== STACK_SPILL) return { kind: 'written' };
  if (regno < 0 && before[SLOT_TYPES] !== after[SLOT_TYPES]) return { kind: 'written' };
  const pointer = before[TYPE] !== SCALAR_VALUE && before[TYPE] !== NOT_INIT;
  return pointer && (after[TYPE] === SCALAR_VALUE || after[TYPE] === NOT_INIT) ? { kind: 'spoiled' } : REFINED;
}
