/** tcpdump as a second opinion on captures: its output, or undefined where it is not installed. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const hasTcpdump = spawnSync('tcpdump', ['--version']).error === undefined;

/** Lines that tcpdump prints of a capture; throws when it complains. */
export function tcpdump(bytes: Uint8Array, ...options: string[]): string[] {
  const dir = mkdtempSync(join(tmpdir(), 'skep-net-'));
  try {
    const file = join(dir, 'capture');
    writeFileSync(file, bytes);
    const run = spawnSync('tcpdump', ['-nn', ...options, '-r', file], { encoding: 'utf8' });
    if (run.status !== 0) throw new Error(run.stderr);
    return run.stdout.split('\n').filter((line) => line !== '');
  } finally {
    rmSync(dir, { recursive: true });
  }
}
