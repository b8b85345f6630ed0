/** `skep prog`: loads and shows programs, and dumps what the verifier made of them. */
import type { BpfSyscall } from '../uapi/attr/attr.ts';
import { visible, type Io } from './shell/io.ts';
import type { Command } from './shell/command.ts';
import { EXIT, InputError, UnsupportedError, UsageError } from './shell/exit.ts';
import { hexText, toJson } from './shell/json-text.ts';
import { didYouMean } from './shell/nearest.ts';
import { progTypeName } from './shell/names.ts';
import {
  fdById,
  infoOf,
  loadObject,
  type Loaded,
  noMore,
  objectIds,
  openKernel,
  readTarget,
  type Target,
} from './session/objects.ts';
import { verdictOf } from './verify/verify-object.ts';
import { printVerdict } from './verify/verdict-text.ts';
import { xlatedLines } from './xlated-text.ts';

const HELP = `usage: skep prog load OBJECT [name PROG]
       skep prog show OBJECT [name PROG]
       skep prog show --backend kernel [id N]
       skep prog dump xlated OBJECT [name PROG]
       skep prog dump xlated --backend kernel id N

Objects live as long as the command: each loads the object file into an embedded
kernel of its own. With --backend kernel the programs of this machine's kernel
are shown.

  load            loads the programs and says what became of each
  show, list      type, name, tag, sizes and maps of the programs
  dump xlated     the instructions as the verifier rewrote them

  --backend embedded|kernel
  --btf FILE      types of the kernel
  --json, -j      JSON, of show and list
`;

const VERBS = ['show', 'list', 'load', 'dump'];

const UNSUPPORTED: ReadonlySet<string> = new Set(['attach', 'detach', 'pin', 'run', 'profile', 'tracelog', 'loadall']);

export const command: Command = {
  help: HELP,
  async run([verb, ...args], io) {
    if (verb === 'show' || verb === 'list') return show(readTarget('prog', args), io);
    if (verb === 'load') return load(readTarget('prog', args, ['json']), io);
    if (verb === 'dump') {
      const [form, ...rest] = args;
      if (form === 'jited') throw new UnsupportedError('prog dump jited');
      if (form !== 'xlated') throw new UsageError('prog dump takes the word xlated', 'prog');
      return dumpXlated(readTarget('prog', rest, ['json']), io);
    }
    if (verb !== undefined && UNSUPPORTED.has(verb)) throw new UnsupportedError(`prog ${verb}`);
    throw new UsageError(
      verb === undefined ? 'prog needs a verb' : `prog has no verb '${verb}'${didYouMean(verb, VERBS)}`,
      'prog',
    );
  },
};

interface ShownProgram {
  readonly sys: BpfSyscall;
  readonly fd: number;
  /** Its name in the object, which the kernel cuts to 15 bytes. */
  readonly fullName: string;
}

/** Calls `each` with the programs that the words mean. */
async function withPrograms(
  target: Target,
  each: (program: ShownProgram) => void,
  failed: (loaded: Loaded) => void,
): Promise<void> {
  if (target.kernel) {
    using session = await openKernel(target.btf);
    const { sys } = session;
    for (const id of target.id === undefined ? [...objectIds(sys, 'prog')] : [target.id]) {
      const fd = fdById(sys, 'prog', id);
      if (fd === undefined) throw new InputError('', `the kernel has no program with id ${id}`);
      const name = String(infoOf(sys, 'prog', fd).values.name);
      if (target.name === undefined || target.name === name) each({ sys, fd, fullName: name });
      sys.close(fd);
    }
    return;
  }
  using loaded = await loadObject(target.object as string, target.name, target.btf);
  for (const p of loaded.collection.programs.values())
    each({ sys: loaded.session.sys, fd: p.fd, fullName: p.spec.key });
  failed(loaded);
}

async function show(target: Target, io: Io): Promise<number> {
  noMore('prog', target.rest);
  let code: number = EXIT.ok;
  const rows: string[] = [];
  await withPrograms(
    target,
    (program) => {
      if (target.json) rows.push(showJson(program));
      else io.out(showText(io, program));
    },
    (loaded) => {
      code = tellRefused(io, loaded);
    },
  );
  if (target.json) io.out(`[${rows.join(',')}]\n`);
  return code;
}

/** Programs that could not be loaded, on stderr. */
function tellRefused(io: Io, { collection, object }: Loaded): number {
  for (const [key, error] of collection.errors)
    io.err(`skep: ${visible(object)}: ${visible(key)}: ${visible(error.message)}\n`);
  return collection.errors.size > 0 ? EXIT.rejected : EXIT.ok;
}

function facts({ sys, fd }: ShownProgram) {
  const { values, buffers } = infoOf(sys, 'prog', fd, ['map_ids']);
  const ids = new DataView(buffers.map_ids.buffer, buffers.map_ids.byteOffset);
  const mapIds = Array.from({ length: buffers.map_ids.length >>> 2 }, (_, i) => ids.getUint32(i * 4, true));
  return { values, mapIds, tag: hexText(values.tag as Uint8Array) };
}

function showText(io: Io, program: ShownProgram): string {
  const { values, mapIds, tag } = facts(program);
  const gpl = values.gpl_compatible ? '  gpl' : '';
  const head = `${values.id}: ${progTypeName(Number(values.type))}  name ${io.style('bold', visible(program.fullName))}  tag ${tag}${gpl}`;
  const maps = mapIds.length > 0 ? `  map_ids ${mapIds.join(',')}` : '';
  const btf = values.btf_id ? `\n\tbtf_id ${values.btf_id}` : '';
  return `${head}\n\txlated ${values.xlated_prog_len}B  jited ${values.jited_prog_len}B  verified ${values.verified_insns} insns${maps}${btf}\n`;
}

function showJson(program: ShownProgram): string {
  const { values, mapIds, tag } = facts(program);
  return toJson({
    id: values.id,
    type: progTypeName(Number(values.type)),
    name: program.fullName,
    tag,
    gpl_compatible: values.gpl_compatible === 1,
    bytes_xlated: values.xlated_prog_len,
    bytes_jited: values.jited_prog_len,
    verified_insns: values.verified_insns,
    map_ids: mapIds,
    btf_id: values.btf_id,
  });
}

async function load(target: Target, io: Io): Promise<number> {
  if (target.kernel) throw new UnsupportedError('loading into the real kernel to stay there (pinning)');
  noMore('prog', target.rest);
  using loaded = await loadObject(target.object as string, target.name, target.btf);
  const { collection, object } = loaded;
  for (const p of collection.programs.values())
    io.out(`${io.style('green', 'loaded')}  ${visible(p.spec.key)}  ${progTypeName(p.spec.type)}  fd ${p.fd}\n`);
  for (const [key, error] of collection.errors) {
    const spec = collection.spec.program(key);
    if (spec !== undefined) printVerdict(io, verdictOf(object, spec, { outcome: undefined, error }));
  }
  return collection.errors.size > 0 ? EXIT.rejected : EXIT.ok;
}

async function dumpXlated(target: Target, io: Io): Promise<number> {
  noMore('prog', target.rest);
  if (target.kernel && target.id === undefined)
    throw new UsageError('prog dump xlated --backend kernel needs id N', 'prog');
  let code: number = EXIT.ok;
  let count = 0;
  await withPrograms(
    target,
    ({ sys, fd, fullName }) => {
      if (count++ > 0) io.out('\n');
      for (const line of xlatedLines(sys, fd, fullName)) io.out(`${visible(line)}\n`);
    },
    (loaded) => {
      code = tellRefused(io, loaded);
    },
  );
  return code;
}
