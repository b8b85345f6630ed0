/** Indexes and sizes: memory of a known size, reached by a number that is not bounded enough. */
import { BPF_AND, BPF_LSH, BPF_MUL, BPF_X, bpfOp, bpfSrc } from '../../../isa/opcodes.ts';
import {
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_STACK,
  SCALAR_VALUE,
  baseType,
} from '../../rules/reg-types.ts';
import { A, OFF, TYPE, sminOf, umaxOf, varOffConst } from '../../verifier/state/row.ts';
import type { Inquiry } from '../inquiry.ts';
import { storyOf, tell, type Told } from '../story.ts';
import { accessOf } from '../trace/access.ts';
import { type Check, checksBefore, checksOf } from '../trace/checks.ts';
import { type Place, regnoOf } from '../trace/record.ts';
import type { Link } from '../trace/trail.ts';
import { bytes, quoted, range, thing } from '../words.ts';
import type { Finding } from './cause.ts';
import { boundedCopy } from './copies.ts';

/** Memory with a size that the verifier knows, 0 for the stack, whose arrays it does not know. */
export function regionSize(q: Inquiry, row: Int32Array): number | undefined {
  switch (baseType(row[TYPE])) {
    case PTR_TO_MAP_VALUE:
      return q.env.maps[row[A]]?.valueSize;
    case PTR_TO_MAP_KEY:
      return q.env.maps[row[A]]?.keySize;
    case PTR_TO_MEM:
      return row[A] >>> 0;
    case PTR_TO_STACK:
      return 0;
    default:
      return undefined;
  }
}

/** The number that moved a pointer. */
export interface Index {
  /** Where it lay when it was added, and then. */
  readonly place: Place;
  readonly step: number;
  readonly row: Int32Array;
  readonly trail: readonly Link[];
  /** Bytes that one more of it moves. */
  readonly stride: number;
  /** It was masked by this. */
  readonly mask: number | undefined;
}

/** The youngest variable number that was added to the pointer; undefined when it was moved by constants alone. */
export function indexOf(q: Inquiry, trail: readonly Link[]): Index | undefined {
  for (const { motion, step, before } of trail) {
    if (motion.kind !== 'arithmetic' || motion.operand === undefined || before === undefined) continue;
    const operand = q.row(motion.operand, step);
    const onLeft = before[TYPE] === SCALAR_VALUE && operand[TYPE] > SCALAR_VALUE;
    const place = onLeft ? q.reg(q.env.insns.dst[q.insnAt(step)], step) : motion.operand;
    const row = q.row(place, step);
    if (row[TYPE] !== SCALAR_VALUE || varOffConst(row, 0)) continue;
    return { place, step, row, ...shape(q, place, step) };
  }
  return undefined;
}

function shape(q: Inquiry, place: Place, step: number): Pick<Index, 'trail' | 'stride' | 'mask'> {
  const trail = q.trail(place, step);
  let stride = 1;
  let mask: number | undefined;
  for (const link of trail) {
    if (link.motion.kind !== 'arithmetic') continue;
    const insn = q.insnAt(link.step);
    const code = q.env.insns.code[insn];
    if (bpfSrc(code) === BPF_X) continue;
    const imm = q.env.insns.imm[insn];
    if (bpfOp(code) === BPF_LSH && imm < 31) stride *= 1 << imm;
    else if (bpfOp(code) === BPF_MUL && imm > 0) stride *= imm;
    else if (bpfOp(code) === BPF_AND) mask ??= imm;
  }
  return { trail, stride, mask };
}

/** What is known of an access that is out of bounds. */
export interface Outside {
  readonly q: Inquiry;
  readonly place: Place;
  readonly row: Int32Array;
  readonly trail: readonly Link[];
  /** Bytes of the memory; 0 where they are unknown. */
  readonly size: number;
  /** Fixed offset of the access, and its width. */
  readonly off: number;
  readonly width: number;
  readonly index: Index | undefined;
  /** The number that decides: the index, or the size that a helper gets. */
  readonly checks: readonly Check[];
}

/** The access of the instruction through `regno`, or of the helper that gets it. */
export function outsideOf(q: Inquiry, regno: number): Outside | undefined {
  const place = q.reg(regno);
  const row = q.row(place);
  const size = regionSize(q, row);
  if (size === undefined) return undefined;
  const trail = q.trail(place);
  const access = accessOf(q.env.insns, q.insn);
  const off = row[OFF] + (access?.off ?? 0);
  const width = access?.size ?? calleeSize(q, regno);
  const index = indexOf(q, trail);
  const checks = index === undefined ? [] : checksOf(q.walk, checksBefore(q.walk, q.last), index.trail, index.step);
  return { q, place, row, trail, size, off, width, index, checks };
}

/** Bytes that a helper may take through the pointer in `regno`: by the size that follows it. */
function calleeSize(q: Inquiry, regno: number): number {
  const next = q.row(q.reg(regno + 1));
  return next[TYPE] === SCALAR_VALUE ? umaxOf(next, 0) : 0;
}

/** The text between the brackets of `a[i]`, or what was added. */
export function indexName(q: Inquiry, index: Index | undefined): string | undefined {
  const found = q.expression(q.insn);
  const inside = /\[([^\][]+)\](?:\s*(?:->|\.)\s*\w+)*$/.exec(found?.text ?? '')?.[1];
  if (inside !== undefined) return inside;
  // The column is that of the whole, `t` of `t->slot[i]`.
  const whole = found === undefined ? '' : q.site(q.insn).text.slice(found.start);
  const member = /^[*&(\s]*\w+(?:(?:->|\.)\w+)*\[([^\][]+)\]/.exec(whole)?.[1];
  if (member !== undefined) return member;
  const added = index === undefined ? undefined : q.expression(q.insnAt(index.step))?.text;
  return added === undefined || added.length > 40 ? undefined : added;
}

const describeChecks = (q: Inquiry, checks: readonly Check[]): Told[] =>
  checks.map(({ step, dst }) => ({
    step,
    event: q.event(step, 'bounded', `leaves it ${range(q.row(dst, step + 1))}`),
  }));

/** The path of pointer and index, the comparisons of it, and the fault. */
export function outsidePath(o: Outside, note: string): Finding['path'] {
  const { q, trail, index, checks } = o;
  const fault = { step: q.last, event: q.event(q.last, 'fault', note) };
  const ofIndex = index === undefined ? [] : storyOf(q, index.trail);
  return tell([...storyOf(q, trail), ...ofIndex, ...describeChecks(q, checks), fault]);
}

/** The memory in words, with its size. */
export const region = (o: Outside): string => {
  const what = baseType(o.row[TYPE]) === PTR_TO_STACK ? 'the stack' : thing(o.q.env, o.row);
  return o.size > 0 ? `${what} (${bytes(o.size)})` : what;
};

/** ACCESS.NEGATIVE_INDEX, MIN_OUTSIDE, MAX_OUTSIDE, UNBOUNDED and the like, of memory. */
export function outOfBounds(q: Inquiry): Finding | undefined {
  const regno = q.register;
  if (regno < 0) return undefined;
  const o = outsideOf(q, regno);
  if (o === undefined) return undefined;
  if (o.index === undefined) return q.callee(q.insn) === undefined ? constantOutside(o) : bufferSmall(o, regno);
  return byIndex(o, o.index);
}

/** An index at fault, with what all explanations of it need. */
interface BadIndex {
  readonly o: Outside;
  readonly index: Index;
  /** As the user calls it, quoted. */
  readonly name: string;
  /** The largest index that is allowed; undefined where the size is unknown. */
  readonly most: number | undefined;
  readonly told: (cause: string, explanation: string, label: string, fix: string) => Finding;
}

function byIndex(o: Outside, index: Index): Finding {
  const { q, size, off, width } = o;
  const name = quoted(indexName(q, index), 'the index');
  const [least, largest] = [sminOf(index.row, 0), umaxOf(index.row, 0)];
  const values = { size, offset: off, width, least, most: largest, stride: index.stride };
  const room = size > 0 ? Math.floor((size - off - width) / index.stride) : -1;
  const bad: BadIndex = {
    ...{ o, index, name },
    most: room < 0 ? undefined : room,
    told: (cause, explanation, label, fix) => {
      const path = outsidePath(o, `may be outside of ${region(o)}`);
      return { cause, label, explanation, fix, path, values };
    },
  };
  return uncompared(bad) ?? negativeIndex(bad) ?? tooLarge(bad);
}

/** What the index may be, counted in elements. */
function elements({ row, stride }: Index): string {
  const [least, most] = [sminOf(row, 0) / stride, umaxOf(row, 0) / stride];
  const exact = stride > 1 && least >= 0 && Number.isInteger(least) && Number.isInteger(most) && most < 2 ** 53;
  return exact ? `${least} to ${most}` : range(row);
}

/** `16`, or what to put in its place. */
const limit = ({ most }: BadIndex): string => (most === undefined ? 'its number of elements' : String(most + 1));

/** Nothing that was compared counts. */
function uncompared(bad: BadIndex): Finding | undefined {
  const { o, index, name, told } = bad;
  const { q, checks } = o;
  const largest = umaxOf(index.row, 0);
  const wide = largest >= 2 ** 31 || sminOf(index.row, 0) < 0;
  const copy = wide ? boundedCopy(q, index.trail, index.step, checks) : undefined;
  if (copy !== undefined) {
    const explanation = `${name} may be ${elements(index)} here. ${copy.explanation}`;
    return told(copy.cause, explanation, `may be ${elements(index)}`, copy.fix);
  }
  if (checks.length > 0 || index.mask !== undefined || (!wide && largest / index.stride < 255)) return undefined;
  return told(
    'INDEX_UNCHECKED',
    `${name} may be ${elements(index)}, and nothing bounds it before it is used to reach into ${region(o)}.`,
    'nothing bounds the index',
    `if (${bareName(name)} >= ${limit(bad)}) return ...; before, with an unsigned index`,
  );
}

function negativeIndex({ o, index, name, told }: BadIndex): Finding | undefined {
  const { q, checks, off } = o;
  const least = sminOf(index.row, 0);
  const front = off + least;
  if (least >= 0) {
    if (front >= 0 || baseType(o.row[TYPE]) === PTR_TO_STACK) return undefined;
    return told(
      'INDEX_NEGATIVE',
      `${name} may be below zero: the access may lie ${bytes(-front)} in front of ${region(o)}.`,
      'may be negative',
      `if (${bareName(name)} < 0) return ...; before`,
    );
  }
  const line = checks.length > 0 ? ` (${q.where(q.insnAt(checks[checks.length - 1].step))})` : '';
  return told(
    'INDEX_NEGATIVE',
    `${name} is signed and may be ${elements(index)}: it is compared from above only${line}.`,
    'may be negative',
    `make it unsigned, or: if (${bareName(name)} < 0) return ...;`,
  );
}

function tooLarge(bad: BadIndex): Finding {
  const { o, index, name, most, told } = bad;
  const { q, checks, size, off, width } = o;
  const over = umaxOf(index.row, 0) + off + width - size;
  if (size > 0 && over === index.stride && checks.length > 0) {
    return told(
      'INDEX_OFF_BY_ONE',
      `${name} may be as large as the number of elements, one too many for ${region(o)}: < is meant in place of <=.`,
      'one too many',
      `compare with < in ${q.where(q.insnAt(checks[checks.length - 1].step))}, so that it is at most ${most ?? 'the last'}`,
    );
  }
  if (index.mask !== undefined) {
    return told(
      'MASK_TOO_WIDE',
      `The mask 0x${index.mask.toString(16)} leaves ${elements(index)}, and ${region(o)} ends before.`,
      'the mask leaves too much',
      `mask with less, or compare: if (${bareName(name)} >= ${limit(bad)}) return ...;`,
    );
  }
  return told(
    'INDEX_TOO_LARGE',
    `${name} is ${elements(index)} here, and ${region(o)} is left by ${bytes(Math.max(over, 1))}.`,
    'bounded, but not enough',
    `if (${bareName(name)} >= ${limit(bad)}) return ...; before, with an unsigned index`,
  );
}

const bareName = (name: string): string => (name.startsWith('`') ? name.slice(1, -1) : 'i');

function constantOutside(o: Outside): Finding {
  const { q, row, size, off, width } = o;
  const first = off + sminOf(row, 0);
  const subject = quoted(q.expression(q.insn)?.text, 'The access');
  if (baseType(row[TYPE]) === PTR_TO_STACK) {
    return {
      cause: 'STACK_OUTSIDE',
      label: 'outside of the stack frame',
      explanation: `${subject} is ${bytes(width)} at offset ${first} of the frame pointer; a frame reaches from -512 to 0.`,
      fix: 'check the index against the size of the array, and the size of the variables',
      path: outsidePath(o, 'outside of the stack frame'),
      values: { offset: first, width },
    };
  }
  const turns = walking(q, o.trail);
  if (turns !== undefined && first > 0) {
    const one = first === size;
    return {
      cause: one ? 'INDEX_OFF_BY_ONE' : 'INDEX_TOO_LARGE',
      label: one ? 'one turn too many' : 'beyond the end',
      explanation: `In turn ${turns} of the loop ${subject} needs bytes ${first} to ${first + width - 1}, and ${thing(q.env, row)} has ${size}${one ? ': < is meant in place of <=' : ''}.`,
      fix: one ? 'loop with <, to the number of elements' : 'loop to the number of elements that there are',
      path: outsidePath(o, `needs byte ${first + width - 1}`),
      values: { size, offset: first, width, turns },
    };
  }
  return {
    cause: 'MEMORY_TOO_SMALL',
    label: first < 0 ? 'in front of it' : `bytes ${first} to ${first + width - 1} of ${size}`,
    explanation: `${subject} needs bytes ${first} to ${first + width - 1}, and ${thing(q.env, row)} has ${size}.`,
    fix: `check the type that ${baseType(row[TYPE]) === PTR_TO_MAP_VALUE ? 'the map is defined with' : 'the memory has'} and the index`,
    path: outsidePath(o, `needs ${bytes(first + width)}, and there are ${size}`),
    values: { size, offset: first, width },
  };
}

/** The turn of a loop that moved the pointer, or its index, by constants up to here; undefined without a loop. */
function walking(q: Inquiry, trail: readonly Link[]): number | undefined {
  const again = (links: readonly Link[]): number | undefined => {
    const counts = new Map<number, number>();
    for (const { motion, step } of links) {
      if (motion.kind !== 'arithmetic' || step < 0) continue;
      const insn = q.insnAt(step);
      counts.set(insn, (counts.get(insn) ?? 0) + 1);
    }
    const most = Math.max(0, ...counts.values());
    return most >= 2 ? most + 1 : undefined;
  };
  const moved = trail.find((l) => l.motion.kind === 'arithmetic' && l.motion.operand !== undefined);
  const operand = moved?.motion.kind === 'arithmetic' ? moved.motion.operand : undefined;
  return (
    again(trail) ?? (operand === undefined || moved === undefined ? undefined : again(q.trail(operand, moved.step)))
  );
}

/** A helper gets memory that is smaller than the size that it is told. */
function bufferSmall(o: Outside, regno: number): Finding {
  const { q, size, off, width, row } = o;
  const sizeRow = q.row(q.reg(regno + 1));
  const call = q.callee(q.insn) ?? 'the call';
  const variable = sizeRow[TYPE] === SCALAR_VALUE && !varOffConst(sizeRow, 0);
  const first = off + sminOf(row, 0);
  const room = size > 0 ? size - first : -first;
  const name = quoted(q.argumentText(regno + 1), 'the size');
  const wants = variable ? `${name} may be ${range(sizeRow)}` : `${call} takes ${bytes(width)}`;
  const story = variable ? storyOf(q, q.trail(q.reg(regno + 1))) : [];
  const fault = { step: q.last, event: q.event(q.last, 'fault', `${bytes(room)} are there`) };
  return {
    cause: variable ? 'SIZE_EXCEEDS_BUFFER' : 'BUFFER_SMALL',
    label: `${bytes(Math.max(room, 0))} are there`,
    explanation: `${wants}, and ${quoted(q.argumentText(regno), 'the buffer')} has ${bytes(Math.max(room, 0))} left.`,
    fix: variable ? `if (${bareName(name)} > ${room}) return ...; before` : 'pass sizeof of what the pointer leads to',
    path: tell([...storyOf(q, o.trail), ...story, fault]),
    values: { room, wanted: width, register: regnoOf(o.place) },
  };
}
