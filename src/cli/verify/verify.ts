/** `skep verify`: verdicts on the programs of object files. */
import type { Btf } from '../../btf/btf.ts';
import { parseObject } from '../../lib/parse-object.ts';
import type { Note } from '../../lib/notes.ts';
import type { ProgramSpec } from '../../lib/spec.ts';
import { assumeSizes } from './assumed-sizes.ts';
import { type Command, oneOf, readArgs, unknownName, unsigned, type WordRules } from '../shell/command.ts';
import { EXIT, InputError } from '../shell/exit.ts';
import { inFile, readInput } from '../shell/files.ts';
import { sectionFits } from '../../lib/sections.ts';
import { type Io, visible } from '../shell/io.ts';
import { kernelFacts } from '../session/kernel-facts.ts';
import { kernelTypes } from '../session/kernel-types.ts';
import { type ProgramFlags, programFlags, programsNamed } from '../session/program-flags.ts';
import { baseName, printVerdict, tally } from './verdict-text.ts';
import { noteText, ObjectNotes } from '../session/object-notes.ts';
import { OBJECT_HELP, OBJECT_OPTIONS, type ObjectOptions, objectOptions } from '../session/object-options.ts';
import { embeddedKernel, type JudgingKernel, liveKernel } from './verdict-watch.ts';
import { withDiagnosis } from './diagnosis.ts';
import type { Detail } from './diagnosis-text.ts';
import { type ProgramVerdict, verifyPrograms } from './verify-object.ts';
import { toJson } from '../shell/json-text.ts';

const HELP = `usage: skep verify OBJECT... [options]

Verifies every program of the object files by itself, by the rules of Linux
6.18, and says what the kernel would say. Nothing is run. Sizes that the object
leaves to its loader are assumed: one element, the deepest stack trace.

  --json                     one line of JSON for each program
  --prog NAME                only this program; may be given again
  --prog-flags NAME=FLAGS    flags of BPF_PROG_LOAD for a program, 2
                             (BPF_F_ANY_ALIGNMENT) for instance
  --btf FILE                 types of the kernel, instead of this machine's or
                             the packaged 6.18 ones
  --profile 6.18             kernel version whose rules apply
  --backend embedded|kernel  the verifier of this package (the default), or this
                             machine's through bpf(2)
  --explain short|full|none  how much is said of a rejection: the decisive
                             steps (the default), all of them, or the kernel's
                             message and a sentence
  --cpus N                   possible CPUs (default: 2)
${OBJECT_HELP}  --log-level N              shows the verifier's log: 1 the last path, 2 every
                             state, 4 statistics, or a sum

exit code: 0 all accepted, 1 something rejected, 2 wrong usage, 3 unusable input
`;

const RULES: WordRules = {
  operands: [1, Number.POSITIVE_INFINITY, 'an object file'],
  // The machine's kernel has the CPUs that it has.
  excludes: [['cpus', 'backend=kernel']],
};

export const command: Command = {
  help: HELP,
  async run(args, io) {
    const { values, positionals } = readArgs(
      'verify',
      args,
      {
        json: { type: 'boolean' },
        prog: { type: 'string', multiple: true },
        'prog-flags': { type: 'string', multiple: true },
        btf: { type: 'string' },
        profile: { type: 'string', default: '6.18' },
        cpus: { type: 'string', default: '2' },
        'log-level': { type: 'string', default: '0' },
        backend: { type: 'string', default: 'embedded' },
        explain: { type: 'string', default: 'short' },
        ...OBJECT_OPTIONS,
      },
      RULES,
    );
    oneOf(values.profile, ['6.18'], '--profile', 'verify');
    const options = {
      logLevel: unsigned(values['log-level'], '--log-level', 'verify', { most: 7 }),
      cpus: unsigned(values.cpus, '--cpus', 'verify', { least: 1, most: 1024 }),
      only: values.prog ?? [],
      flags: programFlags(values['prog-flags'] ?? [], 'verify'),
      object: objectOptions(values, 'verify'),
      explain: oneOf(values.explain, ['short', 'full', 'none'], '--explain', 'verify'),
    };
    const live = oneOf(values.backend, ['embedded', 'kernel'], '--backend', 'verify') === 'kernel';
    const btf = await kernelTypes(values.btf);
    const kernel = live
      ? await openLive(options.logLevel)
      : (): JudgingKernel => embeddedKernel(btf, options.cpus, options.logLevel);
    const report = values.json ? jsonReport(io) : textReport(io, options, positionals.length);
    const missing = new Missing(
      [...options.only, ...options.flags.map(([name]) => name)],
      Object.keys(options.object.parse.sectionTypes ?? {}),
    );
    let code: number = EXIT.ok;
    for (const [i, path] of positionals.entries()) {
      if (positionals.length > 1) io.progress(`verifying ${i + 1}/${positionals.length} ${visible(path)}`);
      code = worse(
        code,
        await verifyFile(path, btf, { ...options, kernel, live }, report, missing).catch((e) => goOn(e, io)),
      );
    }
    io.progress('');
    report.end();
    missing.check();
    return code;
  },
};

/** A file that cannot be read does not keep the others from being verified. */
function goOn(error: unknown, io: Io): number {
  if (!(error instanceof InputError)) throw error;
  io.err(`skep: ${visible(error.message)}\n`);
  return EXIT.input;
}

/** Severity: nothing, rejected, unusable input, our own fault. */
const worse = (a: number, b: number): number => Math.max(a, b);

/** Names of programs and sections that no object has had so far, and what the objects have instead. */
class Missing {
  readonly #names: Set<string>;
  readonly #sections: Set<string>;
  readonly #known: string[] = [];
  readonly #knownSections = new Set<string>();

  constructor(names: readonly string[], sections: readonly string[]) {
    this.#names = new Set(names);
    this.#sections = new Set(sections);
  }

  met(programs: readonly ProgramSpec[]): void {
    for (const p of programs) {
      this.#names.delete(p.name);
      this.#names.delete(p.key);
      if (this.#known.length < MOST_KNOWN) this.#known.push(p.key);
      if (this.#sections.size === 0) continue;
      const section = p.section.replace(/^\?/, '');
      for (const pattern of this.#sections) if (sectionFits(pattern, section)) this.#sections.delete(pattern);
      if (this.#knownSections.size < MOST_KNOWN) this.#knownSections.add(section);
    }
  }

  check(): void {
    for (const name of this.#names) throw unknownName('program', name, this.#known, 'verify');
    for (const name of this.#sections) throw unknownName('section', name, [...this.#knownSections], 'verify');
  }
}

const MOST_KNOWN = 10_000;

interface FileOptions {
  readonly logLevel: number;
  readonly cpus: number;
  readonly only: readonly string[];
  readonly flags: ProgramFlags;
  readonly object: ObjectOptions;
  readonly kernel: () => JudgingKernel;
  /** The kernel is this machine's. */
  readonly live: boolean;
  readonly explain: Detail | 'none';
}

/** Opens this machine's kernel once, to find out whether it can be asked; each object asks through the same door. */
async function openLive(logLevel: number): Promise<() => JudgingKernel> {
  const { openKernelTransport } = await import('../../host/kernel-transport.ts');
  const sys = await openKernelTransport();
  return () =>
    liveKernel(
      {
        kernel: sys.kernel,
        bpf: (cmd, attr) => sys.bpf(cmd, attr),
        close: (fd) => sys.close(fd),
        [Symbol.dispose]() {},
      },
      logLevel,
    );
}

async function verifyFile(
  path: string,
  kernelBtf: Btf,
  options: FileOptions,
  report: Report,
  missing: Missing,
): Promise<number> {
  const bytes = await readInput(path);
  const spec = inFile(path, () => parseObject(bytes, { name: baseName(path), ...options.object.parse }));
  for (const [name, flags] of options.flags) for (const p of programsNamed(spec, name)) p.flags |= flags;
  const programs =
    options.only.length === 0 ? spec.programs : options.only.flatMap((name) => programsNamed(spec, name));
  missing.met(spec.programs);
  const facts = await kernelFacts(spec, options.live);
  const assumed = assumeSizes(spec);
  let code: number = EXIT.ok;
  const notes = new ObjectNotes(spec, programs, { ...facts, kernelBtf });
  report.object(path, spec.programs.length, assumed, notes.shared);
  for (const { found: verdict, refused, failure } of verifyPrograms(path, spec, programs, {
    ...options,
    kernelBtf,
    facts,
    load: options.object.load,
  })) {
    const found = options.explain === 'none' ? verdict : await withDiagnosis(verdict, refused, failure);
    report.program({ ...found, ...(assumed.length > 0 ? { assumed } : {}), ...notes.of(found.program) });
    code = worse(code, exitOf(found));
  }
  return code;
}

function exitOf(found: ProgramVerdict): number {
  if (found.verdict === 'error') return found.code === 'INTERNAL' ? EXIT.internal : EXIT.input;
  return found.verdict === 'reject' ? EXIT.rejected : EXIT.ok;
}

interface Report {
  object(path: string, programs: number, assumed: readonly string[], notes: readonly Note[]): void;
  program(found: ProgramVerdict): void;
  end(): void;
}

function jsonReport(io: Io): Report {
  return {
    object(path, programs, _assumed, notes) {
      // No line says it where there is no program.
      if (programs === 0) for (const line of notes) io.err(`skep: ${visible(path)}: ${noteText(line)}\n`);
    },
    program: (found) => io.out(`${toJson(found)}\n`),
    end() {},
  };
}

function textReport(io: Io, { logLevel, explain }: Pick<FileOptions, 'logLevel' | 'explain'>, objects: number): Report {
  const all: ProgramVerdict[] = [];
  return {
    object(path, programs, assumed, notes) {
      if (objects > 1 || programs === 0)
        io.out(`${io.style('bold', visible(path))}${programs ? '' : ': no programs'}\n`);
      for (const line of assumed)
        io.out(`${io.style('dim', `assumed  ${visible(line)}, which the object does not say`)}\n`);
      for (const line of notes) io.out(`${io.style('dim', `note    ${noteText(line)}`)}\n`);
    },
    program(found) {
      all.push(found);
      printVerdict(io, found, { logLevel, detail: explain === 'full' ? 'full' : 'short' });
    },
    end() {
      if (all.length > 1) io.out(`${tally(io, all)}\n`);
    },
  };
}
