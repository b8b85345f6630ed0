/** The package as users get it: what is packed, that the entries import by name, and how long that takes. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
interface Entry {
  readonly types: string;
  readonly default: string;
}
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, Entry | string>>;
};
const entries = Object.entries(manifest.exports).filter((e): e is [string, Entry] => typeof e[1] === 'object');
const specifier = (path: string): string => path.replace(/^\./, 'skep');

/** Runs an ES module in a fresh Node, where `skep` resolves to this package through its own `exports`. */
async function inNode(code: string): Promise<string> {
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code], { cwd: root });
  return stdout.trim();
}

describe('the package', () => {
  it('is built: run `npm run build` first', () => {
    expect(existsSync(join(root, 'dist/index.js'))).toBe(true);
  });

  it('packs every entry, its types and the texts, and no sources', async () => {
    const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: root,
      maxBuffer: 1 << 24,
    });
    const parsed = JSON.parse(stdout) as unknown;
    const [packed] = (Array.isArray(parsed) ? parsed : Object.values(parsed as object)) as [
      { files: { path: string }[]; size: number },
    ];
    const files = new Set(packed.files.map((f) => f.path));
    const wanted = entries.flatMap(([, e]) => [e.types, e.default]);
    wanted.push(...Object.values(manifest.bin), 'LICENSE', 'README.md', 'SECURITY.md', 'CHANGELOG.md', 'package.json');
    expect(wanted.map((path) => path.replace(/^\.\//, '')).filter((path) => !files.has(path))).toEqual([]);
    expect([...files].filter((path) => /^(?:src|test|bench|scripts|examples)\//.test(path))).toEqual([]);
    expect(packed.size).toBeLessThan(6_000_000);
  });

  it.each(entries.map(([path]) => specifier(path)))('%s imports by name', async (name) => {
    expect(Number(await inNode(`console.log(Object.keys(await import('${name}')).length)`))).toBeGreaterThan(0);
  });

  it('has a command that says what it is', async () => {
    const bin = join(root, manifest.bin.skep);
    expect(readFileSync(bin, 'utf8').split('\n', 1)[0]).toBe('#!/usr/bin/env node');
    const { stdout } = await run(process.execPath, [bin, '--help'], { cwd: root });
    expect(stdout).toContain('skep');
  });

  it('imports quickly: 45 ms on an idle machine', async () => {
    const code = `const t = process.cpuUsage(); await import('skep'); const u = process.cpuUsage(t);
      console.log((u.user + u.system) / 1000)`;
    let best = Number.POSITIVE_INFINITY;
    // Processor time and the best of some, with room for a busy machine: what is measured is the package.
    for (let i = 0; i < 6 && best > 60; i++) best = Math.min(best, Number(await inNode(code)));
    console.log(`import of skep: ${best.toFixed(0)} ms of processor time`);
    expect(best).toBeLessThan(200);
  });

  it('does not unpack the kernel types before they are asked for', async () => {
    const code = `await import('skep'); console.log(process.memoryUsage().rss)`;
    expect(Number(await inNode(code))).toBeLessThan(160 << 20);
  });
});
