/** Loading a {@link CollectionSpec} into a kernel: BTF, maps with their contents, programs. */
import type { Btf } from '../btf/btf.ts';
import type { BpfSyscall, MapCreateAttr } from '../uapi/attr.ts';
import { BPF_CMD } from '../uapi/cmd.ts';
import { ERRNO } from '../uapi/errno.ts';
import { BPF_MAP_TYPE as M, bpfMapTypeName } from '../uapi/map-types.ts';
import type { CollectionSpec } from './collection-spec.ts';
import { CoreRelocator } from './core-relo/relocate.ts';
import { BpfError } from './errors.ts';
import { type Kconfig, kconfigContents } from './kconfig.ts';
import { loadProgram, logText } from './load-program.ts';
import { mapCreateAttr } from './map-create.ts';
import { BpfMap } from './map.ts';
import { type PrepareEnv, prepareProgram } from './prepare.ts';
import { Program } from './program.ts';
import type { MapSpec, ProgramSpec } from './spec.ts';

export interface LoadOptions {
  /** Types of the kernel that loads; without them nothing that names kernel types can be loaded. */
  readonly kernelBtf?: Btf;
  /** Target of CO-RE when it is not the loading kernel's. */
  readonly targetBtf?: Btf;
  readonly kconfig?: Kconfig;
  /** LINUX_KERNEL_VERSION, 6.18.0 unless said. */
  readonly kernelVersion?: number;
  /** LINUX_HAS_SYSCALL_WRAPPER, true unless said. */
  readonly syscallWrapper?: boolean;
  /** Addresses of kernel symbols by name, for externs without a type. */
  readonly ksyms?: (name: string) => bigint | undefined;
  /** Possible CPUs, which sizes per-CPU values and perf event arrays; 1 unless said. */
  readonly cpus?: number;
  /** Log level of every load; 0 asks for the log only when a program is refused. */
  readonly logLevel?: number;
  /** Which programs to load: those that say so themselves unless given by key or name. */
  readonly programs?: readonly string[];
  /** `throw` ends at the first failure and closes everything; `collect` goes on with the other programs. */
  readonly onError?: 'throw' | 'collect';
  /** Maps to use instead of making them, by name. */
  readonly maps?: ReadonlyMap<string, number>;
  readonly attachProg?: PrepareEnv['attachProg'];
}

const KERNEL_6_18 = (6 << 16) | (18 << 8);

export class Collection implements Disposable {
  readonly programs = new Map<string, Program>();
  readonly maps = new Map<string, BpfMap>();
  /** Programs that could not be loaded, with `onError: 'collect'`. */
  readonly errors = new Map<string, BpfError>();
  readonly warnings: string[] = [];
  btfFd = 0;

  constructor(
    readonly spec: CollectionSpec,
    private readonly sys: BpfSyscall,
  ) {}

  program(name: string): Program {
    const p = this.programs.get(name) ?? [...this.programs.values()].find((q) => q.name === name);
    if (p) return p;
    throw (
      this.errors.get(name) ?? new BpfError({ errno: ERRNO.ENOENT, op: `program ${name}`, detail: 'it was not loaded' })
    );
  }

  map(name: string): BpfMap {
    const m = this.maps.get(name);
    if (m) return m;
    throw new BpfError({ errno: ERRNO.ENOENT, op: `map ${name}`, detail: 'the collection has no such map' });
  }

  /** The map that holds a global variable. */
  variable(name: string): BpfMap {
    for (const m of this.maps.values()) if (m.spec.variables.some((v) => v.name === name)) return m;
    throw new BpfError({ errno: ERRNO.ENOENT, op: `variable ${name}`, detail: 'no global data map has it' });
  }

  close(): void {
    for (const p of this.programs.values()) p.close();
    for (const m of this.maps.values()) m.close();
    if (this.btfFd > 0) this.sys.close(this.btfFd);
    this.programs.clear();
    this.maps.clear();
    this.btfFd = 0;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Loads a collection. Throws BpfError (unless failures are collected) after closing what was made. */
export function loadCollection(spec: CollectionSpec, sys: BpfSyscall, options: LoadOptions = {}): Collection {
  const out = new Collection(spec, sys);
  try {
    if (spec.btf) loadBtf(out, spec.btf, sys);
    const wanted = choosePrograms(spec, options.programs);
    const creator = new MapCreator(out, sys, options);
    // Maps that no program names are part of the collection all the same.
    if (options.onError !== 'collect') for (const map of spec.maps.values()) if (map.autocreate) creator.fd(map);
    const relocator =
      spec.btf && new CoreRelocator(spec.btf, options.targetBtf ?? options.kernelBtf, spec.littleEndian);
    const env: PrepareEnv = { ...options, mapFd: (map) => creator.fd(map), btfFd: out.btfFd, relocator };
    for (const program of wanted) loadOne(out, program, sys, env, options);
    creator.fillPrograms();
  } catch (e) {
    out.close();
    throw e;
  }
  return out;
}

function choosePrograms(spec: CollectionSpec, names: readonly string[] | undefined): ProgramSpec[] {
  if (names === undefined) return spec.programs.filter((p) => p.autoload);
  return names.map((name) => {
    const p = spec.program(name);
    if (p === undefined)
      throw new BpfError({ errno: ERRNO.ENOENT, op: `load ${name}`, detail: 'the object has no such program' });
    return p;
  });
}

function loadOne(out: Collection, program: ProgramSpec, sys: BpfSyscall, env: PrepareEnv, options: LoadOptions): void {
  try {
    const prepared = prepareProgram(out.spec, program.key, env);
    const { fd, log } = loadProgram(sys, prepared.attr, options.logLevel ?? 0);
    out.programs.set(program.key, new Program(sys, fd, program, log));
  } catch (e) {
    if (options.onError !== 'collect' || !(e instanceof BpfError)) throw e;
    out.errors.set(program.key, e);
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
  out.warnings.push(new BpfError({ errno: -fd, op: 'load BTF', log: logText(btf_log_buf) }).message);
}

/** Makes maps when they are first asked for, inner templates before outer maps. */
class MapCreator {
  readonly #failed = new Map<string, BpfError>();

  constructor(
    private readonly out: Collection,
    private readonly sys: BpfSyscall,
    private readonly options: LoadOptions,
  ) {}

  fd(map: MapSpec): number {
    const known = this.out.maps.get(map.name);
    if (known) return known.fd;
    const failed = this.#failed.get(map.name);
    if (failed) throw failed;
    try {
      const { fd, inner } = this.#create(map);
      this.out.maps.set(map.name, new BpfMap(this.sys, fd, map, this.out.spec.btf, this.options.cpus ?? 1));
      if (inner >= 0) this.sys.close(inner);
      this.#fill(map);
      return fd;
    } catch (e) {
      if (e instanceof BpfError) this.#failed.set(map.name, e);
      throw e;
    }
  }

  #create(map: MapSpec): { fd: number; inner: number } {
    const given = this.options.maps?.get(map.name);
    if (given !== undefined) return { fd: given, inner: -1 };
    const env = { btfFd: this.out.btfFd, cpus: this.options.cpus ?? 1, kernelBtf: this.options.kernelBtf };
    const inner = map.inner ? this.#call(map.inner, mapCreateAttr(map.inner, env)) : -1;
    try {
      return { fd: this.#call(map, mapCreateAttr(map, { ...env, innerFd: inner })), inner };
    } catch (e) {
      if (inner >= 0) this.sys.close(inner);
      throw e;
    }
  }

  /** Some kernels take no BTF for a map type: once more without. */
  #call(map: MapSpec, attr: MapCreateAttr): number {
    const fd = this.sys.bpf(BPF_CMD.BPF_MAP_CREATE, attr);
    if (fd >= 0) return fd;
    if (attr.btf_fd && map.type !== M.BPF_MAP_TYPE_STRUCT_OPS && attr.unsupported === undefined) {
      const plain = { ...attr, btf_fd: 0, btf_key_type_id: 0, btf_value_type_id: 0 };
      const untyped = this.sys.bpf(BPF_CMD.BPF_MAP_CREATE, plain);
      if (untyped >= 0) {
        this.out.warnings.push(`map ${map.name} was made without its types`);
        return untyped;
      }
    }
    throw new BpfError({ errno: -fd, op: `create map ${map.name}`, detail: attr.unsupported ?? describe(attr) });
  }

  #fill(map: MapSpec): void {
    const handle = this.out.maps.get(map.name) as BpfMap;
    if (map.origin === 'kconfig' && map.contents) {
      map.contents = kconfigContents(this.out.spec.externs, map.contents.length, {
        kconfig: this.options.kconfig,
        kernelVersion: this.options.kernelVersion ?? KERNEL_6_18,
        syscallWrapper: this.options.syscallWrapper ?? true,
      });
    }
    const given = this.options.maps?.has(map.name) ?? false;
    if (given) return;
    if (map.contents && map.type === M.BPF_MAP_TYPE_ARRAY && map.contents.some((b) => b !== 0))
      handle.updateBytes(new Uint8Array(4), map.contents);
    if (map.freeze) handle.freeze();
    if (map.inner) {
      for (const { index, target } of map.values) {
        const spec = this.out.spec.maps.get(target);
        if (spec) handle.updateBytes(u32(index), u32(this.fd(spec)));
      }
    }
  }

  /** Elements of program arrays, once the programs exist. */
  fillPrograms(): void {
    for (const map of this.out.maps.values()) {
      if (map.spec.type !== M.BPF_MAP_TYPE_PROG_ARRAY) continue;
      for (const { index, target } of map.spec.values) {
        const program = this.out.programs.get(target);
        if (program) map.updateBytes(u32(index), u32(program.fd));
      }
    }
  }
}

const u32 = (v: number): Uint8Array => new Uint8Array([v, v >>> 8, v >>> 16, v >>> 24]);

const describe = (a: MapCreateAttr): string =>
  `${bpfMapTypeName(a.map_type)}, key ${a.key_size}, value ${a.value_size}, entries ${a.max_entries}, flags 0x${(a.map_flags ?? 0).toString(16)}`;
