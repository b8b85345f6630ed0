/** What a machine can check of the documents: links lead somewhere, ARCHITECTURE.md describes every room, public names have a comment. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const isDocument = (name: string): boolean => name.endsWith('.md');
const DOCUMENTS = [
  ...readdirSync(root).filter(isDocument),
  ...['docs', 'test'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter(isDocument)
      .map((name) => `${folder}/${name.replaceAll('\\', '/')}`),
  ),
];

test('the documents are there', () => {
  expect(DOCUMENTS).toEqual(expect.arrayContaining(['README.md', 'docs/SCOPE.md', 'test/recorded/README.md']));
});

describe.each(DOCUMENTS)('%s', (path) => {
  const text = read(path);

  test('links lead to files of the project', () => {
    const links = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, to]) => to);
    const own = links.filter((to) => !/^[a-z]+:/.test(to) && !to.includes('*'));
    expect(own.filter((to) => !existsSync(join(root, dirname(path), to)))).toEqual([]);
  });

  test('paths in code are those of the project', () => {
    const paths = [...text.matchAll(/`((?:src|test|scripts|bench|docs|examples)\/[\w./-]+)`/g)].map(([, to]) => to);
    expect(paths.filter((to) => !existsSync(join(root, to)))).toEqual([]);
  });

  test('no word stands twice in a row', () => {
    const twice = [...text.matchAll(/\b([a-z]+) \1\b/g)].map(([words]) => words);
    expect(twice).toEqual([]);
  });
});

describe('the rooms of ARCHITECTURE.md', () => {
  const [table] = /(?<=\n## Rooms\n)[\s\S]*?(?=\n## )/.exec(read('ARCHITECTURE.md')) ?? [''];
  const rows = table
    .split('\n')
    .filter((line) => /^\| [`[]/.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  const folders = (folder: string): string[] =>
    readdirSync(join(root, folder), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => `${folder}/${entry.name}`);

  test('are all rooms', () => {
    const named = rows.flatMap(([name]) => [...name.matchAll(/`([\w/]+)`/g)].map(([, room]) => `src/${room}`));
    const rooms = [...folders('src'), ...folders('src/kernel'), ...folders('src/kernel/world')];
    expect(rooms.filter((room) => room !== 'src/kernel' && !named.includes(room))).toEqual([]);
    expect(named.filter((room) => !existsSync(join(root, room)) && !existsSync(join(root, `${room}.ts`)))).toEqual([]);
  });

  test('each own something, have an invariant, and never are something', () => {
    expect(rows.length).toBeGreaterThan(25);
    expect(rows.filter((cells) => cells.length !== 4 || cells.includes('')).map(([name]) => name)).toEqual([]);
  });
});

describe('public names', () => {
  const ENTRIES = ['index', 'uapi/index', 'isa/asm/index', 'host/node', 'net/index', 'btf/vmlinux/index'];
  /** `export { a, type b as c } from './x.ts'`, `export * from './x.ts'` (no names), and the file that they come from. */
  const exportsOf = (path: string): { from: string; names: string[] | undefined }[] =>
    [...read(path).matchAll(/^export (?:type )?(?:\*|\{([^}]*)\}) from '([^']+)'/gm)].map(([, names, from]) => ({
      from: join(dirname(path), from),
      names: names
        ?.split(',')
        .map((name) =>
          name
            .trim()
            .replace(/^type /, '')
            .replace(/ as .*/, ''),
        )
        .filter((name) => name !== ''),
    }));
  const declared = (path: string, name = '\\w+'): RegExpMatchArray[] => [
    ...read(path).matchAll(
      new RegExp(`^export (?:abstract )?(?:async )?(?:class|interface|type|function\\*?|const) (${name})\\b`, 'gm'),
    ),
  ];
  const seen = new Set<string>();
  const bare: string[] = [];

  function visit(path: string, names: readonly string[] | undefined): void {
    const own = names === undefined ? declared(path) : names.flatMap((name) => declared(path, name));
    for (const { index, 1: name } of own) {
      seen.add(`${path}: ${name}`);
      if (!read(path).slice(0, index).trimEnd().endsWith('*/')) bare.push(`${path}: ${name}`);
    }
    for (const { from, names: passed } of exportsOf(path))
      if (names === undefined) visit(from, passed);
      else if (passed === undefined) visit(from, names);
      else if (passed.some((name) => names.includes(name))) visit(from, names);
  }

  test('have a comment', () => {
    for (const entry of ENTRIES) visit(`src/${entry}.ts`, undefined);
    expect(seen.size).toBeGreaterThan(250);
    expect(bare).toEqual([]);
  });
});
