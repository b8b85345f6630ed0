/** The commands by their first word; each is loaded when it is called for. */
import type { Command } from './command.ts';

export interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  verify: {
    summary: 'what the kernel would say of the programs of object files',
    load: async () => (await import('./verify.ts')).command,
  },
  run: {
    summary: 'runs a program over bytes or over a capture',
    load: async () => (await import('./run.ts')).command,
  },
  conformance: {
    summary: 'one unverified program in guard mode, r0 in hexadecimal',
    load: async () => (await import('./conformance.ts')).command,
  },
};

export function overview(): string {
  const rows = Object.entries(COMMANDS).map(([word, { summary }]) => `  ${word.padEnd(12)} ${summary}`);
  return `usage: skep COMMAND [arguments]

Skep is the Linux eBPF runtime in TypeScript: the 6.18 kernel's verifier, JIT, maps and loader on any machine.

commands:
${rows.join('\n')}
  ${'help'.padEnd(12)} this page, or with a command's name all about it
  ${'version'.padEnd(12)} the version of skep

exit codes: 0 done, 1 a program was rejected, 2 wrong usage, 3 unusable input, 70 a fault of skep itself
`;
}
