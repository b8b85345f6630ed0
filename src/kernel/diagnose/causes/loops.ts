/** Loops that do not end for the verifier, and programs that it cannot walk to their end. */
import { BPF_JA, BPF_CALL, BPF_EXIT, BPF_JMP, BPF_JMP32, bpfClass, bpfOp } from '../../../isa/opcodes.ts';
import { SCALAR_VALUE } from '../../rules/reg-types.ts';
import { TYPE, sminOf, varOffConst } from '../../verifier/state/row.ts';
import type { Inquiry } from '../inquiry.ts';
import { originNote, type Told, tell } from '../story.ts';
import { type Check, checkAt } from '../trace/checks.ts';
import { type Place, regnoOf } from '../trace/record.ts';
import { quoted, range } from '../words.ts';
import { conditionAt } from '../source/expression.ts';
import type { Cause, Detector, Finding } from './cause.ts';

export const LOOPS = {
  LOOP_ENDLESS: {
    title: 'a loop comes back to the very state that it had before',
    page: 'Nothing that the verifier follows changes from one turn of the loop to the next, so that it might go round for ever. A counter must change in every turn, in a register or on the stack (a volatile variable may not be followed), and must be compared with a bound.',
    example: {
      bad: 'while (x != 6)\n  x = next(x);',
      good: 'for (int i = 0; i < 16 && x != 6; i++)\n  x = next(x);',
    },
  },
  LOOP_ENDS_BY_DATA: {
    title: 'a loop ends only when some data says so',
    page: 'The loop is left when a value from a packet, a map or a helper is right. The verifier takes any value for possible, so the loop may go on for ever. Count the turns, and leave after a largest number of them.',
  },
  LOOP_TOO_LONG: {
    title: 'a loop with a constant bound is too long to be walked turn by turn',
    page: 'The verifier walks a bounded loop turn by turn, up to a million instructions in all. A loop with many turns, or a long body, exceeds that. Use bpf_loop, bpf_for or another iterator: the verifier walks their body a few times only.',
  },
  LOOP_UNBOUNDED: {
    title: 'a loop whose bound the verifier does not know',
    page: 'The number of turns depends on a number with no useful bound, so that the verifier goes on until it gives up. Bound the number with a constant before the loop, or add a constant bound to the condition of the loop.',
  },
  PATHS_TOO_MANY: {
    title: 'there are too many paths through the program',
    page: 'Each branch may double the number of paths, and in a loop each turn does so again, unless the states after it are alike. Values that differ after a branch keep the paths apart. Make branches depend on less state, take independent parts into functions (global functions are verified on their own), or use bpf_loop.',
  },
  LOOP_NOT_ALLOWED: {
    title: 'a loop in a program without CAP_BPF',
    page: 'Without CAP_BPF programs may not jump backwards. Unroll the loop, or load the program with that capability.',
  },
} as const satisfies Record<string, Cause>;

const LOOP_WORD = /\b(?:for|while|do|bpf_for|bpf_repeat)\b/;

/** The loop in which the walk came by most often. */
interface Loop {
  readonly scc: number;
  readonly insns: readonly number[];
  /** Conditional jumps of the loop with a way out of it. */
  readonly exits: readonly number[];
}

function loopOf(q: Inquiry, insn: number): Loop | undefined {
  const { scc } = q.env.aux;
  const id = scc[insn] !== 0 ? scc[insn] : scc[busiest(q)];
  if (id === undefined || id === 0) return undefined;
  const insns: number[] = [];
  for (let i = 0; i < scc.length; i++) if (scc[i] === id) insns.push(i);
  return { scc: id, insns, exits: insns.filter((i) => leaves(q, i, id)) };
}

/** The instruction that was walked most often. */
function busiest(q: Inquiry): number {
  const { visits } = q.trace;
  let most = 0;
  for (let i = 0; i < visits.length; i++) if ((visits[i] ?? 0) > (visits[most] ?? 0)) most = i;
  return most;
}

function leaves(q: Inquiry, i: number, id: number): boolean {
  const code = q.env.insns.code[i];
  const cls = bpfClass(code);
  const op = bpfOp(code);
  if ((cls !== BPF_JMP && cls !== BPF_JMP32) || op === BPF_CALL || op === BPF_EXIT || op === BPF_JA) return false;
  const { scc } = q.env.aux;
  return scc[i + 1] !== id || scc[i + 1 + q.env.insns.off[i]] !== id;
}

/** The instruction whose line says best which loop is meant. */
function headOf(q: Inquiry, loop: Loop): number {
  const candidates = [...loop.exits, ...loop.insns];
  return candidates.find((i) => LOOP_WORD.test(q.lines.at(i)?.text ?? '')) ?? firstLine(q, loop);
}

/** The first instruction of the loop in the order of its lines. */
function firstLine(q: Inquiry, loop: Loop): number {
  const line = (i: number): number => q.lines.at(i)?.line ?? i;
  return loop.insns.reduce((a, b) => (line(b) < line(a) ? b : a), loop.insns[0]);
}

/** EXPLORE.INFINITE_LOOP, TOO_LARGE, TOO_MANY_JUMPS. */
export const unending: Detector = (q) => {
  const loop = loopOf(q, q.insn);
  if (loop === undefined) return tooManyPaths(q, undefined);
  const exits = exitChecks(q, loop);
  const counting = exits.find((e) => e.counted);
  if (q.id === 'EXPLORE.INFINITE_LOOP') return endless(q, loop, exits);
  const head = loop.exits[0] ?? loop.insns[0];
  const turns = q.trace.visits[head] ?? 0;
  const onPath = q.trace.insns.filter((i) => i === head).length;
  const elsewhere = (q.trace.recent[head] ?? 0) > 4 * Math.max(onPath, 1);
  if (q.id === 'EXPLORE.TOO_LARGE' && elsewhere && counting !== undefined) return tooManyPaths(q, loop);
  if (counting !== undefined && counting.constant) return tooLong(q, loop, counting, turns);
  return unbounded(q, loop, exits, turns);
};

/** A way out of the loop, as the path met it last. */
interface Exit {
  readonly check: Check;
  /** What it compares changes with each turn. */
  readonly counted: boolean;
  /** It is compared with a constant. */
  readonly constant: boolean;
  readonly place: Place;
  readonly row: Int32Array;
}

function exitChecks(q: Inquiry, loop: Loop): Exit[] {
  const found: Exit[] = [];
  const seen = new Set<number>();
  const wanted = new Set(loop.exits);
  for (let step = q.last; step >= 0 && seen.size < wanted.size; step--) {
    const insn = q.insnAt(step);
    if (!wanted.has(insn) || seen.has(insn)) continue;
    const check = checkAt(q.walk, step);
    if (check === undefined || step === q.last) continue;
    seen.add(insn);
    found.push(exitOf(q, check, step));
  }
  // The condition of the loop itself says more than a break.
  const isHead = ({ check }: Exit): number => (LOOP_WORD.test(q.lines.at(q.insnAt(check.step))?.text ?? '') ? 0 : 1);
  return found.sort((a, b) => isHead(a) - isHead(b));
}

function exitOf(q: Inquiry, check: Check, step: number): Exit {
  const row = q.row(check.dst, step);
  const other = check.src === undefined ? undefined : q.row(check.src, step);
  let earlier = step - 1;
  while (earlier >= 0 && q.insnAt(earlier) !== q.insnAt(step)) earlier--;
  const before = earlier < 0 ? undefined : q.row(check.dst, earlier);
  const known = row[TYPE] === SCALAR_VALUE && varOffConst(row, 0);
  const counted = known && before !== undefined && sminOf(before, 0) !== sminOf(row, 0);
  return { check, counted, constant: other === undefined || varOffConst(other, 0), place: check.dst, row };
}

function condition(q: Inquiry, check: Check): string | undefined {
  const place = q.lines.at(q.insnAt(check.step));
  return place === undefined ? undefined : conditionAt(place.text, place.column);
}

const exitStory = (q: Inquiry, exits: readonly Exit[]): Told[] =>
  exits.map(({ check, row, place }) => {
    const origin = q.trail(place, check.step).at(-1);
    const from =
      origin === undefined || origin.step < 0 || row[TYPE] !== SCALAR_VALUE || varOffConst(row, 0)
        ? ''
        : `, ${originNote(q, origin).replace(/:.*/, '')}`;
    const what = row[TYPE] === SCALAR_VALUE ? `compared: ${range(row)}${from}` : 'a way out';
    return { step: check.step, event: q.event(check.step, 'loop', what) };
  });

/** Where the walk spent its instructions, by line. */
function effort(q: Inquiry): { readonly values: Record<string, number>; readonly text: string } {
  const lines = new Map<string, number>();
  q.trace.visits.forEach((n, insn) => {
    const where = q.where(insn);
    lines.set(where, (lines.get(where) ?? 0) + n);
  });
  const most = [...lines].sort((a, b) => b[1] - a[1]).slice(0, 3);
  return { values: Object.fromEntries(most), text: most.map(([where, n]) => `${where} ${n}`).join(', ') };
}

function endless(q: Inquiry, loop: Loop, exits: readonly Exit[]): Finding {
  const unknown = exits.find(({ row }) => row[TYPE] === SCALAR_VALUE && !varOffConst(row, 0));
  const head = headOf(q, loop);
  const text = unknown === undefined ? undefined : condition(q, unknown.check);
  const fault = { step: q.last, event: q.event(q.last, 'fault', 'the state is the same as in the turn before') };
  const path = tell([...exitStory(q, exits), fault]);
  if (unknown !== undefined) {
    return {
      cause: 'LOOP_ENDS_BY_DATA',
      label: 'nothing counts the turns',
      explanation: `The loop is left only when ${quoted(text, 'a value')} says so, which may be ${range(unknown.row)} in each turn: it may go on for ever.`,
      fix: 'count the turns: for (int i = 0; i < LIMIT; i++), and leave after the last',
      path,
      insn: head,
    };
  }
  return {
    cause: 'LOOP_ENDLESS',
    label: 'comes back to the same state',
    explanation: `Nothing that the verifier follows changes from one turn of the loop to the next${exits.length === 0 ? ', and there is no way out of it' : ''}.`,
    fix: 'change a counter in each turn, in a plain variable, and compare it with a bound',
    path,
    insn: head,
  };
}

function tooLong(q: Inquiry, loop: Loop, exit: Exit, turns: number): Finding {
  const spent = effort(q);
  const bound =
    exit.check.src === undefined
      ? q.env.insns.imm[q.insnAt(exit.check.step)]
      : sminOf(q.row(exit.check.src, exit.check.step), 0);
  return {
    cause: 'LOOP_TOO_LONG',
    label: `${turns} turns were walked`,
    explanation: `The loop is walked turn by turn: after ${turns} turns (the counter is ${range(exit.row)} of ${bound}) the verifier gave up. Instructions by line: ${spent.text}.`,
    fix: 'use bpf_loop() or bpf_for(), whose body is walked a few times only, or a smaller bound',
    path: tell(exitStory(q, [exit])),
    values: { turns, bound, ...spent.values },
    insn: headOf(q, loop),
  };
}

function unbounded(q: Inquiry, loop: Loop, exits: readonly Exit[], turns: number): Finding {
  const spent = effort(q);
  const by = exits.find((e) => !e.constant) ?? exits[0];
  const bound = by === undefined ? undefined : q.row(by.check.src ?? by.check.dst, by.check.step);
  const data = by !== undefined && !by.counted && by.constant;
  const text = by === undefined ? undefined : condition(q, by.check);
  return {
    cause: data ? 'LOOP_ENDS_BY_DATA' : 'LOOP_UNBOUNDED',
    label: 'no constant bounds the turns',
    explanation: data
      ? `The loop is left only when ${quoted(text, 'a value')} says so, and the verifier gave up after ${turns} turns.`
      : `The number of turns depends on ${quoted(text, 'a number')}, which may be ${bound === undefined || bound[TYPE] !== SCALAR_VALUE ? 'anything' : range(bound)}: the verifier gave up after ${turns} turns. Instructions by line: ${spent.text}.`,
    fix: 'bound the turns with a constant: for (int i = 0; i < LIMIT && ...; i++)',
    path: tell(exitStory(q, exits)),
    values: { turns, ...spent.values },
    insn: headOf(q, loop),
  };
}

function tooManyPaths(q: Inquiry, loop: Loop | undefined): Finding {
  const spent = effort(q);
  const states = statesByLine(q);
  const insn = loop === undefined ? busiest(q) : headOf(q, loop);
  return {
    cause: 'PATHS_TOO_MANY',
    label: 'too many paths lead through here',
    explanation: `The verifier walked ${q.env.insnProcessed} instructions, and the states that branches leave behind differ, so that no path spares another. Instructions by line: ${spent.text}.${states}`,
    fix:
      loop === undefined
        ? 'take independent parts into global functions, and make branches depend on less state'
        : 'use bpf_loop(), or make the branches in the loop leave the same state',
    path: differingStory(q, loop),
    values: { walked: q.env.insnProcessed, ...spent.values },
    insn,
  };
}

function statesByLine(q: Inquiry): string {
  const lines = new Map<string, number>();
  for (let st of q.env.explored) {
    for (; st !== undefined; st = st.older) {
      const where = q.where(st.insnIdx);
      lines.set(where, (lines.get(where) ?? 0) + 1);
    }
  }
  const most = [...lines].sort((a, b) => b[1] - a[1]).slice(0, 3);
  return most.length === 0 ? '' : ` States kept: ${most.map(([where, n]) => `${where} ${n}`).join(', ')}.`;
}

/** What differs between the last two turns of the loop. */
function differingStory(q: Inquiry, loop: Loop | undefined): Finding['path'] {
  if (loop === undefined) return [];
  const head = loop.exits[0] ?? loop.insns[0];
  const visits = q.trace.insns.flatMap((insn, step) => (insn === head ? [step] : [])).slice(-2);
  if (visits.length < 2) return [];
  const [a, b] = visits;
  const told: Told[] = [];
  for (let regno = 0; regno < 10; regno++) {
    const [before, after] = [q.row(q.reg(regno, a), a), q.row(q.reg(regno, b), b)];
    if (after[TYPE] !== SCALAR_VALUE || before[TYPE] !== SCALAR_VALUE || range(before) === range(after)) continue;
    told.push({
      step: b,
      event: q.event(b, 'loop', `R${regnoOf(q.reg(regno, b))} was ${range(before)}, and is ${range(after)}`),
    });
  }
  return tell(told, 4);
}

/** STRUCTURE.BACK_EDGE. */
export const backEdge: Detector = (q) => {
  const [from, to] = [q.number(0), q.number(1)];
  if (from < 0 || to < 0) return undefined;
  const site = [from, to].find((i) => /\b(?:for|while|do|goto)\b/.test(q.lines.at(i)?.text ?? '')) ?? to;
  return {
    cause: 'LOOP_NOT_ALLOWED',
    label: 'a loop',
    explanation: `The program jumps back from ${q.where(from)} to ${q.where(to)}, and programs without CAP_BPF may not.`,
    fix: 'unroll the loop, or load the program with CAP_BPF',
    path: [],
    insn: site,
  };
};
