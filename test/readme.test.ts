/** The README's library examples run as they stand and print what their comments say; its files and links exist. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const pages = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'docs/SCOPE.md'];
const read = (page: string): string => readFileSync(join(root, page), 'utf8');

const examples = [...read('README.md').matchAll(/```js\n([\s\S]*?)```/g)].map((m) => m[1]);
/** `console.log(x); // 1` promises that 1 is printed. */
const promised = (code: string): string[] => [...code.matchAll(/console\.log\(.*\);\s*\/\/ (.*)$/gm)].map((m) => m[1]);

describe('README', () => {
  it('has examples', () => expect(examples.length).toBeGreaterThan(0));

  it.each(examples.map((code, i) => [i + 1, code] as const))('example %i does what it says', async (_i, code) => {
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code], { cwd: root });
    expect(stdout.trim().split('\n')).toEqual(promised(code));
  });

  it('names only scripts that there are', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = pages.flatMap((page) => [...read(page).matchAll(/npm (?:run (?:--silent )?([\w:-]+)|(test)\b)/g)]);
    expect(named.map((m) => m[1] ?? m[2]).filter((name) => !(name in scripts))).toEqual([]);
  });

  it.each(pages)('links of %s lead somewhere', (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((m) => m[1]);
    expect(links.filter((link) => !existsSync(join(root, dirname(page), link)))).toEqual([]);
  });
});
