/** Generated programs with the live kernel's answers, one JSON array a line, so that they can be checked anywhere. */
import { readFileSync } from 'node:fs';
import type { Generated } from './generate.ts';
import type { Answer } from './sides.ts';

/** Seed, type, capabilities, flags, instructions in base64, function records, errno, message, instructions processed, states. */
type Line = [
  number,
  number,
  Generated['caps'],
  number,
  string,
  (readonly [number, number])[] | null,
  number,
  string,
  number,
  number,
];

export interface RecordedAnswer {
  readonly program: Generated;
  readonly kernel: Answer;
}

export function toLine(g: Generated, a: Answer): string {
  const line: Line = [
    g.seed,
    g.progType,
    g.caps,
    g.progFlags,
    Buffer.from(g.insns).toString('base64'),
    g.funcInfo ? [...g.funcInfo] : null,
    a.errno,
    a.message,
    a.insns,
    a.states,
  ];
  return JSON.stringify(line);
}

export function fromLine(text: string): RecordedAnswer {
  const [seed, progType, caps, progFlags, insns, funcInfo, errno, message, count, states] = JSON.parse(text) as Line;
  return {
    program: {
      seed,
      progType,
      caps,
      progFlags,
      insns: new Uint8Array(Buffer.from(insns, 'base64')),
      funcInfo: funcInfo ?? undefined,
      features: [],
    },
    kernel: { errno, message, insns: count, states, log: '' },
  };
}

export function readFixture(name: string): RecordedAnswer[] {
  const text = readFileSync(new URL(`../../recorded/verifier/${name}`, import.meta.url), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map(fromLine);
}
