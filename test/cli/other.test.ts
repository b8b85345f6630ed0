/** The other commands, help at every level, and hostile files. */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { FIREWALL, jsonLines, PROGRAMS, scratch, skep, skepProcess } from './skep.ts';

const files = scratch();
afterAll(() => files.remove());

describe('help', () => {
  test('the list of commands', () => {
    for (const words of [['help'], ['--help'], ['-h']]) {
      const said = skep(words);
      expect(said.code).toBe(0);
      expect(said.out).toContain('usage: skep COMMAND');
      expect(said.out.split('\n').filter((line) => line.length > 80)).toEqual([]);
    }
  });
  test.each(['verify', 'run', 'bench', 'conformance', 'prog', 'map', 'btf'])('%s', (word) => {
    const page = skep(['help', word]);
    expect(page.code).toBe(0);
    expect(page.out).toContain(`usage: skep ${word}`);
    expect(page.out.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(skep([word, '--help']).out).toBe(page.out);
    expect(skep([word, 'help']).out).toBe(page.out);
  });
  test('version', () => {
    expect(skep(['--version']).out).toMatch(/^skep \d+\.\d+\.\d+\n$/);
  });
  test.each([
    [[], 'a command is missing'],
    [['frobnicate'], "there is no command 'frobnicate'"],
    [['__proto__'], "there is no command '__proto__'"],
    [['help', 'frobnicate'], 'there is no command'],
    [['prog'], 'prog needs a verb'],
    [['map', 'paint'], "map has no verb 'paint'"],
    [['link', 'show'], 'skep link is not supported yet: see docs/SCOPE.md'],
    [['prog', 'pin', 'x', 'y'], 'prog pin is not supported yet: see docs/SCOPE.md'],
    [['\x1b[31m'], "'\\x1b[31m'"],
  ])('%j is wrong usage', (words, text) => {
    const said = skep(words);
    expect(said.code).toBe(2);
    expect(said.err).toContain(text);
  });
});

describe('conformance', () => {
  test('r0 in hexadecimal; program on stdin or as an option', () => {
    expect(skepProcess(['conformance'], 'b700 0000 2a00 0000\n95000000 00000000\n').out).toBe('0x2a\n');
    for (const engine of ['jit', 'interp']) {
      const words = ['conformance', '0102', '--engine', engine, '--program', '69100000 00000000 95000000 00000000'];
      expect(skep(words).out).toBe('0x201\n');
    }
  });
  test.each([
    [['0'], 3, 'an even number of digits'],
    [['zz'], 3, 'hexadecimal digits expected (at offset 0)'],
    [['--program', ''], 3, 'there is none'],
    [['--program', '95000000'], 3, 'BPF'],
    [['--program', '79100000 00000000 95000000 00000000'], 3, 'stopped'],
    [['--program', '0500ffff 00000000 95000000 00000000'], 3, 'stopped'],
    [['00', '11'], 2, 'one memory'],
  ])('%j', (words, code, text) => {
    const said = skep(['conformance', ...words]);
    expect(said.code).toBe(code);
    expect(said.err).toContain(text);
  });
});

describe('prog', () => {
  test('show', () => {
    expect(skep(['prog', 'show', FIREWALL]).out).toMatch(/^1: xdp {2}name firewall {2}tag [0-9a-f]{16}/);
    const shown = JSON.parse(skep(['prog', 'show', FIREWALL, '--json']).out);
    expect(shown).toMatchObject([
      { type: 'xdp', name: 'firewall', map_ids: expect.any(Array), verified_insns: expect.any(Number) },
    ]);
  });
  test('load', () => {
    const said = skep(['prog', 'load', PROGRAMS]);
    expect(said.code).toBe(1);
    expect(said.out).toMatch(/loaded {2}accepted/);
    expect(said.out).toMatch(/reject {2}refused/);
  });
  test('dump xlated', () => {
    const { out, code } = skep(['prog', 'dump', 'xlated', PROGRAMS, 'name', 'target']);
    expect(code).toBe(0);
    expect(out).toBe('target:\n   0: (b4) w0 = 77\n   1: (95) exit\n');
  });
});

describe('map', () => {
  test('show and dump', () => {
    expect(skep(['map', 'show', PROGRAMS]).out).toMatch(
      /hash {2}name pairs {2}flags 0x0\n\tkey 4B {2}value 16B {2}max_entries 8\n/,
    );
    expect(JSON.parse(skep(['map', 'dump', PROGRAMS, 'name', '.rodata', '-j']).out)).toMatchObject({
      '.rodata': { type: 'array', entries: [{ key: 0, value: { verdict: 2 } }] },
    });
  });
  test('lookup and update, by types and by bytes', () => {
    expect(skep(['map', 'lookup', PROGRAMS, 'name', 'counts', 'key', '1', '0', '0', '0', '--json']).out).toBe(
      '{"key":1,"value":[0]}\n',
    );
    expect(skep(['map', 'update', PROGRAMS, 'name', 'pairs', 'key', '5', 'value', '{"a":1,"b":2}', '-j']).out).toBe(
      '{"type":"hash","entries":[{"key":5,"value":{"a":1,"b":2}}]}\n',
    );
    const bytes = ['key', 'hex', '05', '00', '00', '00', 'value', ...Array<string>(16).fill('1'), 'any'];
    expect(skep(['map', 'update', PROGRAMS, 'name', 'pairs', ...bytes]).out).toContain('5  { a: 16843009');
  });
  test.each([
    [['lookup', PROGRAMS, 'key', '1'], 2, 'needs a map'],
    [['lookup', PROGRAMS, 'name', 'pairs', 'key', '1', '2'], 2, 'the key has 4 bytes'],
    [['lookup', PROGRAMS, 'name', 'pairs', 'key', '1'], 3, 'no such key'],
    [['lookup', PROGRAMS, 'name', 'zz', 'key', '1'], 2, 'there is no map zz'],
    [['update', PROGRAMS, 'name', 'pairs', 'key', '1', 'value', '1', 'exist'], 2, 'value'],
    [['update', PROGRAMS, 'name', 'counts', 'key', '9', 'value', '1'], 3, 'E2BIG'],
  ])('%j', (words, code, text) => {
    const said = skep(['map', ...words]);
    expect(said.err).toContain(text);
    expect(said.code).toBe(code);
  });
});

test('btf dump', () => {
  expect(skep(['btf', 'dump', 'file', PROGRAMS]).out).toMatch(/^\[1\] /);
  expect(skep(['btf', 'dump', 'file', PROGRAMS, 'format', 'c']).out).toContain(
    'struct pair {\n\t__u32 a;\n\t__u64 b;\n};',
  );
  expect(skep(['btf', 'dump', 'file', 'package.json'])).toMatchObject({ code: 3 });
  expect(skep(['btf', 'dump', 'file', PROGRAMS, 'format', 'rust'])).toMatchObject({ code: 2 });
});

describe('hostile files end in one line', () => {
  const whole = new Uint8Array(readFileSync(PROGRAMS));
  const damaged = (at: number, ...bytes: number[]): Uint8Array => {
    const copy = whole.slice();
    copy.set(bytes, at);
    return copy;
  };
  const shoff = new DataView(whole.buffer, whole.byteOffset).getUint32(40, true);
  test.each([
    ['empty', new Uint8Array(0)],
    ['cut in the header', whole.subarray(0, 30)],
    ['cut in the middle', whole.subarray(0, whole.length >>> 1)],
    ['section headers beyond the end', damaged(40, 255, 255, 255, 255, 0, 0, 0, 0)],
    ['another machine', damaged(18, 62, 0)],
    ['a section beyond the end', damaged(shoff + 64 + 32, 255, 255, 255, 255)],
    ['32-bit ELF', damaged(4, 1)],
  ])('%s', (name, bytes) => {
    const file = files.file(`${name.replaceAll(' ', '-')}.o`, bytes);
    for (const words of [
      ['verify', file, '--json'],
      ['run', file],
      ['btf', 'dump', 'file', file],
    ]) {
      if (words[0] === 'btf' && name === 'another machine') continue;
      const said = skep(words);
      expect(said.code).toBe(3);
      expect(said.err.trim().split('\n')).toHaveLength(1);
      expect(said.err).toMatch(/^skep: .*: (ELF|BTF).*expected|^skep: .*ELF/);
    }
  });
});

describe('as a process', () => {
  test.each([
    [['verify', FIREWALL], 0],
    [['verify', PROGRAMS, '--json'], 1],
    [['verify'], 2],
    [['verify', 'nowhere.o'], 3],
  ])('%j', (words, code) => {
    const said = skepProcess(words);
    expect(said.code).toBe(code);
    expect(said.out + said.err).not.toContain('\x1b');
    const inWorker = skep(words);
    expect(said.err).toBe(inWorker.err);
    expect(said.out.replace(/\d+(\.\d+)? (us|ms|s)\b|"timeUs":\d+/g, '')).toBe(
      inWorker.out.replace(/\d+(\.\d+)? (us|ms|s)\b|"timeUs":\d+/g, ''),
    );
  });
});

test('JSON of verify stays one line whatever names hold', () => {
  for (const line of jsonLines(skep(['verify', PROGRAMS, '--json']))) expect(line.object).toBe(PROGRAMS);
});

test.each(['help', 'version'])('skep help %s', (word) => {
  expect(skep(['help', word])).toMatchObject({ code: 0, out: expect.stringContaining('usage: skep COMMAND') });
  expect(skep(['help', word, 'more']).code).toBe(2);
});

test.skipIf(process.platform === 'win32')('a device without an end is no input', () => {
  for (const words of [
    ['verify', '/dev/zero'],
    ['run', PROGRAMS, '--prog', 'accepted', '--data-in', '/dev/zero'],
  ])
    expect(skep(words)).toMatchObject({
      code: 3,
      out: '',
      err: expect.stringContaining('/dev/zero: it gives more than'),
    });
});
