/** `skep bench`: the packet programs of an object over a capture in memory, on both engines and the real kernel, side by side. */
import { KernelUnavailableError } from '../../host/kernel-transport.ts';
import { ProgramAbort } from '../../util/errors.ts';
import type { Collection } from '../../lib/collection.ts';
import type { BpfError } from '../../lib/errors.ts';
import type { ProgramSpec } from '../../lib/spec.ts';
import { LINKTYPE, linkTypeName } from '../../net/capture.ts';
import { readCapture } from '../../net/open.ts';
import { Bench, type Embedded, type EngineName, ENGINES, type Engines, type Measured } from './bench-measure.ts';
import { type Command, readArgs, unsigned } from '../shell/command.ts';
import { EXIT, InputError } from '../shell/exit.ts';
import { inFile, readInput } from '../shell/files.ts';
import { type Io, visible } from '../shell/io.ts';
import { chooseProgram, openObject, openSession, type Session } from '../session/session.ts';
import { verdictWords } from '../run/verdict-names.ts';
import { grouped } from '../verify/verdict-text.ts';
import { toJson } from '../shell/json-text.ts';

const HELP = `usage: skep bench OBJECT [options]

Measures programs that take packets: on the interpreter, on the JIT with one
call a packet and with one call for the whole capture, and, where bpf(2)
answers, on this machine's kernel. Engines take turns, sample by sample; they
start with maps of their own and must return the same for every packet.

  --prog NAME   one program of the object; all that take packets unless given
  --pcap FILE   the packets: a pcap or pcapng capture, read into memory; one
                packet of 64 zero bytes unless given
  --rounds N    samples of each engine (default: 9)
  --no-kernel   leaves the real kernel out
  --btf FILE    types of the kernel, instead of this machine's or the packaged
                6.18 ones
  --json        one line of JSON

Times are nanoseconds a packet, the least and the median of the samples, with
everything that a caller waits for: 'jit' copies each packet into kernel memory,
'batch' finds all packets there, 'kernel' is PROG_TEST_RUN's own clock.

exit code: 0 done, 1 a program was rejected, 2 wrong usage, 3 unusable input, 70
engines returned different values
`;

const OPTIONS = {
  prog: { type: 'string' },
  pcap: { type: 'string' },
  rounds: { type: 'string', default: '9' },
  'no-kernel': { type: 'boolean' },
  btf: { type: 'string' },
  json: { type: 'boolean' },
} as const;

export const command: Command = {
  help: HELP,
  async run(args, io) {
    const { values, positionals } = readArgs('bench', args, OPTIONS, { operands: [1, 1, 'one object file'] });
    const rounds = unsigned(values.rounds, '--rounds', 'bench', { least: 1, most: 10_000 });
    const packets = values.pcap === undefined ? [new Uint8Array(DEFAULT_PACKET)] : await readPackets(values.pcap);
    using engines = await openEngines(values.btf, values['no-kernel'] ?? false);
    const keys = await programsOf(positionals[0], values.prog);
    const report: BenchReport = {
      object: positionals[0],
      packets: packets.length,
      rounds,
      ...engines.facts,
      programs: [],
    };
    if (!values.json) io.out(heading(io, report));
    let code: number = EXIT.ok;
    for (const key of keys) {
      const row = await benchProgram({ path: positionals[0], key, packets, rounds }, engines, io);
      report.programs.push(row);
      if ('rejected' in row) code = code === EXIT.ok ? EXIT.rejected : code;
      else if (!row.equal) code = EXIT.internal;
      if (!values.json) io.out(rowText(io, row));
    }
    if (values.json) io.out(`${toJson(report)}\n`);
    return code;
  },
};

const DEFAULT_PACKET = 64;
interface Rejected {
  readonly name: string;
  readonly rejected: string;
}
interface BenchReport {
  readonly object: string;
  readonly packets: number;
  readonly rounds: number;
  /** `live`, or why the real kernel is not there. */
  readonly kernel: string;
  readonly programs: (Measured | Rejected)[];
}

async function readPackets(path: string): Promise<Uint8Array[]> {
  const bytes = await readInput(path);
  const packets = inFile(path, () => Array.from(readCapture(bytes)));
  packets.forEach(({ linkType }, i) => {
    if (linkType !== LINKTYPE.ETHERNET)
      throw new InputError(path, `packet ${i + 1} has link type ${linkTypeName(linkType)}, and ETHERNET is needed`);
  });
  if (packets.length === 0) throw new InputError(path, 'the capture has no packet');
  return packets.map(({ data }) => data);
}

async function openEngines(btf: string | undefined, without: boolean): Promise<Engines> {
  const open = (backend: 'embedded' | 'kernel', engine: 'jit' | 'interp'): Promise<Session> =>
    openSession({ backend, engine, cpus: 1, btf, onTrace() {} });
  let kernel: Session | undefined;
  let missing = 'not asked for';
  try {
    if (!without) kernel = await open('kernel', 'jit');
  } catch (e) {
    if (!(e instanceof KernelUnavailableError)) throw e;
    missing = e.reason;
  }
  const interp = (await open('embedded', 'interp')) as Embedded;
  const jit = (await open('embedded', 'jit')) as Embedded;
  return {
    interp,
    jit,
    kernel,
    facts: { kernel: kernel === undefined ? missing : 'live' },
    [Symbol.dispose]() {
      for (const session of [interp, jit, kernel]) session?.[Symbol.dispose]();
    },
  };
}

async function programsOf(path: string, name: string | undefined): Promise<string[]> {
  const spec = await openObject(path);
  if (name === undefined) {
    const keys = spec.programs.filter(takesPackets).map((p) => p.key);
    if (keys.length === 0) throw new InputError(path, 'the object has no program that takes packets');
    return keys;
  }
  const program = chooseProgram(path, spec, name, 'bench');
  if (!takesPackets(program)) throw new InputError(path, `program ${program.key} is of a type without packets`);
  return [program.key];
}

const takesPackets = (program: ProgramSpec): boolean => verdictWords(program.type) !== undefined;

/** The subject of a measurement: a program of an object, on packets. */
interface Subject {
  readonly path: string;
  readonly key: string;
  readonly packets: readonly Uint8Array[];
  readonly rounds: number;
}

async function benchProgram(subject: Subject, engines: Engines, io: Io): Promise<Measured | Rejected> {
  const { path, key, packets, rounds } = subject;
  const open: Collection[] = [];
  // An object of its own for each kernel: loading edits it. All programs come along, for program arrays.
  const load = async (session: Session): Promise<Collection | BpfError> => {
    const spec = await openObject(path);
    const all = await session.load(
      spec,
      spec.programs.map((p) => p.key),
      { onError: 'collect' },
    );
    open.push(all);
    return all.errors.get(key) ?? all;
  };
  try {
    const interp = await load(engines.interp);
    const jit = await load(engines.jit);
    const kernel = engines.kernel && (await load(engines.kernel));
    if (!('programs' in interp)) return { name: key, rejected: interp.message };
    if (!('programs' in jit)) return { name: key, rejected: jit.message };
    const real = kernel !== undefined && 'programs' in kernel ? kernel : undefined;
    using bench = new Bench(key, engines, { interp, jit, kernel: real }, packets);
    return bench.measure(rounds, (text) => io.progress(text));
  } catch (e) {
    if (e instanceof ProgramAbort) throw new InputError('', `program ${key} was stopped: ${e.message}`);
    throw e;
  } finally {
    for (const collection of open) collection.close();
  }
}

function heading(io: Io, { packets, rounds, kernel }: BenchReport): string {
  const real = kernel === 'live' ? '' : `; no kernel column: ${kernel}`;
  const columns = [...ENGINES, 'batch'].map((name) => name.padStart(10)).join('');
  return (
    `${grouped(packets)} ${packets === 1 ? 'packet' : 'packets'} in memory, least of ${rounds} interleaved samples${real}\n` +
    `${io.style('bold', `${'ns a packet'.padEnd(24)}${columns}`)} packets/s${kernel === 'live' ? '   jit/k batch/k' : ''}\n`
  );
}

function rowText(io: Io, row: Measured | Rejected): string {
  const name = visible(row.name).padEnd(24);
  if ('rejected' in row) return `${name}${io.style('red', 'rejected')}: ${visible(row.rejected)}\n`;
  const times = ENGINES.map((e) => (row.ns[e]?.min.toFixed(1) ?? '-').padStart(10)).join('');
  const ratio = (e: EngineName): string => (row.overKernel?.[e]?.toFixed(2) ?? '-').padStart(8);
  const ratios = row.ns.kernel ? `${ratio('jit')}${ratio('batch')}` : '';
  const differ = row.equal ? '' : io.style('red', '  ENGINES DIFFER');
  return `${name}${times}${grouped(row.packetsPerSecond.batch ?? 0).padStart(20)}${ratios}${differ}\n`;
}
