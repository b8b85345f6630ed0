/** Objects whose names hold control characters: no command prints one raw, in text or in JSON, and JSON keeps the names. */
import { afterAll, describe, expect, test } from 'vitest';
import { EXIT as ACCEPTED, INT, ObjectWriter } from '../../lib/object-writer.ts';
import { ALLOC, EXEC, RawBtf, WRITE, wordBytes } from '../../proofs/fuzz/writer.ts';
import { jsonLines, scratch, skep } from '../skep.ts';

/** Colours, a title, a bell, a cursor that goes back, C1 forms of the same, text that runs backwards. */
const EVIL = '\x1b[31m\x1b]0;t\x07\r\x08\x9b2J\x7f\u202e"\n';
const evil = (name: string): string => `${name}${EVIL}`;
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const CONTROL = /[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;

const files = scratch();
afterAll(() => files.remove());

/** struct { int (*type)[2]; int (*max_entries)[1]; int *key; struct s *value; } m SEC(".maps"); */
function mapOf(btf: RawBtf, int: number): void {
  const pointer = (to: number): number => btf.type('', 2, 0, to);
  const count = (n: number): number => pointer(btf.type('', 3, 0, 0, [int, int, n]));
  const mode = btf.type(evil('mode'), 6, 1, 4, [btf.strings.at(evil('ONE')), 1]);
  const value = btf.type(evil('s'), 4, 1, 4, [btf.strings.at(evil('member')), mode, 0]);
  const parts = ['type', 'max_entries', 'key', 'value'];
  const types = [count(2), count(1), pointer(int), pointer(value)];
  const members = parts.flatMap((name, i) => [btf.strings.at(name), types[i], 64 * i]);
  const variable = btf.type(evil('map'), 14, 0, btf.type('', 4, 4, 32, members), [1]);
  btf.type('.maps', 15, 1, 32, [variable, 0, 32]);
  const data = btf.type(evil('variable'), 14, 0, value, [1]);
  btf.type(evil('.data.'), 15, 1, 4, [data, 0, 4]);
}

function object(): Uint8Array {
  const o = new ObjectWriter();
  const btf = new RawBtf();
  const int = INT(btf);
  const proto = btf.type('', 13, 0, int);
  // r0 is never set.
  const refused = ACCEPTED.slice(8);
  const unknown = wordBytes([0x85 | (0x10 << 8), 0xffffffff, ...new Uint32Array(ACCEPTED.buffer)]);
  const programs: [string, Uint8Array][] = [
    ['good', ACCEPTED],
    ['bad', refused],
    ['lost', unknown],
  ];
  const code = new Uint8Array(programs.reduce((n, [, insns]) => n + insns.length, 0));
  const section = o.section('xdp', { flags: ALLOC | EXEC, data: code });
  const name = btf.strings.at('xdp');
  const funcs = [8, name, programs.length];
  const lines = [16, name, programs.length];
  let at = 0;
  for (const [word, insns] of programs) {
    code.set(insns, at);
    o.symbol(evil(word), { section, value: at, size: insns.length, type: 2 });
    funcs.push(at, btf.type(evil(word), 12, 1, proto));
    lines.push(at, btf.strings.at(evil('f.c')), btf.strings.at(evil('return;')), 1 << 10);
    at += insns.length;
  }
  o.relocations(section, [at - unknown.length], [o.symbol(evil('extern'), {})]);
  mapOf(btf, int);
  const maps = o.section('.maps', { flags: ALLOC | WRITE, data: new Uint8Array(32) });
  o.symbol(evil('map'), { section: maps, size: 32, type: 1 });
  o.section(evil('.data.'), { flags: ALLOC | WRITE, data: Uint8Array.of(1, 0, 0, 0) });
  o.section(evil('odd'), { flags: ALLOC | WRITE, data: Uint8Array.of(1) });
  o.section('license', { flags: ALLOC | WRITE, data: new TextEncoder().encode(`${evil('GPL')}\0`) });
  const header = [0x0001eb9f, 24, 0, funcs.length * 4, funcs.length * 4, lines.length * 4];
  o.withBtf(btf).section('.BTF.ext', { data: wordBytes([...header, ...funcs, ...lines]) });
  return o.bytes();
}

const file = files.file(`evil.o`, object());
const GOOD = evil('good');
const MAP = evil('map');

/** Words of a command line, and a name that its output must tell. */
const COMMANDS: readonly (readonly [string, readonly string[], string])[] = [
  ['verify', ['verify', file, '--log-level', '2'], 'bad'],
  ['verify one', ['verify', file, '--prog', evil('bad')], 'bad'],
  ['run', ['run', file, '--prog', GOOD], ''],
  ['run what is not there', ['run', file, '--prog', evil('none')], 'none'],
  ['run with a map of no such name', ['run', file, '--prog', GOOD, '--map', `${evil('none')}=${file}`], 'none'],
  ['run with a variable of no such name', ['run', file, '--prog', GOOD, '--set', `${evil('none')}=1`], 'none'],
  ['run what is refused', ['run', file, '--prog', evil('bad')], 'bad'],
  ['bench', ['bench', file, '--prog', GOOD, '--rounds', '1', '--no-kernel'], 'good'],
  ['prog load', ['prog', 'load', file], 'bad'],
  ['prog show', ['prog', 'show', file, 'name', GOOD], 'good'],
  ['prog dump', ['prog', 'dump', 'xlated', file, 'name', GOOD], 'good'],
  ['map show', ['map', 'show', file], 'map'],
  ['map dump', ['map', 'dump', file], 'member'],
  ['map lookup', ['map', 'lookup', file, 'name', MAP, 'key', '0'], 'member'],
  ['map lookup of none', ['map', 'lookup', file, 'name', evil('none'), 'key', '0'], 'none'],
  [
    'map update',
    ['map', 'update', file, 'name', MAP, 'key', '0', 'value', JSON.stringify({ [evil('wrong')]: 1 })],
    'wrong',
  ],
  ['btf raw', ['btf', 'dump', 'file', file], 'member'],
  ['btf c', ['btf', 'dump', 'file', file, 'format', 'c'], 'member'],
  ['a file of no such name', ['verify', evil('none')], 'none'],
];

const WITH_JSON = new Set(['verify', 'run', 'bench', 'prog show', 'map show', 'map dump']);

describe('in text', () => {
  test.each(COMMANDS)('%s', (_, words, name) => {
    const { out, err } = skep(words);
    expect(out + err).toContain(name === '' ? '0' : `${name}\\x1b[31m`);
    expect(CONTROL.exec(out + err)).toBeNull();
  });
});

describe('in JSON', () => {
  test.each(COMMANDS.filter(([command]) => WITH_JSON.has(command)))('%s', (_, words, name) => {
    const said = skep([...words, '--json']);
    expect(CONTROL.exec(said.out + said.err)).toBeNull();
    const lines = jsonLines(said);
    expect(lines.length).toBeGreaterThan(0);
    if (name !== '') expect(JSON.stringify(lines)).toContain(JSON.stringify(evil(name)).slice(1, -1));
  });
});
