/** The path of a value as events: where it was made, moved, bounded, and spoiled. */
import { BPF_ADD, BPF_END, BPF_MOV, BPF_NEG, BPF_SUB, bpfOp } from '../../isa/opcodes.ts';
import { PTR_TO_CTX, PTR_TO_PACKET, PTR_TO_PACKET_END, SCALAR_VALUE, baseType } from '../rules/reg-types.ts';
import { A, TYPE, varOffConst } from '../verifier/state/row.ts';
import type { CausalEvent } from './diagnosis.ts';
import type { Inquiry } from './inquiry.ts';
import { type Check, checksBefore, endChecks } from './trace/checks.ts';
import { type Place, regnoOf } from './trace/record.ts';
import type { Link } from './trace/trail.ts';
import { bytes, mayBeNull, range, thing } from './words.ts';

/** An event with its step, so that several stories can be told in one. */
export interface Told {
  readonly step: number;
  readonly event: CausalEvent;
}

/** Oldest first; one event a line of C and kind, and the youngest of those that are too many. */
export function tell(told: readonly Told[], most = 8): CausalEvent[] {
  const sorted = [...told].sort((a, b) => a.step - b.step).map((t) => t.event);
  const kept = sorted.filter((e, i) => {
    const next = sorted[i + 1];
    return next === undefined || next.line !== e.line || next.line === 0 || next.note !== e.note;
  });
  return kept.length <= most ? kept : [kept[0], ...kept.slice(kept.length - most + 1)];
}

/** What a value is at its origin. */
export function originNote(q: Inquiry, link: Link): string {
  const { motion, after, step } = link;
  const type = after[TYPE];
  const call = step < 0 ? undefined : q.callee(q.insnAt(step));
  if (motion.kind === 'load') {
    const base = q.row(motion.base, step);
    if (type === PTR_TO_PACKET) return 'start of the packet';
    if (type === PTR_TO_PACKET_END) return 'end of the packet';
    const from = baseType(base[TYPE]) === SCALAR_VALUE ? 'memory' : thing(q.env, base);
    return type === SCALAR_VALUE
      ? `a number read from ${from}: ${range(after)}`
      : `read from ${from}: leads to ${thing(q.env, after)}`;
  }
  if (motion.kind === 'result' && call !== undefined) {
    if (type === SCALAR_VALUE) return `${call} gives a number: ${range(after)}`;
    return `${call} gives ${thing(q.env, after)}${mayBeNull(after) ? ', or NULL' : ''}`;
  }
  if (motion.kind === 'constant') return type === SCALAR_VALUE ? `the constant ${range(after)}` : thing(q.env, after);
  if (motion.kind === 'written') return 'written to the stack';
  if (motion.kind === 'clobbered') return `${call ?? 'the call'} does not keep R${regnoOf(link.place)}`;
  if (type === PTR_TO_CTX) return 'the context';
  return type === SCALAR_VALUE ? `an argument: ${range(after)}` : `an argument: ${thing(q.env, after)}`;
}

/** The links of a trail that change what the value is. */
export function storyOf(q: Inquiry, trail: readonly Link[]): Told[] {
  return trail.flatMap((link): Told[] => {
    const { step, motion, before } = link;
    if (before === undefined) {
      return step < 0 ? [] : [{ step, event: q.event(step, 'made', originNote(q, link)) }];
    }
    if (motion.kind === 'spoiled') return [{ step, event: q.event(step, 'stale', spoiledNote(q, step, before)) }];
    if (motion.kind === 'arithmetic') return arithmeticNote(q, link);
    return [];
  });
}

function spoiledNote(q: Inquiry, step: number, before: Int32Array): string {
  const call = q.callee(q.insnAt(step)) ?? 'this';
  return baseType(before[TYPE]) === PTR_TO_PACKET
    ? `${call} moves the packet: pointers into it become plain numbers`
    : `${call} ends the life of ${thing(q.env, before)}: pointers to it become plain numbers`;
}

function arithmeticNote(q: Inquiry, { step, motion, before, after }: Link): Told[] {
  if (motion.kind !== 'arithmetic' || before === undefined) return [];
  const op = bpfOp(q.env.insns.code[q.insnAt(step)]);
  if (op === BPF_MOV || op === BPF_NEG || op === BPF_END) return [];
  const pointer = before[TYPE] !== SCALAR_VALUE;
  if (!pointer) return [];
  if (after[TYPE] === SCALAR_VALUE)
    return [{ step, event: q.event(step, 'stale', 'this arithmetic makes a plain number of the pointer') }];
  if (motion.operand === undefined || (op !== BPF_ADD && op !== BPF_SUB)) return [];
  const operand = q.row(motion.operand, step);
  if (operand[TYPE] !== SCALAR_VALUE || varOffConst(operand, 0)) return [];
  return [{ step, event: q.event(step, 'moved', `moved by ${range(operand)}`) }];
}

/** Comparisons with the end of the packet, and what each proved of its pointer. */
export function endStory(
  q: Inquiry,
  upTo: number,
  of: (check: Check & { readonly pointer: Place }) => boolean,
  type?: number,
): Told[] {
  return endChecks(q.walk, checksBefore(q.walk, upTo), type)
    .filter(of)
    .map((check) => {
      const proved = q.row(check.pointer, check.step + 1)[A];
      const gained = proved > 0;
      const note = gained
        ? `${bytes(proved)} proved`
        : proved < 0
          ? 'on this path the packet is too short'
          : 'proves nothing here';
      return { step: check.step, event: q.event(check.step, gained ? 'bounded' : 'unbounded', note) };
    });
}
