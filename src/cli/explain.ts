/** `skep explain`: the page of a cause that a diagnosis names. */
import { CAUSES } from '../kernel/diagnose/causes/catalogue.ts';
import { CATALOGUE } from '../kernel/verifier/diag/catalogue.ts';
import { type Command, readArgs } from './shell/command.ts';
import { EXIT, UsageError } from './shell/exit.ts';
import type { Io } from './shell/io.ts';
import { didYouMean } from './shell/nearest.ts';
import { toJson } from './shell/json-text.ts';
import { wrapped } from './verify/diagnosis-text.ts';

const HELP = `usage: skep explain [CAUSE...] [--json]

Explains causes that diagnoses name (PACKET_STALE), and rejections by their id
(ACCESS.PACKET_RANGE): what happens, why the kernel refuses it, what to write
instead. Without a word: all causes, a line for each.

  --json   one line of JSON for each
`;

/** A cause or a rejection as it is shown. */
interface Page {
  readonly cause: string;
  readonly title: string;
  readonly page: string;
  readonly example?: { readonly bad: string; readonly good: string };
}

export const command: Command = {
  help: HELP,
  run(args, io) {
    const { values, positionals } = readArgs(
      'explain',
      args,
      { json: { type: 'boolean' } },
      { operands: [0, Number.POSITIVE_INFINITY, 'names of causes'] },
    );
    const pages = positionals.length > 0 ? positionals.map(pageOf) : allPages();
    for (const [i, page] of pages.entries()) {
      if (values.json) io.out(`${toJson(page)}\n`);
      else if (positionals.length === 0) io.out(`${io.style('bold', page.cause.padEnd(NAME_WIDTH))} ${page.title}\n`);
      else print(io, page, i);
    }
    return EXIT.ok;
  },
};

const NAME_WIDTH = 24;
const WIDTH = 80;

function allPages(): Page[] {
  return Object.keys(CAUSES)
    .toSorted()
    .map((cause) => ({ cause, ...CAUSES[cause] }));
}

function pageOf(word: string): Page {
  const cause = word.toUpperCase();
  if (Object.hasOwn(CAUSES, cause)) return { cause, ...CAUSES[cause] };
  const rejection = rejectionOf(cause);
  if (rejection !== undefined) return rejection;
  throw new UsageError(`there is no cause '${word}'${didYouMean(cause, Object.keys(CAUSES))}`, 'explain');
}

/** A rejection of the verifier, `ACCESS.PACKET_RANGE`. */
function rejectionOf(id: string): Page | undefined {
  const [topic, key] = id.split('.');
  const rows: Readonly<Record<string, { readonly why: string }>> | undefined = Object.hasOwn(CATALOGUE, topic)
    ? CATALOGUE[topic as keyof typeof CATALOGUE]
    : undefined;
  if (rows === undefined || key === undefined || !Object.hasOwn(rows, key)) return undefined;
  return { cause: id, title: 'a rejection of the verifier', page: rows[key].why };
}

function print(io: Io, { cause, title, page, example }: Page, i: number): void {
  if (i > 0) io.out('\n');
  io.out(`${io.style('bold', cause)}: ${title}\n\n`);
  for (const line of wrapped(page, WIDTH)) io.out(`${line}\n`);
  if (example === undefined) return;
  for (const [head, code, style] of [
    ['refused', example.bad, 'red'],
    ['accepted', example.good, 'green'],
  ] as const) {
    io.out(`\n${io.style(style, head)}:\n${code.replace(/^/gm, '    ')}\n`);
  }
}
