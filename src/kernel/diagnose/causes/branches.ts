/** Branches that the path took, as events. */
import {
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JLE,
  BPF_JLT,
  BPF_JNE,
  BPF_JSGE,
  BPF_JSGT,
  BPF_JSLE,
  BPF_JSLT,
  bpfOp,
} from '../../../isa/opcodes.ts';
import { SCALAR_VALUE } from '../../rules/reg-types.ts';
import { TYPE, varOffConst } from '../../verifier/state/row.ts';
import type { Inquiry } from '../inquiry.ts';
import { conditionAt } from '../source/expression.ts';
import type { Told } from '../story.ts';
import { type Check, checkAt } from '../trace/checks.ts';

/** The last branches before the fault, oldest first. */
export function branchStory(q: Inquiry, most: number, from = 0): Told[] {
  const found: Told[] = [];
  for (let step = q.last - 1; step >= from && found.length < most; step--) {
    const check = checkAt(q.walk, step);
    if (check === undefined) continue;
    const event = branchEvent(q, check);
    if (found.some((f) => f.event.line === event.line)) continue;
    found.push({ step, event });
  }
  return found.reverse();
}

const LESS: ReadonlySet<number> = new Set([BPF_JLT, BPF_JLE, BPF_JSLT, BPF_JSLE]);
const MORE: ReadonlySet<number> = new Set([BPF_JGT, BPF_JGE, BPF_JSGT, BPF_JSGE]);

/** A branch: its condition, and whether it held where that can be told. */
export function branchEvent(q: Inquiry, check: Check): Told['event'] {
  const insn = q.insnAt(check.step);
  const place = q.lines.at(insn);
  const condition = place === undefined ? undefined : conditionAt(place.text, place.column);
  const known = check.src === undefined || isConstant(q.row(check.src, check.step));
  const held =
    condition === undefined
      ? undefined
      : truth(condition, bpfOp(q.env.insns.code[insn]), { taken: check.taken, known });
  const note = held === undefined ? `goes on in ${q.where(q.insnAt(check.step + 1))}` : `is ${held}`;
  const event = q.event(check.step, 'branch', note);
  if (condition === undefined || place === undefined) return event;
  return { ...event, expression: { column: place.text.indexOf(condition) + 1, text: condition } };
}

const isConstant = (row: Int32Array): boolean => row[TYPE] === SCALAR_VALUE && varOffConst(row, 0);

/** Whether a C condition holds, from the jump that it became; undefined where that cannot be told. `known`: it compares with a constant. */
function truth(
  condition: string,
  op: number,
  { taken, known }: { readonly taken: boolean; readonly known: boolean },
): boolean | undefined {
  if (/&&|\|\|/.test(condition)) return undefined;
  const equal = (op === BPF_JEQ) === taken;
  const isEquality = op === BPF_JEQ || op === BPF_JNE;
  if (/==/.test(condition)) return isEquality ? equal : undefined;
  if (/!=/.test(condition)) return isEquality ? !equal : undefined;
  const relation = /(?<![-<>])([<>])=?(?![<>])/.exec(condition.replaceAll('->', '..'));
  if (relation !== null) {
    if (!known || (!LESS.has(op) && !MORE.has(op))) return undefined;
    const less = LESS.has(op) === taken;
    return (relation[1] === '<') === less;
  }
  if (!isEquality || !known) return undefined;
  return condition.startsWith('!') ? equal : !equal;
}
