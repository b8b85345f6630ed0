/** Words of bpftool that this version knows and does not do: each says so, with its number in the project's scope. */
import type { Command } from './command.ts';
import { UnsupportedError } from './exit.ts';

/** First words and their numbers. */
export const UNSUPPORTED = {
  link: 204,
  feature: 222,
  gen: 220,
  struct_ops: 239,
  iter: 235,
  cgroup: 234,
  net: 234,
  perf: 234,
  token: 202,
} as const satisfies Record<string, number>;

export const unsupported = (word: keyof typeof UNSUPPORTED): Command => ({
  help: `skep ${word} is not supported yet: SCOPE ${UNSUPPORTED[word]}\n`,
  run() {
    throw new UnsupportedError(`skep ${word}`, UNSUPPORTED[word]);
  },
});
