/** Runs the built command line as a child process, as a user does. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const main = join(root, 'dist/cli/main.js');
if (!existsSync(main)) throw new Error('the command line is not built: npm run build');

export const PROGRAMS = 'test/fixtures/cli/programs.o';
export const FIREWALL = 'examples/firewall/firewall.bpf.o';
export const TRAFFIC = 'examples/firewall/traffic.pcap';

export interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs `skep WORDS`; output is no terminal, colours are off. */
export function skep(words: readonly string[], input: string | Uint8Array = ''): Said {
  const env = { ...process.env, NO_COLOR: '1' };
  const run = spawnSync(process.execPath, [main, ...words], {
    cwd: root,
    encoding: 'utf8',
    input,
    env,
    timeout: 60_000,
  });
  return { code: run.status, out: run.stdout, err: run.stderr };
}

/** The JSON lines of a run. */
export const jsonLines = (said: Said): Record<string, never>[] =>
  said.out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, never>);

/** A directory for one test file's own files. */
export function scratch(): {
  file(name: string, content: string | Uint8Array): string;
  path(name: string): string;
  remove(): void;
} {
  const dir = mkdtempSync(join(tmpdir(), 'skep-cli-'));
  return {
    path: (name) => join(dir, name),
    file(name, content) {
      writeFileSync(join(dir, name), content);
      return join(dir, name);
    },
    remove: () => rmSync(dir, { recursive: true }),
  };
}
