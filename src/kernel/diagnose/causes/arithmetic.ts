/** Arithmetic that pointers do not take. */
import { PTR_TO_PACKET, PTR_TO_PACKET_END, SCALAR_VALUE, baseType } from '../../rules/reg-types.ts';
import { TYPE, sminOf, umaxOf } from '../../verifier/state/row.ts';
import type { Inquiry } from '../inquiry.ts';
import { storyOf, tell } from '../story.ts';
import { checksBefore, checksOf } from '../trace/checks.ts';
import type { Place } from '../trace/record.ts';
import { quoted, range, thing } from '../words.ts';
import type { Cause, Detector, Finding } from './cause.ts';
import { indexName, regionSize } from './bounds.ts';
import { boundedCopy } from './copies.ts';

export const ARITHMETIC = {
  POINTER_OPERATOR: {
    title: 'an operator that pointers do not take',
    page: 'Pointers may be moved by adding and subtracting numbers, with 64 bits. All else (masks, shifts, multiplication, negation, 32-bit operations, comparisons as numbers where addresses may not leak) is refused, or leaves a number. Compute the offset as a number, and add it to the pointer.',
  },
  POINTERS_COMBINED: {
    title: 'two pointers are added, or subtracted in a way that is not possible',
    page: 'Only a number can be added to a pointer. The difference of two packet pointers is a number, but not every pair of pointers may be subtracted.',
  },
  POINTER_FIXED: {
    title: 'a pointer is moved that may not be moved',
    page: 'Pointers to maps, to the end of the packet, to functions and to most objects of the kernel are used as they were given. Only pointers to memory (stack, packets, map values) are moved.',
  },
  OFFSET_UNBOUNDED: {
    title: 'a number is added to a pointer that may be far below zero or very large',
    page: 'Before a number is added to a pointer, the verifier must know a smallest and a largest value within 2^29. Numbers that were sign extended, subtracted, or read as 64 bits have none until they are compared. Make the number unsigned and 32 bits wide or less, mask it, or compare it from both sides first.',
  },
  OFFSET_CONSTANT: {
    title: 'a constant is added to a pointer that leads far outside',
    page: 'Pointers may be moved by less than 2^29 bytes. The constant is larger; often it is an error number, or a difference that went below zero.',
  },
} as const satisfies Record<string, Cause>;

const capital = (text: string): string => text[0].toUpperCase() + text.slice(1);

/** The pointer and the number of an addition at the instruction at fault. */
function operands(q: Inquiry): { readonly pointer: Place; readonly number: Place | undefined } {
  const { insns } = q.env;
  const dst = q.reg(insns.dst[q.insn]);
  const src = q.reg(insns.src[q.insn]);
  if (q.row(dst)[TYPE] > SCALAR_VALUE)
    return { pointer: dst, number: q.row(src)[TYPE] === SCALAR_VALUE ? src : undefined };
  return { pointer: src, number: dst };
}

/** ALU.PTR_BITWISE, PTR_OPERATOR, PTR_ALU32, POINTER_ARITHMETIC, POINTERS_COMBINED, SUBTRACT_*, PARTIAL_COPY, PTR_PROHIBITED. */
export const pointerOperator: Detector = (q): Finding => {
  const { pointer } = operands(q);
  const row = q.row(pointer);
  const type = baseType(row[TYPE]);
  const text = q.expression(q.insn)?.text;
  const what = thing(q.env, row);
  const fixed = q.id === 'ALU.PTR_PROHIBITED';
  const both = q.id === 'ALU.POINTERS_COMBINED' || q.id === 'ALU.SUBTRACT_FROM_SCALAR';
  const end = type === PTR_TO_PACKET_END;
  const cause =
    fixed && end ? 'PACKET_END_USED' : fixed ? 'POINTER_FIXED' : both ? 'POINTERS_COMBINED' : 'POINTER_OPERATOR';
  const explanation = fixed
    ? `The pointer to ${what} may not be moved${text === undefined ? '' : `, as \`${text}\` does`}.`
    : `${quoted(text, 'This')} computes with a pointer to ${what} in a way that leaves no pointer.`;
  const fix = end
    ? 'go forwards from data, and compare with data_end'
    : both
      ? 'add a number to the pointer; the difference of two pointers is a number to compare'
      : 'compute the offset as a number, and add it to the pointer with 64 bits';
  const fault = { step: q.last, event: q.event(q.last, 'fault', 'not possible with a pointer') };
  return {
    cause,
    label: `a pointer to ${what}`,
    explanation,
    fix,
    path: tell([...storyOf(q, q.trail(pointer)), fault]),
  };
};

/** ALU.MATH_UNBOUNDED, PTR_OUT_OF_BOUNDS, MATH_CONST, PTR_OFFSET. */
export const offsetUnbounded: Detector = (q) => {
  const { pointer, number } = operands(q);
  const what = thing(q.env, q.row(pointer));
  const fault = { step: q.last, event: q.event(q.last, 'fault', `added to a pointer to ${what}`) };
  if (number === undefined || q.id === 'ALU.MATH_CONST' || q.id === 'ALU.PTR_OFFSET') {
    const row = number === undefined ? undefined : q.row(number);
    const n = row === undefined ? String(q.env.insns.imm[q.insn]) : range(row);
    const story = number === undefined ? [] : storyOf(q, q.trail(number));
    return {
      cause: 'OFFSET_CONSTANT',
      label: `moved by ${n}`,
      explanation: `The pointer to ${what} would be moved by ${n}, which leads far outside.`,
      fix: 'check how the number was computed: a difference below zero, or an error number',
      path: tell([...storyOf(q, q.trail(pointer)), ...story, fault]),
    };
  }
  const row = q.row(number);
  const packet = q.row(pointer)[TYPE] === PTR_TO_PACKET ? ' Packets are at most 65535 bytes long.' : '';
  const trail = q.trail(number);
  const checks = checksOf(q.walk, checksBefore(q.walk, q.last), trail, q.last);
  const bounds = checks.map(({ step, dst }) => ({
    step,
    event: q.event(step, 'bounded', `leaves it ${range(q.row(dst, step + 1))}`),
  }));
  const path = tell([...storyOf(q, trail), ...bounds, fault]);
  const values = { least: sminOf(row, 0), most: umaxOf(row, 0) };
  const text = quoted(indexName(q, undefined) ?? q.expression(q.insn)?.text, 'the sum');
  const copy = boundedCopy(q, trail, q.last, checks);
  if (copy !== undefined) {
    return {
      cause: copy.cause,
      label: `moved by ${range(row)}`,
      explanation: `${capital(text)} may be ${range(row)} here. ${copy.explanation}`,
      fix: copy.fix,
      path,
      values,
    };
  }
  if (checks.length > 0 && sminOf(row, 0) < 0) {
    const line = q.where(q.insnAt(checks[checks.length - 1].step));
    return {
      cause: packet === '' ? 'INDEX_NEGATIVE' : 'PACKET_OFFSET_NEGATIVE',
      label: 'may be moved backwards',
      explanation: `${capital(text)} is signed and may be ${range(row)}: ${line} compares it from above only.`,
      fix: 'make it unsigned, or compare it with 0 as well',
      path,
      values,
    };
  }
  return {
    cause: packet === '' && regionSize(q, q.row(pointer)) !== undefined ? 'INDEX_UNCHECKED' : 'OFFSET_UNBOUNDED',
    label: `moved by ${range(row)}`,
    explanation: `${capital(text)} may be ${range(row)}, and nothing bounds it before it is added to a pointer to ${what}.${packet}`,
    fix: 'mask it, or compare it with a constant first, as an unsigned number',
    path,
    values,
  };
};
