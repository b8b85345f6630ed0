/** Command: compares generated programs with the live kernel, `--n COUNT --seed SEED [--level 1|2] [--show COUNT] [--one=SEED [--out FILE]]`, or records `--record FILE --n COUNT`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Btf } from '../../src/btf/btf.ts';
import { openKernelTransport } from '../../src/host/kernel-transport.ts';
import { openCaps } from './caps.ts';
import { compareMany, compareOne, DIFFERENCES, type Finding, firstDifference, newTotals } from './compare.ts';
import { toLine } from './fixture.ts';
import { generate } from './generate.ts';
import { programSeed } from './rng.ts';
import { askSkep, KernelSide, normalLine } from './sides.ts';

const { values } = parseArgs({
  options: {
    n: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    level: { type: 'string', default: '1' },
    show: { type: 'string', default: '10' },
    one: { type: 'string' },
    record: { type: 'string' },
    out: { type: 'string' },
  },
});

let btf: Btf | undefined;
const vmlinux = (): Btf => (btf ??= Btf.parse(new Uint8Array(readFileSync('/sys/kernel/btf/vmlinux'))));

const kernel = new KernelSide(await openKernelTransport(), await openCaps());
const options = { kernel, vmlinux, logLevel: Number(values.level) };
const totals = newTotals();

function report(f: Finding): string {
  const kernelLog = kernel.ask(f.program, 2)?.log ?? '';
  const skepLog = askSkep(f.program, 2, vmlinux).log;
  const at = firstDifference(kernelLog, skepLog);
  const around = (log: string): string =>
    log
      .split('\n')
      .slice(Math.max(0, at - 3), at + 2)
      .join('\n  ');
  return `${f.difference} seed ${f.program.seed} type ${f.program.progType} caps ${f.program.caps}
 kernel ${f.kernel.errno} insns ${f.kernel.insns} states ${f.kernel.states} ${f.kernel.message}
 skep   ${f.skep.errno} insns ${f.skep.insns} states ${f.skep.states} ${f.skep.message}
 kernel log from line ${at}:\n  ${around(kernelLog)}\n skep log:\n  ${around(skepLog)}`;
}

if (values.one !== undefined) {
  const g = generate(Number(values.one));
  if (values.out !== undefined) {
    writeFileSync(`${values.out}.kernel`, kernel.ask(g, 2)?.log.split('\n').map(normalLine).join('\n') ?? '');
    writeFileSync(`${values.out}.skep`, askSkep(g, 2, vmlinux).log.split('\n').map(normalLine).join('\n'));
  }
  const f = compareOne(g, options, totals);
  process.stdout.write(f === undefined ? 'equal\n' : `${report(f)}\n`);
} else if (values.record !== undefined) {
  // Short programs with short explorations, so that the fixture stays small and quick.
  const lines: string[] = [];
  for (let i = 0; lines.length < Number(values.n); i++) {
    const g = generate(programSeed(Number(values.seed), i));
    const a = kernel.ask(g, 1);
    if (a === undefined || g.insns.length > 8 * 220 || a.insns > 3000 || a.log.startsWith('verification')) continue;
    lines.push(toLine(g, a));
  }
  writeFileSync(values.record, `${lines.join('\n')}\n`);
} else {
  const started = performance.now();
  let shown = 0;
  for (const found of compareMany(Number(values.seed), 0, Number(values.n), options, totals)) {
    if (shown++ < Number(values.show)) process.stdout.write(`${report(found)}\n\n`);
  }
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  process.stdout.write(`${JSON.stringify({ name: 'diff', seed: Number(values.seed), seconds, ...totals })}\n`);
  process.exitCode = totals.differs[DIFFERENCES[0]] > 0 ? 1 : 0;
}
