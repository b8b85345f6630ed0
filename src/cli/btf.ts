/** `skep btf`: the types of an object file or of a kernel, as a list or as C. */
import { Btf } from '../btf/btf.ts';
import { dumpC } from '../btf/dump-c.ts';
import { formatBtf } from '../btf/format.ts';
import { parseElf } from '../lib/elf/elf.ts';
import { FormatError } from '../util/errors.ts';
import { type Command, oneOf, readArgs } from './shell/command.ts';
import { EXIT, InputError, UnsupportedError, UsageError } from './shell/exit.ts';
import { inFile, readInput } from './shell/files.ts';
import { visibleLines } from './shell/io.ts';
import { didYouMean } from './shell/nearest.ts';

const HELP = `usage: skep btf dump file FILE [format raw|c] [--base FILE]

Shows the types of an object file (its .BTF section) or of a file of bare BTF,
/sys/kernel/btf/vmlinux for instance.

  format raw      one line for each type (the default)
  format c        C declarations
  --base FILE     BTF that FILE's is a part of: vmlinux for a module
`;

const BTF_MAGIC = 0xeb9f;

export const command: Command = {
  help: HELP,
  async run([verb, ...args], io) {
    if (verb === 'show' || verb === 'list') throw new UnsupportedError(`btf ${verb}`);
    if (verb !== 'dump')
      throw new UsageError(
        verb === undefined ? 'btf needs a verb' : `btf has no verb '${verb}'${didYouMean(verb, ['dump'])}`,
        'btf',
      );
    const { values, positionals } = readArgs(
      'btf',
      args,
      { base: { type: 'string', short: 'B' } },
      { operands: [0, 5, 'file FILE [format raw|c]'] },
    );
    const [source, path, ...rest] = positionals;
    if (source === 'id' || source === 'prog' || source === 'map') throw new UnsupportedError(`btf dump ${source}`);
    if (source !== 'file' || path === undefined) throw new UsageError('btf dump takes: file FILE', 'btf');
    const format = rest.length === 0 ? 'raw' : formatWord(rest);
    const base = values.base === undefined ? undefined : await readBtf(values.base, undefined);
    const btf = await readBtf(path, base);
    if (format === 'c') io.out(visibleLines(inFile(path, () => dumpC(btf))));
    else for (const lines of batches(formatBtf(btf))) io.out(visibleLines(lines));
    return EXIT.ok;
  },
};

function formatWord(rest: readonly string[]): 'raw' | 'c' {
  if (rest[0] !== 'format' || rest.length !== 2) throw new UsageError(`'${rest[0]}' was not expected`, 'btf');
  return oneOf(rest[1], ['raw', 'c'], 'format', 'btf');
}

async function readBtf(path: string, base: Btf | undefined): Promise<Btf> {
  const bytes = await readInput(path);
  return inFile(path, () => {
    const magic = bytes.length >= 2 ? bytes[0] | (bytes[1] << 8) : 0;
    if (magic === BTF_MAGIC || magic === 0x9feb) return Btf.parse(bytes, base);
    const elf = parseElf(bytes);
    const section = elf.sections.find((s) => s.name === '.BTF');
    if (section === undefined) throw new InputError(path, 'the ELF file has no .BTF section');
    if (section.data.length === 0) throw new FormatError('BTF', 0, 'the .BTF section is empty');
    return Btf.parse(section.data, base);
  });
}

const BATCH = 500;

/** Lines in larger pieces: a write for each of 120,000 types would take seconds. */
function* batches(lines: Iterable<string>): Generator<string> {
  let piece: string[] = [];
  for (const line of lines) {
    if (piece.push(line) < BATCH) continue;
    yield `${piece.join('\n')}\n`;
    piece = [];
  }
  if (piece.length > 0) yield `${piece.join('\n')}\n`;
}
