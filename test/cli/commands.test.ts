/** Help at every level, and command lines that name no command. */
import { describe, expect, test } from 'vitest';
import { skep } from './skep.ts';

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

test.each(['help', 'version'])('skep help %s', (word) => {
  expect(skep(['help', word])).toMatchObject({ code: 0, out: expect.stringContaining('usage: skep COMMAND') });
  expect(skep(['help', word, 'more']).code).toBe(2);
});
