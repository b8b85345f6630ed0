/** `skep run`: runs one program over bytes or over a capture, with its maps filled before and shown after. */
import type { Collection } from '../../lib/collection.ts';
import type { CollectionSpec } from '../../lib/collection-spec.ts';
import { BpfError } from '../../lib/errors.ts';
import type { ProgramSpec } from '../../lib/spec.ts';
import { BPF_MAP_TYPE as M } from '../../uapi/map-types.ts';
import {
  assignment,
  type Command,
  oneOf,
  onceEach,
  readArgs,
  unknownName,
  unsigned,
  type WordRules,
} from '../shell/command.ts';
import { EXIT, InputError, UnsupportedError, UsageError } from '../shell/exit.ts';
import { CollectionEvents } from '../session/events.ts';
import { readInput } from '../shell/files.ts';
import type { Io } from '../shell/io.ts';
import { fillMap, setVariable } from '../session/map-fill.ts';
import { parseJson } from '../session/exact-json.ts';
import { CaptureClock, CaptureFile } from './capture-file.ts';
import { captureReport, runCapture } from './run-capture.ts';
import { runEvents } from './run-events.ts';
import { onceReport, runOnce } from './run-once.ts';
import { type RunReport, writeReport } from './run-report.ts';
import { chooseProgram, openObject, openSession, type Session } from '../session/session.ts';
import { namedPrograms, programFlags } from '../session/program-flags.ts';
import { verdictWords } from './verdict-names.ts';
import { OBJECT_OPTIONS, type ObjectOptions, objectOptions } from '../session/object-options.ts';
import { printVerdict } from '../verify/verdict-text.ts';
import { withDiagnosis } from '../verify/diagnosis.ts';
import { type ProgramVerdict, verdictOf } from '../verify/verify-object.ts';
import { toJson } from '../shell/json-text.ts';

const HELP = `usage: skep run OBJECT [options]

Verifies a program, compiles it and runs it: once on given bytes, on every
packet of a capture, or attached, while events happen.

what is run
  --prog NAME              the program; may be left out when the object has only
                           one
  --engine jit|interp      WebAssembly (the default), or the reference
                           interpreter
  --backend embedded|kernel  the kernel of this package (the default), or this
                             machine's through bpf(2)
  --btf FILE               types of the kernel, instead of this machine's or the
                           packaged 6.18 ones
  --cpus N                 possible CPUs (default: 1)
  --clock host|capture     the guest's clock: this machine's (the default), or
                           one that goes by the times of the packets of --pcap
  --repeat N               runs N times; the duration is the mean
  --type, --inner, --loader  as in skep verify: what the object leaves unsaid
  --prog-flags NAME=FLAGS  flags of BPF_PROG_LOAD for a program, 2
                           (BPF_F_ANY_ALIGNMENT) for instance

what it gets
  --data-in FILE           a packet, from its Ethernet header on; 64 zero bytes
                           unless given
  --pcap FILE              every packet of a pcap or pcapng capture
  --events-in FILE         lines of JSON, each something that happened; all
                           programs of the object are attached by their
                           sections, or the one of --prog:
                           {"t":NS,"task":{"pid":7,"comm":"sh"},
                           "hook":"tracepoint:sched:sched_process_exec",
                           "args":{"filename":"/bin/ls"}}
  --ctx-in FILE            the context: xdp_md or __sk_buff, pt_regs, a
                           tracepoint's record, raw arguments
  --map NAME=FILE.json     fills a map first: [{"key": .., "value": ..}, ..] or
                           {"key": value, ..}, by BTF or as bytes
  --set VARIABLE=VALUE     sets a global variable, constants too
  --tail MAP:INDEX=PROG    puts a program of the object into a program array

what it shows
  --pcap-out FILE          writes the packets that pass, as the program left
                           them: XDP_PASS and XDP_TX, TC_ACT_OK, UNSPEC, PIPE
                           and RECLASSIFY, allowed ones, what a filter keeps; in
                           the format, byte order and time unit of the input
                           (pcapng for a name that ends so)
  --events                 lines of bpf_trace_printk and records of ring and
                           perf buffers
  --event-type [MAP=]NAME  the struct of records (default: found by their size)
  --json                   one line of JSON

exit code: 0 done, 1 the program was rejected, 2 wrong usage, 3 unusable input
`;

const OPTIONS = {
  prog: { type: 'string' },
  'data-in': { type: 'string' },
  pcap: { type: 'string' },
  'pcap-out': { type: 'string' },
  'ctx-in': { type: 'string' },
  'events-in': { type: 'string' },
  map: { type: 'string', multiple: true },
  set: { type: 'string', multiple: true },
  tail: { type: 'string', multiple: true },
  'event-type': { type: 'string', multiple: true },
  'prog-flags': { type: 'string', multiple: true },
  events: { type: 'boolean' },
  repeat: { type: 'string', default: '1' },
  cpus: { type: 'string', default: '1' },
  clock: { type: 'string', default: 'host' },
  engine: { type: 'string', default: 'jit' },
  backend: { type: 'string', default: 'embedded' },
  btf: { type: 'string' },
  json: { type: 'boolean' },
  ...OBJECT_OPTIONS,
} as const;

const RULES: WordRules = {
  operands: [1, 1, 'one object file'],
  excludes: [
    ['data-in', 'pcap'],
    ['ctx-in', 'pcap'],
    ...['data-in', 'ctx-in', 'pcap', 'repeat', 'clock', 'backend=kernel'].map((other) => ['events-in', other] as const),
    // Both are the embedded kernel's to choose.
    ['engine', 'backend=kernel'],
    ['cpus', 'backend=kernel'],
    ['clock=capture', 'backend=kernel'],
  ],
  needs: [
    ['pcap-out', 'pcap'],
    ['event-type', 'events'],
    ['clock=capture', 'pcap'],
  ],
};

type Values = ReturnType<typeof readArgs<typeof OPTIONS>>['values'];

interface Tail {
  readonly map: string;
  readonly index: number;
  readonly program: string;
}

export const command: Command = {
  help: HELP,
  async run(args, io) {
    const { values, positionals } = readArgs('run', args, OPTIONS, RULES);
    return runObject(positionals[0], values, io);
  },
};

async function runObject(path: string, values: Values, io: Io): Promise<number> {
  const words = objectOptions(values, 'run');
  const spec = await openObject(path, words.parse);
  const attached = values['events-in'] !== undefined && values.prog === undefined;
  const program = attached ? firstProgram(path, spec) : chooseProgram(path, spec, values.prog, 'run');
  const tails = (values.tail ?? []).map(parseTail);
  onceEach(
    tails.map((t) => `${t.map}:${t.index}`),
    '--tail',
    'run',
  );
  checkMaps(spec, values, tails);
  const variables = (values.set ?? []).map((text) => assignment(text, '--set', 'VARIABLE=VALUE', 'run'));
  onceEach(
    variables.map(([name]) => name),
    '--set',
    'run',
  );
  for (const [name, value] of variables) setVariable(spec, name, value);
  const flags = programFlags(values['prog-flags'] ?? [], 'run');
  for (const [name, bits] of flags) for (const p of namedPrograms(spec, name, 'run')) p.flags |= bits;
  const clock = oneOf(values.clock, ['host', 'capture'], '--clock', 'run');
  using capture = values.pcap === undefined ? undefined : new CaptureFile(values.pcap);
  let reader: CollectionEvents | undefined;
  using session = await openSession({
    backend: oneOf(values.backend, ['embedded', 'kernel'], '--backend', 'run'),
    engine: oneOf(values.engine, ['jit', 'interp'], '--engine', 'run'),
    cpus: unsigned(values.cpus, '--cpus', 'run', { least: 1, most: 1024 }),
    btf: values.btf,
    clock: values['events-in'] !== undefined ? { boot: 0n } : clock === 'capture' ? capture?.startOfClock() : undefined,
    onTrace: (line) => reader?.trace(line),
  });
  const roots = attached ? spec.programs.filter((p) => p.autoload) : [program];
  const wanted = { programs: programsToLoad(spec, roots, tails), options: words.load };
  const loaded = await load(session, path, spec, program, wanted);
  if (!('programs' in loaded)) return rejected(io, loaded, values.json ?? false);
  using collection = loaded;
  await fill(collection, values, tails);
  if (session.runtime) reader = new CollectionEvents(collection, values.events ?? false, eventTypes(values));
  else if (values.events) throw new UnsupportedError('reading events of the real kernel');
  const report = await run({ path, session, collection, program, reader, capture }, values, io);
  reader?.drain();
  const programs = attached ? roots : [program];
  writeReport(io, report, values.json ?? false, { collection, reader, object: path, programs });
  return EXIT.ok;
}

/** A program that is ready to run. */
interface Loaded {
  readonly path: string;
  readonly session: Session;
  readonly collection: Collection;
  readonly program: ProgramSpec;
  readonly reader: CollectionEvents | undefined;
  readonly capture: CaptureFile | undefined;
}

async function run(loaded: Loaded, values: Values, io: Io): Promise<RunReport> {
  const { path, session, collection, program, reader } = loaded;
  const events = values['events-in'];
  if (events !== undefined) return runEvents({ session, collection, reader, io, path: events });
  const repeat = unsigned(values.repeat, '--repeat', 'run', { least: 1 });
  const packets = verdictWords(program.type) !== undefined;
  if (loaded.capture !== undefined) {
    if (!packets) throw new InputError(path, `program ${program.key} is of a type without packets; it takes --ctx-in`);
    const { runtime } = session;
    const clock =
      values.clock === 'capture' && runtime !== undefined ? new CaptureClock((ns) => runtime.advance(ns)) : undefined;
    const out = values['pcap-out'];
    return captureReport(
      await runCapture({ session, collection, program, reader, repeat, io, file: loaded.capture, clock, out }),
    );
  }
  if (!packets && values['data-in'] !== undefined)
    throw new InputError(path, `program ${program.key} is of a type without packets; it takes --ctx-in`);
  const data = packets && values['data-in'] !== undefined ? await readInput(values['data-in']) : undefined;
  const ctx = values['ctx-in'] === undefined ? undefined : await readInput(values['ctx-in']);
  return onceReport(runOnce({ session, collection, program, repeat, packets, data, ctx }));
}

function parseTail(text: string): Tail {
  const form = /^(.+):(\d+|0x[0-9a-fA-F]+)=(.+)$/.exec(text);
  if (form === null) throw new UsageError(`--tail takes MAP:INDEX=PROG, and '${text}' is not`, 'run');
  return { map: form[1], index: unsigned(form[2], 'the index of --tail', 'run'), program: form[3] };
}

/** What a report begins with when all programs are attached. */
function firstProgram(path: string, spec: CollectionSpec): ProgramSpec {
  const first = spec.programs.find((p) => p.autoload);
  if (first === undefined) throw new InputError(path, 'the object has no program');
  return first;
}

/** The programs, those put into program arrays by hand, and those that the object's own arrays hold. */
function programsToLoad(spec: CollectionSpec, roots: readonly ProgramSpec[], tails: readonly Tail[]): string[] {
  const keys = new Set(roots.map((p) => p.key));
  for (const { program: name } of tails) {
    const found = spec.program(name);
    if (found === undefined)
      throw unknownName(
        'program',
        name,
        spec.programs.map((p) => p.key),
        'run',
      );
    keys.add(found.key);
  }
  const used = new Set(roots.flatMap((p) => p.refs).flatMap((ref) => (ref.kind === 'map' ? [ref.map] : [])));
  for (const map of spec.maps.values()) {
    if (map.type !== M.BPF_MAP_TYPE_PROG_ARRAY || !used.has(map.name)) continue;
    for (const { target } of map.values) if (spec.programs.some((p) => p.key === target)) keys.add(target);
  }
  return [...keys];
}

/** Refuses maps that the object does not have before anything is loaded. */
function checkMaps(spec: CollectionSpec, values: Values, tails: readonly Tail[]): void {
  const filled = (values.map ?? []).map((text) => assignment(text, '--map', 'NAME=FILE.json', 'run')[0]);
  const types = [...eventTypes(values).keys()].filter((name) => name !== '');
  for (const name of [...filled, ...tails.map((t) => t.map), ...types])
    if (!spec.maps.has(name)) throw unknownName('map', name, [...spec.maps.keys()], 'run');
  for (const name of types)
    if (!SENDING.has(spec.maps.get(name)?.type ?? 0))
      throw new UsageError(`--event-type: map ${name} is no ring buffer and no perf event array`, 'run');
}

const SENDING: ReadonlySet<number> = new Set([M.BPF_MAP_TYPE_RINGBUF, M.BPF_MAP_TYPE_PERF_EVENT_ARRAY]);

/** The loaded collection, or why the verifier refused. */
async function load(
  session: Session,
  path: string,
  spec: CollectionSpec,
  program: ProgramSpec,
  wanted: { readonly programs: readonly string[]; readonly options: ObjectOptions['load'] },
): Promise<Collection | ProgramVerdict> {
  try {
    return await session.load(spec, wanted.programs, wanted.options);
  } catch (e) {
    if (!(e instanceof BpfError) || !e.op.startsWith('load ')) throw e;
    const name = e.op.slice('load '.length);
    const refused = spec.programs.find((p) => wanted.programs.includes(p.key) && p.name.startsWith(name)) ?? program;
    const outcome = session.lastOutcome();
    return withDiagnosis(verdictOf(path, refused, { outcome, error: e }), outcome);
  }
}

function rejected(io: Io, verdict: ProgramVerdict, json: boolean): number {
  if (json) io.out(`${toJson(verdict)}\n`);
  else printVerdict(io, verdict);
  return verdict.verdict === 'error' ? EXIT.input : EXIT.rejected;
}

async function fill(collection: Collection, values: Values, tails: readonly Tail[]): Promise<void> {
  for (const text of values.map ?? []) {
    const [name, file] = assignment(text, '--map', 'NAME=FILE.json', 'run');
    const document = parseJson(file, new TextDecoder().decode(await readInput(file)));
    fillMap(file, collection, name, document);
  }
  for (const { map, index, program } of tails) fillMap('--tail', collection, map, [{ key: index, value: program }]);
}

function eventTypes(values: Values): Map<string, string> {
  const pairs = (values['event-type'] ?? []).map((text): [string, string] =>
    text.includes('=') ? assignment(text, '--event-type', '[MAP=]NAME', 'run') : ['', text],
  );
  onceEach(
    pairs.map(([map]) => map || 'of all maps'),
    '--event-type',
    'run',
  );
  return new Map(pairs);
}
