/** Words of bpftool that this version knows and does not do: each says so. */
import type { Command } from './command.ts';
import { UnsupportedError } from './exit.ts';

/** First words. */
export const UNSUPPORTED = [
  ...['link', 'feature', 'gen', 'struct_ops', 'iter'],
  ...['cgroup', 'net', 'perf', 'token'],
] as const;

export const unsupported = (word: (typeof UNSUPPORTED)[number]): Command => ({
  help: `${new UnsupportedError(`skep ${word}`).message}\n`,
  run() {
    throw new UnsupportedError(`skep ${word}`);
  },
});
