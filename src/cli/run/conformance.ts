/** `skep conformance`: one unverified program on given memory, in guard mode, for suites such as bpf_conformance. */
import { ConformanceRunner, interpEngine } from '../../kernel/interp/conformance.ts';
import { ProgramAbort } from '../../util/errors.ts';
import { FormatError } from '../../util/errors.ts';
import { type Command, oneOf, readArgs } from '../shell/command.ts';
import { EXIT, InputError } from '../shell/exit.ts';
import { readStdin } from '../shell/files.ts';

const HELP = `usage: skep conformance [MEMORY] [options]

Runs a program that is not verified, every access checked while it runs: r1 is
the address of the memory, r2 its length. Prints r0 in hexadecimal. The program
is read from stdin as hexadecimal digits unless --program gives it.

  MEMORY                bytes of the memory as hexadecimal digits
  --program HEX         the program
  --engine jit|interp   WebAssembly, or the reference interpreter (the default)

exit code: 0 done, 2 wrong usage, 3 no valid program or memory, or the program
was stopped
`;

export const command: Command = {
  help: HELP,
  async run(args, io) {
    const { values, positionals } = readArgs(
      'conformance',
      args,
      {
        program: { type: 'string' },
        engine: { type: 'string', default: 'interp' },
      },
      { operands: [0, 1, 'one memory'] },
    );
    const engine = oneOf(values.engine, ['jit', 'interp'], '--engine', 'conformance');
    const memory = hexBytes('memory', positionals[0] ?? '');
    const program = hexBytes('program', values.program ?? new TextDecoder().decode(await readStdin()));
    if (program.length === 0) throw new InputError('program', 'there is none');
    io.out(`${await runVector(program, memory, engine)}\n`);
    return EXIT.ok;
  },
};

/** Instructions (loop rounds in the JIT) after which a program is stopped: more than may_goto allows by itself. */
const FUEL = 50_000_000;

/** r0 as `0x2a`. Throws FormatError for malformed programs, InputError when the run is stopped. */
export async function runVector(program: Uint8Array, memory: Uint8Array, engine: 'jit' | 'interp'): Promise<string> {
  const compile = engine === 'jit' ? (await import('../../kernel/jit/index.ts')).jitGuarded : interpEngine;
  try {
    return new ConformanceRunner(compile, FUEL).run(program, memory);
  } catch (e) {
    if (e instanceof ProgramAbort) throw new InputError('program', `stopped: ${e.message}`, { cause: e });
    throw e;
  }
}

/** Bytes of hexadecimal digits, white space between them allowed. */
export function hexBytes(what: string, text: string): Uint8Array {
  const wrong = /[^0-9a-fA-F\s]/.exec(text);
  if (wrong) throw new FormatError('hex', wrong.index, `${what}: hexadecimal digits expected`);
  const digits = text.replace(/\s+/g, '');
  if (digits.length % 2 !== 0) throw new FormatError('hex', text.length, `${what}: an even number of digits expected`);
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}
