/** The command line as a process: exit codes, streams, and hostile files. */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { FIREWALL, jsonLines, PROGRAMS, scratch, skep, skepProcess } from './skep.ts';

const files = scratch();
afterAll(() => files.remove());

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
