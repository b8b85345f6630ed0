/** The commands by their first word; each is loaded when it is called for. */
import type { Command } from './shell/command.ts';
import { UNSUPPORTED, unsupported } from './shell/unsupported.ts';

export interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  verify: {
    summary: 'what the kernel would say of the programs of object files',
    load: async () => (await import('./verify/verify.ts')).command,
  },
  explain: {
    summary: 'the page of a cause that a diagnosis names',
    load: async () => (await import('./explain.ts')).command,
  },
  run: {
    summary: 'runs a program over bytes or over a capture',
    load: async () => (await import('./run/run.ts')).command,
  },
  bench: {
    summary: 'packets a second on both engines and the real kernel',
    load: async () => (await import('./bench/bench.ts')).command,
  },
  conformance: {
    summary: 'one unverified program in guard mode, r0 in hexadecimal',
    load: async () => (await import('./run/conformance.ts')).command,
  },
  prog: {
    summary: 'loads and shows programs, dumps their rewritten instructions',
    load: async () => (await import('./prog.ts')).command,
  },
  map: {
    summary: 'shows, dumps, looks up and updates maps',
    load: async () => (await import('./map.ts')).command,
  },
  btf: {
    summary: 'shows types as a list or as C',
    load: async () => (await import('./btf.ts')).command,
  },
  ...later(),
};

function later(): Record<string, CommandEntry> {
  const entries = UNSUPPORTED.map((word) => [word, { summary: '', load: async () => unsupported(word) }]);
  return Object.fromEntries(entries);
}

export function overview(): string {
  const done = Object.entries(COMMANDS).filter(([, { summary }]) => summary !== '');
  const rows = done.map(([word, { summary }]) => `  ${word.padEnd(12)} ${summary}`);
  return `usage: skep COMMAND [arguments]

Skep is the Linux eBPF runtime in TypeScript: the 6.18 kernel's verifier, JIT,
maps and loader on any machine.

commands:
${rows.join('\n')}
  ${'help'.padEnd(12)} this page, or with a command's name all about it
  ${'version'.padEnd(12)} the version of skep

not supported yet:
  ${UNSUPPORTED.join(', ')}

exit codes: 0 done, 1 a program was rejected, 2 wrong usage, 3 unusable input,
70 a fault of skep itself
`;
}
