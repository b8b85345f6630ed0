/** Verdicts as people read them: a line for each program, and under a rejected one the reason and the source line. */
import { refusedFrom } from '../../kernel/rules/rows/holes.ts';
import { type Io, visible, visibleLines } from '../shell/io.ts';
import { noteText } from '../session/object-notes.ts';
import { type Detail, printDiagnosis, wrapped } from './diagnosis-text.ts';
import type { ProgramVerdict, UnsoundVerdict } from './verify-object.ts';

/** `dir/xdp.bpf.o` is the object `xdp`, as libbpf names it. */
export function baseName(path: string): string {
  const file = path.slice(path.lastIndexOf('/') + 1);
  return file.replace(/\.(bpf\.)?o$/, '').replace(/[^A-Za-z0-9_]/g, '_');
}

const WORD = {
  accept: { style: ['green', 'bold'], word: 'accept' },
  reject: { style: ['red', 'bold'], word: 'reject' },
  error: { style: ['yellow', 'bold'], word: 'error ' },
} as const;

const NAME_WIDTH = 28;
const SHORT: Shown = { logLevel: 0, detail: 'short' };

/** 1234567 as `1,234,567`. */
export const grouped = (n: number): string => n.toString().replace(/\B(?=(\d{3})+$)/g, ',');

/** Microseconds as a person says them. */
export function duration(us: number): string {
  if (us < 1000) return `${us} us`;
  return us < 1e6 ? `${(us / 1000).toFixed(1)} ms` : `${(us / 1e6).toFixed(2)} s`;
}

/** What a reader of one line wants: of an endless loop the kernel's last line is a state. */
const headline = (message: string): string => (message.startsWith('old state:') ? 'infinite loop detected' : message);

/** How much is shown. */
export interface Shown {
  readonly logLevel: number;
  readonly detail: Detail;
}

export function printVerdict(io: Io, v: ProgramVerdict, { logLevel, detail }: Shown = SHORT): void {
  const { style, word } = WORD[v.verdict];
  const name = visible(v.program);
  const figures =
    v.insnsProcessed > 0
      ? `${grouped(v.insnsProcessed)} insns, ${grouped(v.totalStates)} states, ${duration(v.timeUs)}`
      : '';
  io.out(
    `${io.style([...style], word)}  ${name.padEnd(NAME_WIDTH)}  ${io.style('dim', `${visible(v.section).padEnd(16)}  ${figures}`)}`.trimEnd(),
  );
  io.out('\n');
  if (logLevel > 0 && v.log !== undefined) io.out(indent(visibleLines(v.log.trimEnd())));
  if (v.unsound !== undefined) printUnsound(io, v.unsound);
  for (const n of v.notes ?? [])
    if (n.where.kind === 'program') io.out(`        ${io.style('dim', `note: ${noteText(n)}`)}\n`);
  if (v.verdict === 'accept') return;
  io.out(
    `        ${io.style('bold', v.code)}${v.code ? ': ' : ''}${visible(headline(v.message)) || 'the kernel gives no reason'}\n`,
  );
  if (v.diagnosis !== undefined) return printDiagnosis(io, v.diagnosis, detail);
  const source = v.source === undefined || v.source === '' ? '' : visible(v.source);
  if (source !== '') io.out(`        ${io.style('cyan', `at ${source}`)}\n`);
  if (v.why !== undefined) for (const line of wrapped(v.why, LINE_WIDTH)) io.out(`        ${line}\n`);
}

function printUnsound(io: Io, u: UnsoundVerdict): void {
  const known = [u.fix, u.cve].filter((v) => v !== undefined).join(', ');
  const from = known === '' ? refusedFrom(u.fixedIn) : `${refusedFrom(u.fixedIn)} (${known})`;
  io.out(`        ${io.style('yellow', `accept, but unsound: ${u.hole}, ${from}`)}\n`);
  for (const line of wrapped(`${u.summary}; without it: ${visible(u.message)}`, LINE_WIDTH))
    io.out(`        ${line}\n`);
  if (u.source !== undefined && u.source !== '') io.out(`        ${io.style('cyan', `at ${visible(u.source)}`)}\n`);
}

const LINE_WIDTH = 104;

const indent = (text: string): string => text.replace(/^/gm, '        ').concat('\n');

export function tally(io: Io, all: readonly ProgramVerdict[]): string {
  const count = (verdict: ProgramVerdict['verdict']): number => all.filter((v) => v.verdict === verdict).length;
  const parts = [`${all.length} programs`, io.style('green', `${count('accept')} accepted`)];
  const unsound = all.filter((v) => v.unsound !== undefined).length;
  if (unsound > 0) parts.push(io.style('yellow', `${unsound} of them unsound`));
  if (count('reject') > 0) parts.push(io.style('red', `${count('reject')} rejected`));
  if (count('error') > 0) parts.push(io.style('yellow', `${count('error')} not loadable`));
  return parts.join(', ');
}
