/** What a command of the command line is, and how its arguments are read. */
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { UsageError } from './exit.ts';
import type { Io } from './io.ts';

export interface Command {
  /** Shown by `skep help WORD` and `skep WORD --help`, complete. */
  readonly help: string;
  /** Runs with the words after its own; gives the exit code. */
  run(args: string[], io: Io): Promise<number> | number;
}

type Options = NonNullable<ParseArgsConfig['options']>;

/** parseArgs with `--help`, whose complaints are usage errors of `topic`. */
export function readArgs<T extends Options>(
  topic: string,
  args: string[],
  options: T,
): ReturnType<typeof parseArgs<{ args: string[]; options: T; allowPositionals: true; strict: true }>> {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (e) {
    const text = e instanceof Error ? e.message.split('. ')[0] : String(e);
    throw new UsageError(text, topic);
  }
}

/** An unsigned integer in decimal or 0x form. */
export function unsigned(text: string, what: string, topic: string, max = 0xffff_ffff): number {
  const value = /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN;
  if (!(value <= max)) throw new UsageError(`${what} must be a number from 0 to ${max}, and '${text}' is not`, topic);
  return value;
}

/** `NAME=VALUE` cut at the first equals sign. */
export function assignment(text: string, option: string, form: string, topic: string): [name: string, value: string] {
  const at = text.indexOf('=');
  if (at <= 0 || at === text.length - 1) throw new UsageError(`${option} takes ${form}, and '${text}' is not`, topic);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** One of a few words. */
export function oneOf<const W extends readonly string[]>(
  text: string,
  words: W,
  option: string,
  topic: string,
): W[number] {
  if (words.includes(text)) return text;
  throw new UsageError(`${option} is ${words.join(' or ')}, and '${text}' is neither`, topic);
}
