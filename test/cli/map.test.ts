/** `skep map`: maps of an object, by types and by bytes. */
import { describe, expect, test } from 'vitest';
import { PROGRAMS, skep } from './skep.ts';

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
