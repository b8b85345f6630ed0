/** The command line without its process: finds the command, runs it, and turns whatever it throws into one line and an exit code. */
import { BpfError } from '../lib/errors.ts';
import { FormatError, InternalError } from '../util/errors.ts';
import { COMMANDS, overview } from './commands.ts';
import { EXIT, InputError, UnsupportedError, UsageError } from './shell/exit.ts';
import { type Io, visible } from './shell/io.ts';
import { didYouMean } from './shell/nearest.ts';

/** Runs one command line; gives its exit code and never throws. */
export async function skep(argv: string[], io: Io): Promise<number> {
  try {
    return await dispatch(argv, io);
  } catch (error) {
    io.progress('');
    return explain(error, io);
  }
}

const isHelp = (word: string | undefined): boolean => word === '--help' || word === '-h' || word === 'help';

async function dispatch(argv: string[], io: Io): Promise<number> {
  // help and version explain themselves.
  const itself = argv.length === 2 && argv[0] === 'help' && (argv[1] === 'help' || argv[1] === 'version');
  const [word, ...rest] = itself ? ['help'] : argv;
  if (word === undefined) throw new UsageError('a command is missing');
  if (word === '--version' || word === '-V' || word === 'version') {
    surplus(rest, 0);
    io.out(`skep ${await version()}\n`);
    return EXIT.ok;
  }
  if (isHelp(word)) surplus(rest, 1);
  const asked = isHelp(word) ? rest[0] : word;
  if (asked === undefined) {
    io.out(overview());
    return EXIT.ok;
  }
  const entry = Object.hasOwn(COMMANDS, asked) ? COMMANDS[asked] : undefined;
  if (entry === undefined)
    throw new UsageError(`there is no command '${visible(asked)}'${didYouMean(asked, Object.keys(COMMANDS))}`);
  const command = await entry.load();
  if (rest[0] === 'help') surplus(rest, 1);
  const end = rest.indexOf('--');
  if (
    isHelp(word) ||
    rest[0] === 'help' ||
    rest.slice(0, end < 0 ? rest.length : end).some((w) => w === '--help' || w === '-h')
  ) {
    io.out(command.help);
    return EXIT.ok;
  }
  return command.run(rest, io);
}

function surplus(words: readonly string[], most: number): void {
  if (words.length > most) throw new UsageError(`'${words[most]}' was not expected`);
}

async function version(): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** One line for people, and the exit code for scripts. */
function explain(error: unknown, io: Io): number {
  const say = (text: string): void => io.err(`skep: ${visible(text)}\n`);
  if (error instanceof UsageError) {
    say(error.message);
    io.err(`see: skep help${error.topic ? ` ${error.topic}` : ''}\n`);
    return EXIT.usage;
  }
  if (error instanceof UnsupportedError) {
    say(error.message);
    return EXIT.usage;
  }
  if (error instanceof InputError || error instanceof FormatError || error instanceof BpfError) {
    say(error.message);
    return EXIT.input;
  }
  if (error instanceof Error && error.name === 'KernelUnavailableError') {
    say(error.message);
    return EXIT.input;
  }
  const what =
    error instanceof InternalError
      ? error.message
      : error instanceof Error
        ? `${error.name}: ${error.message}`
        : String(error);
  say(`a fault of skep itself, please report it: ${what}`);
  if (process.env.SKEP_DEBUG && error instanceof Error) io.err(`${error.stack}\n`);
  return EXIT.internal;
}
