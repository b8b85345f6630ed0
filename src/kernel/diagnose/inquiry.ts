/** A rejection that is looked into: the path to it, its registers, its source. Detectors ask this. */
import { BPF_CALL, BPF_JMP, BPF_PSEUDO_CALL, BPF_PSEUDO_KFUNC_CALL } from '../../isa/opcodes.ts';
import { SCALAR_VALUE } from '../rules/reg-types.ts';
import { helperName } from '../verifier/call/name.ts';
import { formatReg } from '../verifier/state/print.ts';
import { TYPE } from '../verifier/state/row.ts';
import { findSubprogAt } from '../verifier/subprog.ts';
import type { VerifierEnv } from '../verifier/env.ts';
import type { CausalEvent, EventKind, Site, SourceLine } from './diagnosis.ts';
import { type Expression, baseOf, expressionAt } from './source/expression.ts';
import { Lines } from './source/lines.ts';
import { type Place, type Recorder, frameOf, regPlace } from './trace/record.ts';
import { type Link, trailOf } from './trace/trail.ts';
import type { Walk } from './trace/walk.ts';

export class Inquiry {
  readonly env: VerifierEnv;
  readonly trace: Recorder;
  readonly id: string;
  readonly args: readonly unknown[];
  readonly lines: Lines;
  /** The step that was refused, -1 when nothing was walked. */
  readonly last: number;
  /** The instruction at fault, -1 without. */
  readonly insn: number;

  constructor(readonly walk: Walk) {
    this.env = walk.env;
    this.trace = walk.trace;
    this.id = walk.id;
    this.args = walk.args;
    this.lines = new Lines(walk.env);
    this.last = walk.trace.insns.length - 1;
    this.insn = this.last < 0 ? -1 : walk.trace.insns[this.last];
  }

  /** The `i`-th number that the rejection names, -1 without. */
  number(i: number): number {
    const given = this.args[i];
    return typeof given === 'number' ? given : -1;
  }

  /** The first register that the rejection names, -1 without. */
  get register(): number {
    const given = this.args.find((arg) => typeof arg === 'number');
    return given !== undefined && given >= 0 && given <= 10 ? given : -1;
  }

  /** The place of a register in the frame that ran at `step`. */
  reg(regno: number, step = this.last): Place {
    return regPlace(this.trace.frames[step], regno);
  }

  row(place: Place, step = this.last): Int32Array {
    return this.trace.row(step, place);
  }

  trail(place: Place, step = this.last): readonly Link[] {
    return trailOf(this.walk, step, place);
  }

  /** A value as the verifier's log prints it: `pkt(off=14,r=14)`. */
  print(row: Int32Array, place: Place): string {
    const frame = this.env.state.frames[Math.min(frameOf(place), this.env.state.curframe)];
    return formatReg(this.env, frame, row, 0);
  }

  insnAt(step: number): number {
    return this.trace.insns[step];
  }

  /** Name of the function that a call instruction calls; undefined when it is none. */
  callee(insn: number): string | undefined {
    const { insns } = this.env;
    if (insn < 0 || insns.code[insn] !== (BPF_JMP | BPF_CALL)) return undefined;
    const src = insns.src[insn];
    if (src === BPF_PSEUDO_KFUNC_CALL) return this.env.aux.extra.get(insn)?.kfunc?.name ?? 'a kernel function';
    if (src !== BPF_PSEUDO_CALL) return helperName(insns.imm[insn]);
    const sub = findSubprogAt(this.env, insn + insns.imm[insn] + 1);
    return sub < 0 ? 'a function' : this.env.subprogs[sub].name || `func#${sub}`;
  }

  site(insn: number): Site {
    const place = this.lines.at(insn);
    const fn = insn < 0 ? this.env.input.name : this.lines.functionAt(insn);
    if (place === undefined) return { insn, function: fn, file: '', line: 0, column: 0, text: '' };
    const found = expressionAt(place.text, place.column);
    const expression = found === undefined ? {} : { expression: { column: found.start + 1, text: found.text } };
    return {
      insn,
      function: fn,
      file: place.file,
      line: place.line,
      column: place.column,
      text: place.text,
      ...expression,
    };
  }

  /** The line of an instruction and those beside it, as far as other instructions come from them. */
  linesAround(insn: number): SourceLine[] {
    const place = this.lines.at(insn);
    if (place === undefined) return [];
    return [place.line - 1, place.line, place.line + 1].flatMap((line) => {
      const text = line === place.line ? place.text : this.lines.text(place.file, line);
      return text === undefined ? [] : [{ line, text }];
    });
  }

  /** The C expression that an instruction was written as. */
  expression(insn: number): Expression | undefined {
    const place = this.lines.at(insn);
    return place === undefined ? undefined : expressionAt(place.text, place.column);
  }

  /** What the instruction reads or writes through, as the user calls it: `eth` of `eth->h_proto`. */
  baseName(insn: number): string | undefined {
    const text = this.expression(insn)?.text;
    const base = text === undefined ? undefined : baseOf(text);
    return base !== undefined && base.length <= 40 ? base : undefined;
  }

  /** The C text of an argument of the call at fault; undefined where it is not plain. */
  argumentText(regno: number): string | undefined {
    const call = this.expression(this.insn)?.text;
    const open = call?.indexOf('(') ?? -1;
    if (call === undefined || open < 0) return undefined;
    const parts: string[] = [];
    let depth = 0;
    let from = open + 1;
    for (let i = open; i < call.length; i++) {
      if ('([{'.includes(call[i])) depth++;
      else if (')]}'.includes(call[i])) depth--;
      if ((call[i] === ',' && depth === 1) || (depth === 0 && i > open)) {
        parts.push(call.slice(from, i).trim());
        from = i + 1;
      }
    }
    const text = parts[regno - 1];
    return text === undefined || text.length > 40 ? undefined : text;
  }

  /** `line 12`, or `insn 34` without line information. */
  where(insn: number): string {
    const place = this.lines.at(insn);
    return place === undefined ? `insn ${insn}` : `line ${place.line}`;
  }

  event(step: number, kind: EventKind, note: string): CausalEvent {
    return { ...this.site(this.insnAt(step)), kind, note };
  }

  /** Whether the value was a pointer at some time, and the youngest link where it was one and stopped. */
  lostPointer(trail: readonly Link[]): Link | undefined {
    return trail.find(
      ({ after, before }) => after[TYPE] === SCALAR_VALUE && before !== undefined && before[TYPE] > SCALAR_VALUE,
    );
  }
}
