/** Recorded answers stand in one place, each with the recorder that test/recorded/README.md names. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const here = fileURLToPath(new URL('.', import.meta.url));
const filesOf = (folder: string): string[] =>
  readdirSync(join(here, folder), { recursive: true, withFileTypes: true })
    .filter((f) => f.isFile())
    .map((f) => join(f.parentPath, f.name).slice(here.length).replaceAll('\\', '/'));

const readme = readFileSync(join(here, 'recorded/README.md'), 'utf8');
const ROWS = [...readme.matchAll(/^\| `([^`]+)` \| `([^`]+)`/gm)].map(([, pattern, recorder]) => ({
  pattern,
  recorder,
}));
const matches = (pattern: string, path: string): boolean =>
  new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^/]+')}$`).test(path);
const recorded = filesOf('recorded')
  .map((path) => path.slice('recorded/'.length))
  .filter((path) => path !== 'README.md');

test('each file has one row, and each row a file', () => {
  expect(recorded.length).toBeGreaterThan(30);
  const rowsOf = (path: string) => ROWS.filter(({ pattern }) => matches(pattern, path));
  expect(recorded.filter((path) => rowsOf(path).length !== 1)).toEqual([]);
  expect(ROWS.filter(({ pattern }) => !recorded.some((path) => matches(pattern, path)))).toEqual([]);
});

test('each recorder is there and writes files', () => {
  for (const { pattern, recorder } of ROWS) {
    const path = join(here, '..', recorder);
    expect(existsSync(path), recorder).toBe(true);
    expect(readFileSync(path, 'utf8'), `${recorder} for ${pattern}`).toMatch(/BLESS|'w'|writeFileSync|\bwrite\(/);
  }
});

test('no answer of a kernel is recorded elsewhere', () => {
  const strays = filesOf('.').filter(
    (path) => !path.startsWith('recorded/') && /-\d+\.\d+\.(json|jsonl|tsv|txt)$/.test(basename(path)),
  );
  expect(strays).toEqual([]);
  const folders = filesOf('.').filter((path) => path.includes('/fixtures/') && !path.startsWith('fixtures/'));
  expect(folders).toEqual([]);
});
