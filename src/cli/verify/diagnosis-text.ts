/** Diagnoses as people read them: the line at fault, what is wrong, how it came to this, what to do. */
import type { CausalEvent, Diagnosis } from '../../kernel/diagnose/diagnosis.ts';
import { type Io, visible } from '../shell/io.ts';

/** How much of a diagnosis is shown. */
export type Detail = 'short' | 'full';

const WIDTH = 80;
const MARGIN = '        ';
/** Events of the short form. */
const SHORT_PATH = 6;

export function printDiagnosis(io: Io, d: Diagnosis, detail: Detail): void {
  const { at } = d;
  const file = at.file.slice(at.file.lastIndexOf('/') + 1);
  const place = at.line > 0 ? `${visible(file)}:${at.line}:${at.column}` : at.insn >= 0 ? `insn ${at.insn}` : '';
  const head = place === '' ? d.cause : `${place} in ${visible(at.function)}`;
  io.out(`${MARGIN}${io.style('cyan', head)}${place === '' ? '' : `  ${io.style('dim', d.cause)}`}\n`);
  if (at.line > 0) snippet(io, d);
  for (const line of wrapped(visible(d.explanation), WIDTH - MARGIN.length)) io.out(`${MARGIN}${line}\n`);
  const events = detail === 'full' ? d.path : shortened(d.path);
  const names = events.map((e) => (e.line > 0 ? `line ${e.line}` : `insn ${e.insn}`));
  const width = Math.max(8, ...names.map((n) => n.length));
  for (const [i, e] of events.entries()) printEvent(io, e, names[i].padEnd(width));
  if (d.fix !== '') printFix(io, d.fix, width);
  if (detail === 'full') printValues(io, d);
}

/** Columns in front of a line of C. */
const GUTTER = 9;
const ROOM = WIDTH - GUTTER;

function snippet(io: Io, { at, label, source }: Diagnosis): void {
  const text = plain(at.text);
  const indent = text.length - text.trimStart().length;
  const from = at.expression?.column ?? Math.max(at.column, indent + 1);
  const length = at.expression?.text.length ?? 1;
  // Long lines are shown around the expression.
  const skip = from - 1 + length > ROOM ? Math.max(0, from - 21) : 0;
  const line = (number: number, code: string): void =>
    io.out(
      `${io.style('dim', `${String(number).padStart(6)} |`)} ${visible(plain(code).slice(skip, skip + ROOM))}`
        .trimEnd()
        .concat('\n'),
    );
  for (const near of source) if (near.line < at.line) line(near.line, near.text);
  line(at.line, at.text);
  caret(io, label, { column: from - 1 - skip, length: Math.max(1, Math.min(length, ROOM - (from - 1 - skip))) });
  for (const near of source) if (near.line > at.line) line(near.line, near.text);
}

const plain = (code: string): string => code.replaceAll('\t', ' ').trimEnd();

function caret(io: Io, label: string, { column, length }: { readonly column: number; readonly length: number }): void {
  const under = (text: string): void => io.out(`${io.style('dim', '       |')} ${text}`.trimEnd().concat('\n'));
  const mark = `${' '.repeat(column)}${io.style('red', '^'.repeat(length))}`;
  if (column + length + 1 + label.length <= ROOM) return under(`${mark} ${io.style('red', visible(label))}`);
  under(mark);
  under(`${' '.repeat(Math.max(0, Math.min(column, ROOM - label.length)))}${io.style('red', visible(label))}`);
}

/** The first event and the last ones. */
const shortened = (path: readonly CausalEvent[]): readonly CausalEvent[] =>
  path.length <= SHORT_PATH ? path : [path[0], ...path.slice(path.length - SHORT_PATH + 1)];

const SOURCE_WIDTH = 29;

function printEvent(io: Io, e: CausalEvent, name: string): void {
  const code = (e.kind === 'branch' ? e.expression?.text : undefined) ?? e.text.trim();
  const start = e.expression === undefined ? 0 : e.expression.column - 1 - (e.text.length - e.text.trimStart().length);
  const shown = fitted(code, e.kind === 'branch' ? 0 : start);
  const lead = `${MARGIN}${io.style('cyan', name)} ${visible(shown).padEnd(SOURCE_WIDTH)} `;
  const room = WIDTH - MARGIN.length - name.length - SOURCE_WIDTH - 2;
  const [first, ...rest] = wrapped(visible(e.note), Math.max(room, 20));
  io.out(`${lead} ${first}`.trimEnd().concat('\n'));
  const under = ' '.repeat(MARGIN.length + name.length + SOURCE_WIDTH + 3);
  for (const line of rest) io.out(`${under}${line}\n`);
}

/** As much of a line as fits, around what is meant. */
function fitted(code: string, start: number): string {
  if (code.length <= SOURCE_WIDTH) return code;
  if (start + 8 < SOURCE_WIDTH) return `${code.slice(0, SOURCE_WIDTH - 2)}..`;
  return `..${code.slice(start, start + SOURCE_WIDTH - 4)}${start + SOURCE_WIDTH - 4 < code.length ? '..' : ''}`;
}

function printFix(io: Io, fix: string, width: number): void {
  const lines = wrapped(visible(fix), WIDTH - MARGIN.length - width - 1);
  for (const [i, line] of lines.entries()) {
    const lead = i === 0 ? io.style('green', 'fix'.padEnd(width)) : ' '.repeat(width);
    io.out(`${MARGIN}${lead} ${line}\n`);
  }
}

function printValues(io: Io, d: Diagnosis): void {
  const pairs = Object.entries(d.values).map(([name, value]) => `${name} ${value}`);
  if (pairs.length > 0)
    for (const line of wrapped(`values: ${visible(pairs.join(', '))}`, WIDTH - 8))
      io.out(`${MARGIN}${io.style('dim', line)}\n`);
}

/** Words in lines of a width. */
export function wrapped(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines[lines.length - 1];
    if (last.length + word.length < width || last === '')
      lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
