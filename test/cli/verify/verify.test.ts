/** `skep verify`: verdicts, their JSON, and exit codes. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Io } from '../../../src/cli/shell/io.ts';
import { printVerdict } from '../../../src/cli/verify/verdict-text.ts';
import type { ProgramVerdict } from '../../../src/cli/verify/verify-object.ts';
import { FIREWALL, jsonLines, PROGRAMS, skep, TRAFFIC, UNSIZED, UNSOUND } from '../skep.ts';

test('--json has one line for each program, those with autoload off too', () => {
  const said = skep(['verify', PROGRAMS, '--json']);
  const lines = jsonLines(said);
  expect(said.code).toBe(1);
  expect(lines.map((l) => `${l.program} ${l.type} ${l.verdict}`).sort()).toEqual(
    [
      'accepted xdp accept',
      'classify sched_cls accept',
      'jump xdp accept',
      'optional xdp accept',
      'probe kprobe accept',
      'profile perf_event accept',
      'raw raw_tracepoint accept',
      'refused xdp reject',
      'shorten xdp accept',
      'talk xdp accept',
      'target xdp accept',
    ].sort(),
  );
  expect(lines.find((l) => l.program === 'refused')).toMatchObject({
    object: PROGRAMS,
    section: 'xdp',
    attachType: 'xdp',
    errno: 13,
    code: 'EACCES',
    message: 'R1 offset is outside of the packet',
    insnsProcessed: 2,
    peakStates: 0,
    timeUs: expect.any(Number),
  });
  const accepted = lines.find((l) => l.program === 'accepted');
  expect(accepted).toMatchObject({ errno: 0, code: '', message: '' });
  expect(accepted).not.toHaveProperty('log');
  expect(lines.find((l) => l.program === 'optional')).toMatchObject({ section: '?xdp' });
  expect(lines.find((l) => l.program === 'probe')).toMatchObject({ attachType: null });
});

test('sizes that the object leaves to its loader are assumed, and said', () => {
  const said = skep(['verify', UNSIZED, '--json']);
  expect(said.code).toBe(0);
  expect(jsonLines(said)).toMatchObject([
    {
      program: 'note_switch',
      verdict: 'accept',
      assumed: ['map stacks: max_entries 1', 'map stacks: value_size 1016', 'map started: max_entries 1'],
    },
  ]);
  expect(skep(['verify', UNSIZED]).out).toContain('assumed  map started: max_entries 1, which the object does not say');
  expect(jsonLines(skep(['verify', FIREWALL, '--json']))[0]).not.toHaveProperty('assumed');
});

test('what 6.18 accepts through a hole of its own is said, and is not run', () => {
  const said = skep(['verify', UNSOUND]);
  expect(said.code).toBe(0);
  expect(said.out).toContain('accept, but unsound: THROW_IN_GLOBAL, refused from 7.1 on (3d562d35a044)');
  expect(said.out).toContain('2 programs, 2 accepted, 1 of them unsound');
  const [open, closed] = jsonLines(skep(['verify', UNSOUND, '--json']));
  expect(open).toMatchObject({
    verdict: 'accept',
    insnsProcessed: 12,
    unsound: {
      hole: 'THROW_IN_GLOBAL',
      summary: expect.stringContaining('throws'),
      fixedIn: '7.1',
      fix: '3d562d35a044',
      message: 'bpf_throw cannot be used inside bpf_rcu_read_lock-ed region',
      source: expect.stringContaining('may_throw'),
    },
  });
  expect(closed).not.toHaveProperty('unsound');
  const run = skep(['run', UNSOUND, '--prog', 'leaves_section']);
  expect(run.code).toBe(1);
  expect(run.out + run.err).toContain('Linux 6.18 accepts this program through a hole, THROW_IN_GLOBAL');
});

test('--prog, --prog-flags and --log-level', () => {
  const said = skep([
    'verify',
    PROGRAMS,
    '--json',
    '--prog',
    'accepted',
    '--prog-flags',
    'accepted=8',
    '--log-level',
    '2',
  ]);
  const [line, ...more] = jsonLines(said);
  expect(more).toEqual([]);
  expect(said.code).toBe(0);
  expect(line.log).toContain('processed ');
  expect(line.log).toContain('R1=ctx() R10=fp0');
  // 8 is BPF_F_TEST_STATE_FREQ, 4096 no flag at all.
  expect(skep(['verify', PROGRAMS, '--prog', 'accepted', '--prog-flags', 'accepted=4096']).out).toContain('EINVAL');
});

test('text for people: reason and source line, a sum at the end', () => {
  const { code, out } = skep(['verify', PROGRAMS, FIREWALL]);
  expect(code).toBe(1);
  expect(out).toMatch(
    /reject {2}refused .*\n +EACCES: R1 offset is outside of the packet\n +programs\.c:\d+:\d+ in refused {2}PACKET_UNCHECKED\n(?: +\d+ \|.*\n)? +\d+ \| .*return/,
  );
  expect(out).toMatch(/12 programs, 11 accepted, 1 rejected/);
  expect(out).not.toContain('\x1b');
});

test('an unreadable object does not stop the others', () => {
  const said = skep(['verify', 'nowhere.o', FIREWALL, '--json']);
  expect(said.code).toBe(3);
  expect(said.err).toBe('skep: nowhere.o: there is no such file\n');
  expect(jsonLines(said)).toMatchObject([{ object: FIREWALL, verdict: 'accept' }]);
});

describe('exit codes', () => {
  test.each([
    ['all accepted', ['verify', FIREWALL], 0, ''],
    ['no object', ['verify'], 2, 'verify needs an object file'],
    ['an unknown option', ['verify', FIREWALL, '--nope'], 2, 'verify has no option --nope'],
    ['an unknown profile', ['verify', FIREWALL, '--profile', '4.19'], 2, '--profile'],
    [
      'a log level too high',
      ['verify', FIREWALL, '--log-level', '9'],
      2,
      '--log-level must be a whole number from 0 to 7',
    ],
    ['flags without a name', ['verify', FIREWALL, '--prog-flags', '3'], 2, 'NAME=FLAGS'],
    ['no file', ['verify', 'nowhere.o'], 3, 'nowhere.o: there is no such file'],
    ['a directory', ['verify', 'test'], 3, 'test: it is a directory'],
    ['no ELF file', ['verify', 'package.json'], 3, 'package.json: ELF: magic 7f 45 4c 46 expected (at offset 0)'],
    ['no such program', ['verify', FIREWALL, '--prog', 'nope'], 2, 'there is no program nope'],
    ['no BTF', ['verify', FIREWALL, '--btf', 'package.json'], 3, 'package.json: BTF: '],
  ])('%s', (_, words, code, text) => {
    const said = skep(words);
    expect(said.code).toBe(code);
    expect(said.err).toContain(text);
    expect(said.err).not.toMatch(/\n\s+at |node:internal/);
  });
});

describe('every field of --json is described', () => {
  const page = readFileSync('docs/json.md', 'utf8');
  /** Words in code style in the first cells of a chapter's tables, or in all cells. */
  const described = (chapter: string, all = false): Set<string> => {
    const text = page.split(/^## /m).find((part) => part.startsWith(chapter)) ?? '';
    const cells = [...text.matchAll(/^\|(.+)\|$/gm)].flatMap(([, row]) => (all ? row.split('|') : [row.split('|')[0]]));
    return new Set(cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map((m) => m[1])));
  };
  const printed = (...lines: readonly object[]): Set<string> => new Set(lines.flatMap((line) => Object.keys(line)));
  const all = (words: readonly string[]): object[] => [...jsonLines(skep(words))];
  const array = (words: readonly string[]): object[] => JSON.parse(skep(words).out) as object[];
  const EVENTS = ['--events-in', 'test/fixtures/hooks/events.jsonl', '--json'];

  test('skep verify and skep run', () => {
    const lines = printed(
      ...all(['verify', PROGRAMS, UNSIZED, UNSOUND, '--json', '--log-level', '1']),
      ...all(['verify', 'test/fixtures/lib/leftovers.o', '--json']),
      ...all(['run', PROGRAMS, '--prog', 'talk', '--json', '--events']),
      ...all(['run', FIREWALL, '--pcap', TRAFFIC, '--json']),
      ...all(['run', 'test/fixtures/hooks/task.o', ...EVENTS]),
    );
    const told = new Set([...described('`skep verify`'), ...described('`skep run`')]);
    expect([...lines].filter((field) => !told.has(field))).toEqual([]);
    expect([...told].filter((field) => !lines.has(field) && field !== 'ctxOut')).toEqual([]);
  });

  test('diagnosis', () => {
    const [{ diagnosis }] = all(['verify', PROGRAMS, '--prog', 'refused', '--json']) as { diagnosis: object }[];
    expect(new Set(Object.keys(diagnosis))).toEqual(described('`diagnosis`'));
    const [bare] = all(['verify', PROGRAMS, '--prog', 'refused', '--json', '--explain', 'none']);
    expect(bare).not.toHaveProperty('diagnosis');
  });

  test('skep bench', () => {
    const [line] = all(['bench', FIREWALL, '--rounds', '1', '--no-kernel', '--json']) as { programs: object[] }[];
    const told = described('`skep bench`');
    const fields = printed(line, ...line.programs);
    expect([...fields].filter((field) => !told.has(field))).toEqual([]);
    // Without the real kernel nothing is compared with it.
    expect([...told].filter((field) => !fields.has(field))).toEqual(['overKernel']);
  });

  test('skep prog show and skep map', () => {
    expect(described('`skep prog show`')).toEqual(printed(...array(['prog', 'show', FIREWALL, '--json'])));
    const told = described('`skep map`', true);
    const shown = printed(...array(['map', 'show', FIREWALL, '--json']));
    expect([...shown].filter((field) => !told.has(field))).toEqual([]);
  });
});

describe('what an object leaves unsaid', () => {
  const FIXTURES = 'test/fixtures/lib';

  test('notes stand with the programs that they are about', () => {
    const lines = jsonLines(skep(['verify', `${FIXTURES}/leftovers.o`, '--json'])) as unknown as ProgramVerdict[];
    expect(lines.map((l) => `${l.program} ${l.verdict}`)).toEqual(['concealed accept', 'plain accept', 'lost error']);
    const codes = (program: string) =>
      lines
        .find((l) => l.program === program)
        ?.notes?.map((n) => n.code)
        .sort();
    const shared = [
      'extern-unresolved',
      'function-unused',
      'section-ignored',
      'static-subprogram',
      'version-unreadable',
    ];
    expect(codes('concealed')).toEqual([...shared, 'static-program'].sort());
    expect(codes('plain')).toEqual([...shared, 'static-map'].sort());
    expect(lines.map((l) => l.refusedBy)).toEqual(lines.map(() => ['libbpf', 'cilium']));
    const text = skep(['verify', `${FIXTURES}/leftovers.o`]).out;
    expect(text).toContain(
      "note: sec 'tc/egress': program 'concealed' is static and not supported (libbpf 1.x refuses it)",
    );
    expect(jsonLines(skep(['verify', PROGRAMS, '--json'])).some((l) => 'notes' in l || 'refusedBy' in l)).toBe(false);
  });

  test('strong externs that the kernel does not have', () => {
    const lines = jsonLines(skep(['verify', `${FIXTURES}/externs.o`, '--json'])) as unknown as ProgramVerdict[];
    const missing = lines[0].notes?.filter((n) => n.code === 'extern-missing').map((n) => n.where.name) ?? [];
    expect(missing).toContain('skep_never_there');
    expect(missing).not.toContain('bpf_rcu_read_lock');
    expect(missing).not.toContain('skep_no_such_kfunc');
  });

  test('--loader refuses what that loader refuses', () => {
    const said = skep(['verify', `${FIXTURES}/leftovers.o`, '--json', '--loader', 'libbpf']);
    expect(said.code).toBe(3);
    expect(jsonLines(said)[1]).toMatchObject({ program: 'plain', verdict: 'error', code: 'EOPNOTSUPP' });
    expect(jsonLines(said)[1].message).toContain('libbpf 1.x refuses this');
    expect(skep(['verify', FIREWALL, '--loader', 'libbpf']).code).toBe(0);
    expect(skep(['verify', FIREWALL, '--loader', 'aya']).code).toBe(2);
  });

  test('--type says what section names do not', () => {
    const types = (words: string[]) =>
      Object.fromEntries(
        jsonLines(skep(['verify', `${FIXTURES}/conventions.o`, '--json', ...words])).map((l) => [
          l.program,
          `${l.type} ${l.verdict}`,
        ]),
      );
    expect(types([])).toMatchObject({ tail_call: 'unspec error', known: 'xdp accept', ingress: 'sched_cls accept' });
    expect(types(['--type', 'tc', '--type', 'tail-*=xdp'])).toMatchObject({
      tail_call: 'sched_cls accept',
      from_netdev: 'sched_cls accept',
      tail_three: 'xdp accept',
      known: 'xdp accept',
    });
    const wrong = skep(['verify', FIREWALL, '--type', 'kpobe']);
    expect(wrong.code).toBe(2);
    expect(wrong.err).toMatch(/'kpobe' is neither; did you mean kprobe/);
  });

  test('--inner says what a map of maps holds', () => {
    const verdict = (...words: string[]) =>
      jsonLines(skep(['verify', `${FIXTURES}/odd_maps.o`, '--json', '--prog', 'looks', ...words]))[0];
    expect(verdict()).toMatchObject({ verdict: 'error' });
    expect(verdict().message).toContain('does not say what its inner maps are');
    expect(verdict('--inner', 'empty=twice')).toMatchObject({ verdict: 'accept' });
    expect(verdict('--inner', 'empty=hash:4:8:1')).toMatchObject({ verdict: 'accept' });
    expect(verdict('--inner', 'empty=hash:16:8:1')).toMatchObject({ verdict: 'reject', code: 'EINVAL' });
    expect(skep(['verify', `${FIXTURES}/odd_maps.o`, '--inner', 'empty=hsh:4:8:1']).err).toMatch(/did you mean hash/);
  });
});

test('of an endless loop the headline says so, and JSON keeps the last line of the kernel', () => {
  let text = '';
  const io = { out: (more: string) => (text += more), style: (_: unknown, word: string) => word } as unknown as Io;
  const figures = { insnsProcessed: 2, totalStates: 1, peakStates: 1, timeUs: 1 };
  const names = { object: 'x.o', program: 'spin', section: 'tc', type: 'sched_cls', attachType: null };
  const message = 'old state: R0=1 R10=fp0';
  printVerdict(io, { ...names, ...figures, verdict: 'reject', errno: 22, code: 'EINVAL', message });
  expect(text).toContain('EINVAL: infinite loop detected\n');
});
