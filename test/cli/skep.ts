/** Runs the built command line: as a child process, as a user does, or many times in one worker, which is quicker. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';

const root = fileURLToPath(new URL('../../', import.meta.url));
const main = join(root, 'dist/cli/main.js');
if (!existsSync(main)) throw new Error('the command line is not built: npm run build');

export const PROGRAMS = 'test/fixtures/cli/programs.o';
export const FIREWALL = 'examples/firewall/firewall.bpf.o';
export const UNSOUND = 'test/fixtures/cli/unsound.o';
export const UNSIZED = 'test/fixtures/objects/unsized.o';
export const TRAFFIC = 'examples/firewall/traffic.pcap';

export interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs `skep WORDS` as a process; output is no terminal, colours are off. */
export function skepProcess(words: readonly string[], input: string | Uint8Array = ''): Said {
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

const WORKER = `
const { workerData } = require('node:worker_threads');
const { port, state, entry } = workerData;
port.on('message', async (words) => {
  const { skep } = await import(entry);
  let out = '';
  let err = '';
  const io = {
    out: (text) => { out += text; },
    err: (text) => { err += text; },
    terminal: false,
    columns: 100,
    style: (_, text) => text,
    progress() {},
  };
  const code = await skep(words, io);
  port.postMessage({ code, out, err });
  Atomics.store(state, 0, 1);
  Atomics.notify(state, 0);
});
`;
const PATIENCE_MS = 60_000;

interface Helper {
  readonly port: MessagePort;
  readonly state: Int32Array;
}

let helper: Helper | undefined;

function startHelper(): Helper {
  const { port1, port2 } = new MessageChannel();
  const state = new Int32Array(new SharedArrayBuffer(4));
  const entry = new URL('../../dist/cli/skep.js', import.meta.url).href;
  const worker = new Worker(WORKER, { eval: true, workerData: { port: port2, state, entry }, transferList: [port2] });
  worker.unref();
  port1.unref();
  return { port: port1, state };
}

/** Runs `skep WORDS` in the worker and waits for it. */
export function skep(words: readonly string[]): Said {
  helper ??= startHelper();
  Atomics.store(helper.state, 0, 0);
  helper.port.postMessage(words);
  if (Atomics.wait(helper.state, 0, 0, PATIENCE_MS) === 'timed-out')
    throw new Error(`skep ${words.join(' ')} does not end`);
  return receiveMessageOnPort(helper.port)?.message as Said;
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
