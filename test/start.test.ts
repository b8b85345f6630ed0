/** What a start may load and make: files of dist, WebAssembly modules and memories. Counted, not timed. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = pathToFileURL(join(root, 'dist/')).href;
const MAIN = 'dist/cli/main.js';

/** Runs in the thread of the loader: appends the URL of each module. */
const HOOKS = `
import { appendFileSync } from 'node:fs';
export function load(url, context, next) {
  appendFileSync(process.env.SKEP_START_LOG, 'file ' + url + '\\n');
  return next(url, context);
}`;

/** Runs before everything else: names what is made of WebAssembly. */
const PRELOAD = `
import { appendFileSync } from 'node:fs';
import { register } from 'node:module';
register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(HOOKS)}));
for (const name of ['Module', 'Memory', 'compile', 'instantiate']) {
  const note = () => appendFileSync(process.env.SKEP_START_LOG, 'wasm ' + name + '\\n');
  const watch = { construct(target, args) { note(); return Reflect.construct(target, args); }, apply(target, self, args) { note(); return Reflect.apply(target, self, args); } };
  WebAssembly[name] = new Proxy(WebAssembly[name], watch);
}`;

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'skep-start-'));
  writeFileSync(join(dir, 'preload.mjs'), PRELOAD);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

interface Start {
  /** Files of dist, relative to it. */
  readonly files: readonly string[];
  /** Uses of WebAssembly's constructors and functions, by name. */
  readonly wasm: readonly string[];
}

let runs = 0;
async function start(...args: string[]): Promise<Start> {
  const log = join(dir, `${++runs}.log`);
  writeFileSync(log, '');
  const preload = pathToFileURL(join(dir, 'preload.mjs')).href;
  const env = { ...process.env, SKEP_START_LOG: log };
  await run(process.execPath, ['--import', preload, ...args], { cwd: root, env }).catch(
    (ended: { code: unknown; stderr: unknown }) => {
      // A rejected program is a verdict.
      if (ended.code !== 1 || ended.stderr !== '') throw ended;
    },
  );
  const lines = readFileSync(log, 'utf8').split('\n');
  const after = (word: string): string[] =>
    lines.filter((l) => l.startsWith(`${word} `)).map((l) => l.slice(word.length + 1));
  const files = after('file')
    .filter((url) => url.startsWith(dist))
    .map((url) => url.slice(dist.length));
  return { files, wasm: after('wasm') };
}

/** Code that is read: the parser goes over all of it, whatever is called later. */
const kilobytes = ({ files }: Start): number =>
  files.reduce((sum, file) => sum + statSync(join(root, 'dist', file)).size, 0) / 1000;

const among = ({ files }: Start, name: RegExp): string[] => files.filter((file) => name.test(file));

describe('a start', () => {
  it('no file makes the parser hold it in two bytes a character', () => {
    const wide = (readdirSync(join(root, 'dist'), { recursive: true }) as string[])
      .filter((file) => file.endsWith('.js'))
      .filter((file) => /[^\0-\xff]/.test(readFileSync(join(root, 'dist', file), 'utf8')));
    expect(wide).toEqual([]);
  });

  it('import of skep: a few files, no WebAssembly, no kernel types, nothing of Node', async () => {
    const said = await start('--input-type=module', '-e', "await import('skep')");
    expect(said.files).toContain('index.js');
    expect(said.files.length).toBeLessThanOrEqual(14);
    expect(kilobytes(said)).toBeLessThanOrEqual(1700);
    expect(said.wasm).toEqual([]);
    expect(among(said, /x86_64|cli|host/)).toEqual([]);
    const text = (file: string): string => readFileSync(join(root, 'dist', file), 'utf8');
    expect(said.files.filter((file) => /^import .*"node:|\bimport\("node:/m.test(text(file)))).toEqual([]);
  });

  it('verify: nothing that runs programs, and no other command; memory for maps alone', async () => {
    const accepted = await start(MAIN, 'verify', 'examples/firewall/firewall.bpf.o');
    expect(among(accepted, /chunks\/verify\.js$/)).toHaveLength(1);
    expect(accepted.files.length).toBeLessThanOrEqual(17);
    expect(kilobytes(accepted)).toBeLessThanOrEqual(1250);
    expect(new Set(accepted.wasm)).toEqual(new Set(['Memory']));
    expect(
      among(accepted, /chunks\/(?:run|conformance|prog|map|btf|kernel-transport|jit|interp|runtime|host)\.js$/),
    ).toEqual([]);
    const rejected = await start(MAIN, 'verify', 'docs/rejected/unchecked.bpf.o');
    // What looks into a refusal is loaded with the first one.
    const added = rejected.files.filter((file) => !accepted.files.includes(file));
    expect(added.toSorted()).toEqual(['chunks/diagnose.js', 'chunks/diagnosis.js']);
    expect(accepted.files.filter((file) => !rejected.files.includes(file))).toEqual([]);
    expect(rejected.wasm).toEqual([]);
  });

  it('conformance: neither verifier nor loader nor the commands of bpf(2)', async () => {
    const said = await start(MAIN, 'conformance', '--program', 'b70000002a0000009500000000000000');
    expect(among(said, /chunks\/interp\.js$/)).toHaveLength(1);
    expect(said.files.length).toBeLessThanOrEqual(8);
    expect(kilobytes(said)).toBeLessThanOrEqual(180);
    expect(among(said, /(?:base|runtime|verifier|chunks\/lib|kernel|jit|maps|host)\.js$/)).toEqual([]);
  });

  it.each(['--help', 'version'])('%s: only the command line itself', async (word) => {
    const said = await start(MAIN, word);
    expect(said.files.filter((file) => !/^cli\/|chunks\/(?:cli|errors)\.js$/.test(file))).toEqual([]);
    expect(said.wasm).toEqual([]);
  });
});
