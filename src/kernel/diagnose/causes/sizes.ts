/** Sizes that are given to helpers. */
import { SCALAR_VALUE } from '../../rules/reg-types.ts';
import { BPF_MAX_VAR_SIZ } from '../../rules/limits.ts';
import { TYPE, sminOf, umaxOf } from '../../verifier/state/row.ts';
import type { Inquiry } from '../inquiry.ts';
import { storyOf, tell } from '../story.ts';
import { checksBefore, checksOf } from '../trace/checks.ts';
import { quoted, range } from '../words.ts';
import type { Cause, Detector, Finding } from './cause.ts';
import { boundedCopy } from './copies.ts';

export const BOUNDS = {
  INDEX_UNCHECKED: {
    title: 'an index that nothing bounds',
    page: 'The verifier must see that an index stays within the array or the map value for every value that it may have. Numbers from packets, maps, arguments and helpers may be anything until they are compared or masked. Compare with the number of elements, on the path to the access, with an unsigned variable.',
    example: {
      bad: 'value->slot[i] = 1;',
      good: 'if (i >= 16) return 0;\nvalue->slot[i] = 1;',
    },
  },
  INDEX_NEGATIVE: {
    title: 'a signed index that is compared from above only',
    page: 'A signed number that is less than the number of elements may still be below zero. Make the variable unsigned, so that one comparison is enough, or compare it with 0 as well.',
  },
  INDEX_OFF_BY_ONE: {
    title: 'an index may be as large as the number of elements',
    page: 'Elements are counted from 0, so the last index is one less than their number. A comparison with > lets through the number itself. Compare with >=, or loop with <.',
  },
  INDEX_TOO_LARGE: {
    title: 'an index is bounded, but beyond the end of the memory',
    page: 'The comparison on the path leaves more values than the array or the map value has elements. Compare with the number of elements of what is accessed, which sizeof gives.',
  },
  MASK_TOO_WIDE: {
    title: 'an index is masked, but the mask leaves too much',
    page: 'A mask bounds a number to the values that have no other bits: & 0xff leaves 0 to 255. Where the number of elements is no power of two, compare instead, or enlarge the array.',
  },
  BOUND_ON_COPY: {
    title: 'the comparison bounds another copy of the number than the one that is used',
    page: 'Compilers keep one variable in several registers: one of 32 bits for the comparison, one of 64 for the use, or one that was shifted before. What a comparison tells of one copy does not always reach the others. Mask the variable right before the use, or keep the compiler from making copies: `asm volatile("" : "+r"(i))` in front of the comparison, or a variable of 64 bits.',
  },
  BOUND_ON_HALF: {
    title: 'only the lower 32 bits of the number are compared, and all 64 are used',
    page: 'The variable has 32 bits in C, and was loaded as 64 bits: the compiler compares the lower half and passes the whole register on, because the function that it calls takes 32 bits. The verifier sees an unknown upper half. Make the variable 64 bits wide, or mask it after the comparison.',
  },
  VALUE_READ_AGAIN: {
    title: 'the number is read from memory again after it was compared',
    page: 'Memory that others may change (map values, packets, volatile variables) may hold something else at the second read. The verifier knows of the first read only. Read it into a local variable once.',
  },
  MEMORY_TOO_SMALL: {
    title: 'an access with a constant offset lies beyond the end of the memory',
    page: 'The offset is known, and the memory is shorter: a map that is defined with a smaller value type than the program uses, an index that is out of range, or a struct that has grown. Check the types.',
  },
  STACK_OUTSIDE: {
    title: 'an access outside of the stack frame',
    page: 'A frame has 512 bytes, below the frame pointer. An index beyond an array on the stack leads out of it. Check the index.',
  },
  BUFFER_SMALL: {
    title: 'a helper is told more bytes than the buffer has',
    page: 'Helpers read or write as many bytes as they are told, and the verifier wants all of them to lie in the buffer. Pass sizeof of the buffer itself, not of a pointer to it or of another type.',
  },
  SIZE_EXCEEDS_BUFFER: {
    title: 'the size that a helper is given may exceed the buffer',
    page: 'The size varies, and its largest value is more than the buffer has. Compare it with sizeof of the buffer before, as an unsigned number.',
  },
  SIZE_UNBOUNDED: {
    title: 'the size that a helper is given is not bounded',
    page: 'The verifier must see a largest size. Compare the size with a constant, or mask it, on the path to the call.',
  },
  SIZE_NEGATIVE: {
    title: 'the size that a helper is given may be negative',
    page: 'A negative size is a very large one for the helper. Use an unsigned variable; or compare with 0 as well.',
  },
  SIZE_FROM_HELPER: {
    title: 'the size is what a helper returned, which may be an error',
    page: 'Helpers such as bpf_probe_read_str, bpf_get_stack and bpf_d_path return the number of bytes, or a negative error. Leave the function when the result is below zero (or at least 1 for sizes that may not be 0) before it is used as a size.',
  },
  SIZE_ZERO: {
    title: 'the size that a helper is given may be 0',
    page: 'This helper takes no empty memory. Leave the function when the size is 0, before the call.',
  },
} as const satisfies Record<string, Cause>;

/** ARGS.SIZE_NEGATIVE, SIZE_ZERO and SIZE_UNBOUNDED. */
export const sizes: Detector = (q) => {
  const regno = q.number(0);
  const place = q.reg(regno);
  const row = q.row(place);
  if (row[TYPE] !== SCALAR_VALUE) return undefined;
  const trail = q.trail(place);
  const checks = checksOf(q.walk, checksBefore(q.walk, q.last), trail, q.last);
  const name = quoted(q.argumentText(regno), 'the size');
  const bare = name.startsWith('`') ? name.slice(1, -1) : 'size';
  const call = q.callee(q.insn) ?? 'the call';
  const bounds = checks.map(({ step, dst }) => ({
    step,
    event: q.event(step, 'bounded', `leaves it ${range(q.row(dst, step + 1))}`),
  }));
  const fault = { step: q.last, event: q.event(q.last, 'fault', `given to ${call} as a size`) };
  const path = tell([...storyOf(q, trail), ...bounds, fault]);
  const told = (cause: string, explanation: string, label: string, fix: string): Finding => ({
    ...{ cause, explanation, label, fix, path },
    values: { least: sminOf(row, 0), most: umaxOf(row, 0), call },
  });
  if (q.id === 'ARGS.SIZE_ZERO' && umaxOf(row, 0) < BPF_MAX_VAR_SIZ)
    return told(
      'SIZE_ZERO',
      `${name} may be 0, and ${call} takes no empty memory.`,
      'may be 0',
      `if (${bare} == 0) return ...; before`,
    );
  const origin = trail.at(-1);
  const result = origin === undefined || origin.motion.kind !== 'result' ? undefined : q.callee(q.insnAt(origin.step));
  const negative = q.id === 'ARGS.SIZE_NEGATIVE';
  if (result?.startsWith('bpf_') === true && sminOf((origin as NonNullable<typeof origin>).after, 0) < 0) {
    return told(
      'SIZE_FROM_HELPER',
      `${name} is what ${result} returned, which may be a negative error (${range(row)}).`,
      'may be an error number',
      `if (${bare} <= 0) return ...; before${checks.length === 0 ? ', and compare with the size of the buffer' : ''}`,
    );
  }
  const copy = boundedCopy(q, trail, q.last, checks);
  if (copy !== undefined)
    return told(copy.cause, `${name} may be ${range(row)} here. ${copy.explanation}`, `may be ${range(row)}`, copy.fix);
  if (negative && checks.length > 0)
    return told(
      'SIZE_NEGATIVE',
      `${name} is signed and may be ${range(row)}: it is compared from above only.`,
      'may be negative',
      `make it unsigned, or: if (${bare} < 0) return ...; before`,
    );
  return told(
    'SIZE_UNBOUNDED',
    `${name} may be ${range(row)}, and nothing bounds it before ${call}.`,
    'nothing bounds it',
    bounding(q, regno, bare),
  );
};

function bounding(q: Inquiry, regno: number, name: string): string {
  const buffer = q.argumentText(regno - 1);
  const plain = buffer !== undefined && /^\w+$/.test(buffer) ? `sizeof(${buffer})` : 'the size of the buffer';
  return `if (${q.id === 'ARGS.SIZE_ZERO' ? `${name} == 0 || ` : ''}${name} > ${plain}) return ...; before, with an unsigned variable`;
}
