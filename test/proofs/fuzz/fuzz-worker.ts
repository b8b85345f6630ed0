/** The process that runs cases of the parser fuzz, or with `--try KIND DEEP FILE` one input. */
import { readFileSync } from 'node:fs';
import { ParserCases } from './cases.ts';
import type { Kind } from './inputs.ts';
import { LIMIT, tryCase, work } from './work.ts';

const [word, kind, deep, file] = process.argv.slice(2);
if (word === '--try') {
  const cases = new ParserCases();
  const bytes = new Uint8Array(readFileSync(file));
  process.send?.('ready');
  const before = process.cpuUsage();
  const { thrown } = tryCase(cases, { kind: kind as Kind, deep: deep === 'true', bytes, how: 'given' });
  const { user, system } = process.cpuUsage(before);
  process.exitCode = thrown !== undefined || user + system > LIMIT.seconds * 1e6 ? 3 : 0;
  process.disconnect();
} else work();
