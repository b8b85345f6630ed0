/** A command of the command line, and the reading of its arguments. */
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { UsageError } from './exit.ts';
import type { Io } from './io.ts';
import { didYouMean } from './nearest.ts';

export interface Command {
  /** Shown by `skep help WORD` and `skep WORD --help`, complete. */
  readonly help: string;
  /** Runs with the words after its own; gives the exit code. */
  run(args: string[], io: Io): Promise<number> | number;
}

type Options = NonNullable<ParseArgsConfig['options']>;

/** Rules for the words of a command, beside its options. */
export interface WordRules {
  /** Operands: how many at least and at most, and how a complaint calls them. */
  readonly operands: readonly [least: number, most: number, what: string];
  /** Options of which only one may be given; `name=value` is an option with that value. */
  readonly excludes?: readonly (readonly [one: string, other: string])[];
  /** Options that mean nothing without another. */
  readonly needs?: readonly (readonly [option: string, needed: string])[];
}

/** parseArgs whose complaints are usage errors of `topic`: nothing that is given is left out without a word. */
export function readArgs<T extends Options>(
  topic: string,
  args: string[],
  options: T,
  rules: WordRules,
): ReturnType<typeof parseArgs<{ args: string[]; options: T; allowPositionals: true; strict: true }>> {
  checkOptions(topic, args, options, rules);
  const read = parsed(topic, () => parseArgs({ args, options, allowPositionals: true, strict: true }));
  const [least, most, what] = rules.operands;
  const { positionals } = read as { positionals: string[] };
  if (positionals.length < least) throw new UsageError(`${topic} needs ${what}`, topic);
  if (positionals.length > most)
    throw new UsageError(`'${positionals[most]}' was not expected: ${topic} takes ${what}`, topic);
  return read;
}

function parsed<T>(topic: string, parse: () => T): T {
  try {
    return parse();
  } catch (e) {
    const text = e instanceof Error ? e.message.split(/\.\s/)[0] : String(e);
    throw new UsageError(text, topic);
  }
}

function checkOptions(topic: string, args: string[], options: Options, rules: WordRules): void {
  const { tokens } = parsed(topic, () =>
    parseArgs({ args, options, allowPositionals: true, strict: false, tokens: true }),
  );
  /** Given options, as `name` and `name=value`. */
  const given = new Set<string>();
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const { name, rawName, value } = token;
    if (!Object.hasOwn(options, name)) {
      const known = Object.keys(options).map((each) => `--${each}`);
      throw new UsageError(`${topic} has no option ${rawName}${didYouMean(rawName, known)}`, topic);
    }
    const twice = options[name].multiple === true ? given.has(`${name}=${value}`) : given.has(name);
    if (twice) throw new UsageError(`${rawName}${options[name].multiple ? ` ${value}` : ''} is given twice`, topic);
    given.add(name).add(`${name}=${value}`);
  }
  for (const [one, other] of rules.excludes ?? []) {
    if (given.has(one) && given.has(other))
      throw new UsageError(`${optionText(one)} and ${optionText(other)} exclude each other`, topic);
  }
  for (const [option, needed] of rules.needs ?? []) {
    if (given.has(option) && !given.has(needed))
      throw new UsageError(`${optionText(option)} needs ${optionText(needed)}`, topic);
  }
}

const optionText = (option: string): string => `--${option.replace('=', ' ')}`;

/** An integer in decimal or 0x form. */
export function unsigned(
  text: string,
  what: string,
  topic: string,
  { least = 0, most = 0xffff_ffff }: { readonly least?: number; readonly most?: number } = {},
): number {
  const value = /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most))
    throw new UsageError(`${what} must be a whole number from ${least} to ${most}, and '${text}' is not`, topic);
  return value;
}

/** Refuses a name that is given with two values. */
export function onceEach(names: readonly string[], option: string, topic: string): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) throw new UsageError(`${option} ${name} is given twice`, topic);
    seen.add(name);
  }
}

/** A name that an object must have: refused with those that it has, or the nearest. */
export function unknownName(what: string, name: string, known: readonly string[], topic: string): UsageError {
  const meant = didYouMean(name, known);
  const list = known.length > LISTED ? `${known.slice(0, LISTED).join(', ')}, ...` : known.join(', ') || 'none';
  return new UsageError(`there is no ${what} ${name}${meant || `; the object has ${list}`}`, topic);
}

const LISTED = 12;

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
  throw new UsageError(`${option} is ${words.join(' or ')}, and '${text}' is not${didYouMean(text, words)}`, topic);
}
