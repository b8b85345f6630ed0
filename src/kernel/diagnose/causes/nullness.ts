/** Pointers that may be NULL. */
import {
  BPF_CALL,
  BPF_JEQ,
  BPF_JMP,
  BPF_JNE,
  BPF_K,
  BPF_ST,
  BPF_STX,
  bpfClass,
  bpfOp,
  bpfSrc,
} from '../../../isa/opcodes.ts';
import { ID } from '../../verifier/state/row.ts';
import { findContainingSubprog, subprogEnd } from '../../verifier/subprog.ts';
import type { Values } from '../diagnosis.ts';
import type { Inquiry } from '../inquiry.ts';
import { storyOf, tell } from '../story.ts';
import { checksBefore } from '../trace/checks.ts';
import { type Place, regnoOf } from '../trace/record.ts';
import { mayBeNull, quoted, thing } from '../words.ts';
import type { Detector, Finding } from './cause.ts';

/** ACCESS.INVALID_MEM_ACCESS through a pointer that may be NULL. */
export const nullUnchecked: Detector = (q) => unchecked(q, q.reg(q.number(0)), q.baseName(q.insn), 'used');

/** A helper or kfunc is given a pointer that may be NULL. */
export const nullArgument: Detector = (q) => {
  const regno = q.number(0);
  if (regno < 1 || regno > 5) return undefined;
  return unchecked(q, q.reg(regno), q.argumentText(regno), `given to ${q.callee(q.insn) ?? 'the call'}`);
};

/** KFUNC.POSSIBLY_NULL, which counts arguments from 0. */
export const nullKfuncArgument: Detector = (q) => {
  const regno = q.number(0) + 1;
  return unchecked(q, q.reg(regno), q.argumentText(regno), `given to ${q.callee(q.insn) ?? 'the call'}`);
};

/** ALU.PTR_MAYBE_NULL: it is moved before it is compared. */
export const nullArithmetic: Detector = (q) => {
  const place = q.reg(q.number(0));
  const row = q.row(place);
  if (!mayBeNull(row)) return undefined;
  const found = unchecked(q, place, q.baseName(q.insn), 'moved');
  return found === undefined
    ? undefined
    : { ...found, cause: 'NULL_ARITHMETIC', label: 'may be NULL, and cannot be moved' };
};

function unchecked(q: Inquiry, place: Place, named: string | undefined, how: string): Finding | undefined {
  const row = q.row(place);
  if (!mayBeNull(row)) return undefined;
  const trail = q.trail(place);
  const name = quoted(named, 'the pointer');
  const origin = trail.at(-1);
  const call = origin === undefined || origin.step < 0 ? undefined : q.callee(q.insnAt(origin.step));
  const line = origin === undefined || origin.step < 0 ? '' : ` in ${q.where(q.insnAt(origin.step))}`;
  const what = thing(q.env, row);
  const made = call === undefined ? `${name} leads to ${what}, or is NULL` : `${call}${line} gives ${what}, or NULL`;
  const path = tell([
    ...storyOf(q, trail),
    { step: q.last, event: q.event(q.last, 'fault', `${how}, and may be NULL`) },
  ]);
  const fix = `test it before: if (!${named !== undefined && /^\w+$/.test(named) ? named : 'p'}) return ...;`;
  const values: Values = call === undefined ? {} : { call };
  const told = { label: `${name} may be NULL`, fix, path, values };
  if (call === undefined && q.env.state.frames[0].subprogno > 0 && (origin?.step ?? -1) < 0) {
    return {
      ...told,
      cause: 'ARGUMENT_NULLABLE',
      explanation: `${name} is an argument of ${q.lines.functionAt(q.insn)}, a global function, which is verified for NULL as well, and ${name} is ${how} without a test.`,
      fix: 'test it, mark the parameter with __arg_nonnull, or make the function static',
    };
  }
  const other = otherChecked(q, row, call);
  if (other !== undefined) {
    const event = q.event(other, 'branch', 'tests another pointer');
    return {
      ...told,
      cause: 'NULL_OTHER_CHECKED',
      explanation: `${made}, and ${name} is ${how} without a test. ${q.where(q.insnAt(other))} tests another pointer.`,
      path: [...path.slice(0, -1), event, ...path.slice(-1)],
    };
  }
  const late = checkedLater(q, place);
  if (late >= 0) {
    return {
      ...told,
      cause: 'NULL_CHECK_LATE',
      explanation: `${made}, and ${name} is ${how} before it is tested: the test is in ${q.where(late)}.`,
      fix: `move the test of ${q.where(late)} in front of ${q.where(q.insn)}`,
    };
  }
  return { ...told, cause: 'NULL_UNCHECKED', explanation: `${made}, and ${name} is ${how} without a test.` };
}

/** The step of a test for NULL of another result of the same call. */
function otherChecked(q: Inquiry, row: Int32Array, call: string | undefined): number | undefined {
  if (call === undefined) return undefined;
  const found = checksBefore(q.walk, q.last).findLast(({ step, dst }) => {
    const tested = q.row(dst, step);
    if (!mayBeNull(tested) || tested[ID] === row[ID]) return false;
    const origin = q.trail(dst, step).at(-1);
    return origin !== undefined && origin.step >= 0 && q.callee(q.insnAt(origin.step)) === call;
  });
  return found?.step;
}

/** A later instruction of the function that compares the same register with 0 before it is written; -1 without. */
function checkedLater(q: Inquiry, place: Place): number {
  const regno = regnoOf(place);
  const { insns } = q.env;
  const end = subprogEnd(q.env, findContainingSubprog(q.env, q.insn));
  for (let i = q.insn + 1; i < end; i++) {
    const code = insns.code[i];
    if (bpfClass(code) === BPF_JMP) {
      const op = bpfOp(code);
      if ((op === BPF_JEQ || op === BPF_JNE) && bpfSrc(code) === BPF_K && insns.dst[i] === regno && insns.imm[i] === 0)
        return i;
      if (op === BPF_CALL && regno <= 5) return -1;
    } else if (insns.dst[i] === regno && bpfClass(code) !== BPF_STX && bpfClass(code) !== BPF_ST) return -1;
  }
  return -1;
}
