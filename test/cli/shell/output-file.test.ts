/** Files that commands write: whole or not at all; captures that are read and written piece by piece. */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { FIREWALL, scratch, skep, skepProcess, TRAFFIC } from '../skep.ts';

const files = scratch();
afterAll(() => files.remove());
const root = fileURLToPath(new URL('../../../', import.meta.url));
const capture = (...words: string[]): string[] => ['run', FIREWALL, '--pcap', ...words];
/** Files beside that are not meant to stay. */
const parts = (): string[] => readdirSync(dirname(files.path('x'))).filter((name) => name.endsWith('.part'));
const text = (path: string): string => readFileSync(path, 'latin1');

skep(capture(TRAFFIC, '--pcap-out', files.path('whole.pcap')));
const whole = text(files.path('whole.pcap'));

describe('a file that is written', () => {
  test('takes the place of the old one, with its permissions', () => {
    const out = files.file('old.pcap', 'old');
    chmodSync(out, 0o640);
    expect(skep(capture(TRAFFIC, '--pcap-out', out)).code).toBe(0);
    expect(text(out)).toBe(whole);
    expect(statSync(out).mode & 0o777).toBe(0o640);
    expect(parts()).toEqual([]);
  });

  test('leaves a link one', () => {
    const target = files.file('target.pcap', 'old');
    const link = files.path('link.pcap');
    symlinkSync(target, link);
    expect(skep(capture(TRAFFIC, '--pcap-out', link)).code).toBe(0);
    expect(readlinkSync(link)).toBe(target);
    expect(text(target)).toBe(whole);
  });

  test('may be the one that is read', () => {
    const both = files.file('both.pcap', readFileSync(TRAFFIC));
    expect(skep(capture(both, '--pcap-out', both)).code).toBe(0);
    expect(text(both)).toBe(whole);
  });

  test('is not touched when the capture is damaged', () => {
    const cut = files.file('cut.pcap', readFileSync(TRAFFIC).subarray(0, 1000));
    const kept = files.file('kept.pcap', 'kept');
    const none = files.path('none.pcap');
    for (const out of [kept, none]) expect(skep(capture(cut, '--pcap-out', out)).code).toBe(3);
    expect(text(kept)).toBe('kept');
    expect(existsSync(none)).toBe(false);
    expect(parts()).toEqual([]);
  });

  test('cannot be a folder, or in none', () => {
    for (const out of [dirname(files.path('x')), join(files.path('nowhere'), 'out.pcap')])
      expect(skep(capture(TRAFFIC, '--pcap-out', out))).toMatchObject({ code: 3, out: '' });
  });

  test.skipIf(!existsSync('/dev/full'))('says that the disk is full', () => {
    const said = skep(capture(TRAFFIC, '--pcap-out', '/dev/full'));
    expect(said).toMatchObject({ code: 3, err: 'skep: /dev/full: the disk is full\n' });
  });

  test.skipIf(process.platform === 'win32').each(['SIGINT', 'SIGTERM'] as const)(
    'ends with the command: %s',
    async (signal) => {
      const out = files.file(`${signal}.pcap`, 'kept');
      const words = [join(root, 'dist/cli/main.js'), ...capture(TRAFFIC, '--pcap-out', out, '--repeat', '4000000')];
      const child = spawn(process.execPath, words, { cwd: root, stdio: 'ignore' });
      const ended = new Promise<string | null>((resolve) => child.on('exit', (_, by) => resolve(by)));
      await expect.poll(parts, { timeout: 20_000 }).toHaveLength(1);
      child.kill(signal);
      expect(await ended).toBe(signal);
      expect(text(out)).toBe('kept');
      expect(parts()).toEqual([]);
    },
    30_000,
  );
});

describe('a capture from stdin', () => {
  test('is read once', () => {
    const out = files.path('stdin.pcap');
    const said = skepProcess(capture('-', '--pcap-out', out, '--json'), readFileSync(TRAFFIC));
    expect(said).toMatchObject({ code: 0, err: '' });
    expect(text(out)).toBe(whole);
    const twice = skepProcess(capture('-', '--repeat', '2'), readFileSync(TRAFFIC));
    expect(twice).toMatchObject({ code: 3, err: 'skep: -: it is no file that can be read twice\n' });
  });
});

test('progress is for terminals: none in a pipe', () => {
  const said = skepProcess(capture(TRAFFIC, '--repeat', '50'));
  expect(said).toMatchObject({ code: 0, err: '' });
  for (const control of ['\r', String.fromCharCode(27)]) expect(said.out).not.toContain(control);
});
