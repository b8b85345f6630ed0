/** Makes the input of a failed case smaller as long as it fails, each try in a watched process. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Input } from './inputs.ts';
import { start, usageOf } from './watch.ts';
import { LIMIT } from './work.ts';

/** Tries in all: each is a process. */
const TRIES = 60;
const TICK_MS = 50;

/** The smallest input found: bytes cut off or out, or set to zero. */
export async function minimise(input: Input, fails: (bytes: Uint8Array) => Promise<boolean>): Promise<Uint8Array> {
  let best = input.bytes;
  let tries = 0;
  const attempt = async (bytes: Uint8Array): Promise<boolean> => {
    if (tries++ >= TRIES || bytes.length === 0 || !(await fails(bytes))) return false;
    best = bytes;
    return true;
  };
  for (let piece = best.length >> 1; piece >= 4 && tries < TRIES; piece >>= 1) {
    while (best.length > piece && (await attempt(best.slice(0, best.length - piece))));
    for (let at = 0; at < best.length && tries < TRIES; at += piece) {
      const span = best.subarray(at, at + piece);
      if (span.every((b) => b === 0)) continue;
      const cut = new Uint8Array(best.length - span.length);
      cut.set(best.subarray(0, at));
      cut.set(best.subarray(at + piece), at);
      if (await attempt(cut)) at -= piece;
      else await attempt(best.slice().fill(0, at, at + piece));
    }
  }
  return best;
}

/** Whether reading these bytes throws what it must not, or takes too much. */
export async function failsAlone(worker: string, input: Input, bytes: Uint8Array): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'skep-fuzz-'));
  const file = join(folder, 'input');
  writeFileSync(file, bytes);
  const child = start(worker, ['--try', input.kind, String(input.deep), file]);
  let ready = 0;
  const timer = setInterval(() => {
    const usage = usageOf(child.pid);
    if (usage === undefined || ready === 0) return;
    if (usage.seconds - ready > LIMIT.seconds || usage.bytes > LIMIT.bytes) child.kill('SIGKILL');
  }, TICK_MS);
  child.on('message', () => (ready = usageOf(child.pid)?.seconds ?? 0));
  const code = await new Promise<number | null>((resolve) => void child.on('exit', resolve));
  clearInterval(timer);
  rmSync(folder, { recursive: true, force: true });
  return code !== 0;
}
