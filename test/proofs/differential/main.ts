/**
 * Command: compares generated programs with the live kernel. `--one SEED` shows one of them, with `--out FILE` both logs;
 * `--record FILE` writes a fixture of recorded answers.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { main } from '../soundness/command.ts';
import { compareOne } from './compare.ts';
import { toLine } from './fixture.ts';
import { generateAny } from './callback-loop.ts';
import { describe, DIFF, openLive } from './proof.ts';
import { programSeed } from './rng.ts';
import { askSkep, normalLine } from './sides.ts';
import { unaskedReason } from './unasked.ts';

const { values } = parseArgs({
  strict: false,
  options: {
    n: { type: 'string' },
    seed: { type: 'string', default: '1' },
    one: { type: 'string' },
    record: { type: 'string' },
    out: { type: 'string' },
  },
});

if (values['one'] !== undefined) await showOne(Number(values['one']), values['out'] as string | undefined);
else if (values['record'] !== undefined) await record(values['record'] as string, Number(values['n'] ?? 300));
else await main(DIFF);

async function showOne(seed: number, out: string | undefined): Promise<void> {
  const live = await openLive({});
  const g = generateAny(seed);
  if (out !== undefined && unaskedReason(g) === undefined) {
    const text = (log: string): string => log.split('\n').map(normalLine).join('\n');
    writeFileSync(`${out}.kernel`, text(live.kernel.ask(g, 2)?.log ?? ''));
    writeFileSync(`${out}.skep`, text(askSkep(g, 2, live.vmlinux).log));
  }
  const found = compareOne(g, live);
  process.stdout.write(typeof found === 'object' ? `${describe(found, live)}\n` : `${found ?? 'skipped'}\n`);
}

/** Short programs with short explorations, so that the fixture stays small and quick. */
async function record(file: string, n: number): Promise<void> {
  const live = await openLive({});
  const lines: string[] = [];
  for (let i = 0; lines.length < n; i++) {
    const g = generateAny(programSeed(Number(values['seed']), i));
    const a = unaskedReason(g) === undefined ? live.kernel.ask(g, 1) : undefined;
    if (a === undefined || g.insns.length > 8 * 220 || a.insns > 3000 || a.log.startsWith('verification')) continue;
    lines.push(toLine(g, a));
  }
  writeFileSync(file, `${lines.join('\n')}\n`);
}
