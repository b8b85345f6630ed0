/** Loading a {@link CollectionSpec} into a kernel: BTF, maps with their contents, programs. */
import type { Btf } from '../btf/btf.ts';
import type { BtfInput } from '../btf/value.ts';
import type { BpfSyscall } from '../uapi/attr/attr.ts';
import { BPF_CMD } from '../uapi/cmd.ts';
import type { CollectionSpec } from './collection-spec.ts';
import { CoreRelocator } from './core-relo/relocate.ts';
import { attachesItself } from './attach/attach.ts';
import { type Link, Links } from './attach/link.ts';
import { BpfError, lastLogLine, loaderError } from './errors.ts';
import type { Kconfig } from './kconfig.ts';
import { type KernelSymbols, missingExterns } from './load/kernel-externs.ts';
import { typesOf } from './load/kernel-types.ts';
import { checkOptions, unknownProgram } from './load/options.ts';
import { type LoadedProgram, loadProgram, logText } from './load/program.ts';
import { didYouMean } from './nearest.ts';
import { type InnerTemplate, MapCreator } from './load/map-creator.ts';
import type { BpfMap } from './map.ts';
import { type Loader, type Note, note, refusal } from './notes.ts';
import { explainRefusal, type Missing, unknownCallIn } from './missing.ts';
import { type PrepareEnv, type PreparedProgram, prepareProgram } from './prepare.ts';
import { Program } from './program.ts';
import { type TargetFunction, type TargetProgram, targetOf } from './load/target-program.ts';
import type { MapSpec, ProgramSpec } from './spec.ts';

/** How an object is loaded. */
export interface LoadOptions {
  /** Types of the kernel that loads instead of its own; without any, nothing that names kernel types can be loaded. */
  readonly kernelBtf?: Btf;
  /** Target of CO-RE when it is not the loading kernel's. */
  readonly targetBtf?: Btf;
  readonly kconfig?: Kconfig;
  /** LINUX_KERNEL_VERSION. Default: 6.18.0. */
  readonly kernelVersion?: number;
  /** LINUX_HAS_SYSCALL_WRAPPER. Default: true. */
  readonly syscallWrapper?: boolean;
  /** Addresses of kernel symbols by name, for externs without a type. */
  readonly ksyms?: (name: string) => bigint | undefined;
  /** Log level of every load; 0 asks for the log only when a program is refused. */
  readonly logLevel?: number;
  /** Which programs to load: those that say so themselves unless given by key or name. */
  readonly programs?: readonly string[];
  /** `throw` ends at the first failure and closes everything; `collect` goes on with the other programs. */
  readonly onError?: 'throw' | 'collect';
  /** Descriptors of maps to use instead of making them, by name. Their type, sizes and flags must be those of the object. */
  readonly maps?: ReadonlyMap<string, number>;
  /** First values of global variables, before the maps that hold them are made. */
  readonly variables?: Readonly<Record<string, BtfInput>>;
  /** Templates for maps of maps whose definition has none: the name of a map of the object, or a definition. */
  readonly innerMaps?: ReadonlyMap<string, string | InnerTemplate>;
  /**
   * Folder of a BPF file system for maps that are pinned by name (LIBBPF_PIN_BY_NAME): one that is there already is used, if it is the
   * same in type, sizes and flags, and another one is made and pinned. Without a folder they are made and not pinned, which
   * {@link Collection.notes} tell.
   */
  readonly pinPath?: string;
  /** Refuses what this loader refuses; by default everything is taken that can be, and `notes` tell who refuses it. */
  readonly loader?: Loader;
  /**
   * Programs whose functions are replaced or traced (freplace, fentry, fexit), by the program that is attached to them. The section names
   * the function, unless the target does.
   */
  readonly attachTargets?: Readonly<Record<string, TargetFunction>>;
}

/** A loaded object: its programs and maps by name. Closing it closes their descriptors. */
export class Collection implements Disposable {
  readonly programs = new Map<string, Program>();
  readonly maps = new Map<string, BpfMap>();
  /** Programs that could not be loaded, with `onError: 'collect'`. */
  readonly errors = new Map<string, BpfError>();
  /** By program key: instructions that stand for what the kernel does not have. */
  readonly missing = new Map<string, readonly Missing[]>();
  /** Notes on the load; those on the object itself are in its spec. */
  readonly notes: Note[] = [];
  /** Names of maps that were given to it, and are not closed with it. */
  readonly shared = new Set<string>();
  btfFd = 0;
  #closed = false;

  constructor(
    readonly spec: CollectionSpec,
    private readonly sys: BpfSyscall,
  ) {}

  program(name: string): Program {
    if (this.#closed) throw closed(`program ${name}`);
    const p = this.programs.get(name) ?? [...this.programs.values()].find((q) => q.name === name);
    if (p) return p;
    throw (
      this.errors.get(name) ??
      loaderError(`program ${name}`, 'ENOENT', `it was not loaded${didYouMean(name, this.programs.keys())}`)
    );
  }

  map(name: string): BpfMap {
    if (this.#closed) throw closed(`map ${name}`);
    const m = this.maps.get(name);
    if (m) return m;
    const detail = `the collection has no such map${didYouMean(name, this.maps.keys())}`;
    throw loaderError(`map ${name}`, 'ENOENT', detail);
  }

  /** The map that holds a global variable. */
  variable(name: string): BpfMap {
    for (const m of this.maps.values()) if (m.spec.variables.some((v) => v.name === name)) return m;
    const known = [...this.maps.values()].flatMap((m) => m.spec.variables.map((v) => v.name));
    throw loaderError(`variable ${name}`, 'ENOENT', `no global data map has it${didYouMean(name, known)}`);
  }

  /**
   * Attaches every program whose section says where, in the order of the object, as libbpf's skeletons do; those whose place a section
   * cannot say (xdp, tc, cgroup, perf_event ...) are left to {@link Program.attach}. Throws BpfError after detaching what was attached.
   */
  attach(): Links {
    if (this.#closed) throw closed('attach');
    const links = new Map<string, Link>();
    try {
      for (const program of this.programs.values())
        if (attachesItself(program.spec)) links.set(program.name, program.attach());
    } catch (e) {
      for (const link of links.values()) link.close();
      throw e;
    }
    return new Links(links);
  }

  close(): void {
    for (const p of this.programs.values()) p.close();
    for (const [name, m] of this.maps) if (!this.shared.has(name)) m.close();
    if (this.btfFd > 0) this.sys.close(this.btfFd);
    this.programs.clear();
    this.maps.clear();
    this.btfFd = 0;
    this.#closed = true;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

const closed = (op: string): BpfError => loaderError(op, 'EBADF', 'the collection was closed');

/** Loads a collection. Throws BpfError (unless failures are collected) after closing what was made. */
export function loadCollection(spec: CollectionSpec, sys: BpfSyscall, options: LoadOptions = {}): Collection {
  checkOptions(spec, options);
  const wanted = choosePrograms(spec, options.programs);
  const types = lazily(() => options.kernelBtf ?? typesOf(sys));
  if (options.loader) refuseFor(options.loader, spec, wanted, { ...options, kernelBtf: types() });
  const out = new Collection(spec, sys);
  try {
    if (spec.btf) loadBtf(out, spec.btf, sys);
    const creator = new MapCreator(out, sys, options, types);
    for (const name of options.maps?.keys() ?? []) creator.fd(spec.maps.get(name) as MapSpec);
    // Maps that no program names are part of the collection all the same.
    if (options.onError !== 'collect') for (const map of spec.maps.values()) if (map.autocreate) creator.fd(map);
    const relocator = lazily(
      () => spec.btf && new CoreRelocator(spec.btf, options.targetBtf ?? types(), spec.littleEndian),
    );
    const env: PrepareEnv = {
      ...options,
      mapFd: (map) => creator.fd(map),
      btfFd: out.btfFd,
      get kernelBtf() {
        return types();
      },
      get relocator() {
        return relocator();
      },
    };
    for (const program of wanted) loadOne(out, program, sys, env, options);
    creator.fillPrograms();
  } catch (e) {
    out.close();
    throw e;
  }
  return out;
}

/** Throws what `loader` would say, where it refuses the object or one of the programs. */
function refuseFor(loader: Loader, spec: CollectionSpec, wanted: readonly ProgramSpec[], kernel: KernelSymbols): void {
  const notes = [...spec.notes, ...missingExterns(spec, kernel)];
  const refused = refusal(notes, loader, new Set(wanted.map((p) => p.key)));
  if (refused) throw refused;
}

/** A value that is made when it is first asked for. */
function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function choosePrograms(spec: CollectionSpec, names: readonly string[] | undefined): ProgramSpec[] {
  if (names === undefined) return spec.programs.filter((p) => p.autoload);
  return names.map((name) => {
    const p = spec.program(name);
    if (p === undefined) throw unknownProgram(spec, name);
    return p;
  });
}

function loadOne(out: Collection, program: ProgramSpec, sys: BpfSyscall, env: PrepareEnv, options: LoadOptions): void {
  try {
    const target = targetOf(sys, options.attachTargets, program);
    const prepared = prepareProgram(out.spec, program.key, target === undefined ? env : within(env, target));
    out.missing.set(program.key, prepared.missing);
    const { fd, log } = loadExplained(sys, prepared, options.logLevel ?? 0);
    out.programs.set(program.key, new Program(sys, fd, program, log));
  } catch (e) {
    if (options.onError !== 'collect' || !(e instanceof BpfError)) throw e;
    out.errors.set(program.key, e);
  }
}

/** What is shared by the programs of an object, and one program's own target: what is shared is still made when it is first asked for. */
const within = (env: PrepareEnv, target: TargetProgram): PrepareEnv =>
  Object.create(env, { target: { value: target, enumerable: true } }) as PrepareEnv;

/** A refusal for something that the kernel lacks says what that is. */
function loadExplained(sys: BpfSyscall, prepared: PreparedProgram, logLevel: number): LoadedProgram {
  try {
    return loadProgram(sys, prepared.attr, logLevel);
  } catch (e) {
    if (!(e instanceof BpfError) || prepared.missing.length === 0) throw e;
    const detail = explainRefusal(prepared.missing, lastLogLine(e.log), unknownCallIn(e.log));
    throw detail === undefined ? e : new BpfError({ errno: e.errno, op: e.op, log: e.log, detail, cause: e });
  }
}

/** BTF is useful but not needed by most programs: a kernel that refuses it gets the programs without. */
function loadBtf(out: Collection, btf: Btf, sys: BpfSyscall): void {
  const attr = { btf: btf.bytes };
  const fd = sys.bpf(BPF_CMD.BPF_BTF_LOAD, attr);
  if (fd >= 0) {
    out.btfFd = fd;
    return;
  }
  const btf_log_buf = new Uint8Array(1 << 16);
  sys.bpf(BPF_CMD.BPF_BTF_LOAD, { ...attr, btf_log_level: 1, btf_log_buf });
  const { message } = new BpfError({ errno: -fd, op: 'load BTF', log: logText(btf_log_buf) });
  out.notes.push(note('btf-refused', 'object', out.spec.name, `${message}; loaded without the object's types`));
}
