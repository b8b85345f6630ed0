/** Wires an embedded kernel: memory, maps, hooks, a verifier and, where programs are to run, engines behind the door of bpf(2). */
import type { Btf } from '../../btf/btf.ts';
import { invariant } from '../../util/errors.ts';
import { defaultPorts } from './default-ports.ts';
import { type Cpu, makeCpu } from '../run/cpu.ts';
import type { HostPorts } from '../run/env.ts';
import type { Invocation } from '../run/invocation.ts';
import { Deadline } from '../run/deadline.ts';
import { RunStats } from '../object/run-stats.ts';
import { BpfFs } from '../bpffs/bpf-fs.ts';
import { Files } from '../world/fs/files.ts';
import { inCall } from '../testrun/call.ts';
import type { Attacher } from '../hooks/attacher.ts';
import type { AttachGround } from '../hooks/env.ts';
import type { Executable } from '../object/executable.ts';
import type { ProgramCode } from './program-code.ts';
import { testRun } from '../testrun/test-run.ts';
import type { HookEnv } from '../testrun/env.ts';
import { NetDevices, type NetDeviceSpec } from '../world/net/device.ts';
import type { MapEnv } from '../maps/env.ts';
import { createMapEnv } from '../maps/make/env.ts';
import { Allocator } from '../mem/allocator.ts';
import { layoutMemory, type MemoryLayout } from '../mem/layout.ts';
import { KernelMemory } from '../mem/memory.ts';
import { Owners } from '../mem/owners.ts';
import { Rcu } from '../mem/rcu.ts';
import { saveMap, type Saved } from '../mem/saved.ts';
import { type FdTable, FdTables } from '../object/fd-table.ts';
import { ObjectTable } from '../object/kernel-object.ts';
import { KernelLayouts } from '../world/layouts.ts';
import { type ClockOption, WorldTime } from '../world/time/time.ts';
import { Random } from '../world/random.ts';
import { Structs, type StructView } from '../world/struct-view.ts';
import { CgroupFs } from '../world/cgroup/cgroup-fs.ts';
import { Cgroups } from '../world/cgroup/cgroup.ts';
import { CURRENT_BYTES, CurrentTask } from '../world/task/current.ts';
import type { Task } from '../world/task/task.ts';
import type { ThreadGroup } from '../world/task/thread-group.ts';
import { Tasks } from '../world/task/tasks.ts';
import { capsOf, type DoorParts, EmbeddedDoor, type ProcessDoor } from './door.ts';
import { replay, type WorldEvent } from '../world/replay.ts';
import type { AddressSpace } from '../world/user/address-space.ts';
import { World } from '../world/world.ts';
import type { TraceEnv } from '../world/trace/env.ts';
import type { Trace } from '../world/trace/trace.ts';
import { notExecutable } from './not-executable.ts';
import type { LinkageParts } from './linkage.ts';
import type { Linkage } from '../run/linkage.ts';
import { observed, vmlinuxProvider } from './parts.ts';
import { NO_RUNNERS, programRunners } from './program-runs.ts';
import { type Snapshot, Snapshots } from './snapshot.ts';
import type { KernelName } from '../rules/build.ts';
import { compileRules } from '../rules/compile.ts';
import { ALL_CAPS, type Caps } from '../rules/prog-type.ts';
import { closeKnownHoles } from './known-holes.ts';
import type { SyscallEnv } from '../syscall/env.ts';
import type { VerifierOutcome } from '../verifier/result.ts';

/** How programs are run: compiled to WebAssembly, or by the reference interpreter. */
export type Engine = 'jit' | 'interp';

/** Settings of an embedded kernel. */
export interface RuntimeOptions {
  /** Bytes of kernel memory, reserved once. Default: 1 GiB. Untouched pages cost nothing. */
  readonly memory?: number;
  /** Possible CPUs: values that a per-CPU map holds. Programs run on one of them. Default: 1. */
  readonly cpus?: number;
  /** The CPU that programs run on, of those that {@link cpus} counts. Default: 0. */
  readonly cpu?: number;
  /**
   * The memory is a SharedArrayBuffer, so that other threads may look at it. Default: false. Programs run in this thread alone: their
   * atomic operations are a load and a store, and nothing locks maps or the allocator against other threads yet.
   */
  readonly sharedMemory?: boolean;
  /** Default: `jit`. Programs that it refuses are interpreted. */
  readonly engine?: Engine;
  /**
   * `async`: programs start in the interpreter and go on as compiled code when the host has compiled them in the background, which
   * {@link Runtime.compiled} waits for. For the main threads of browsers, which do not compile large modules synchronously. Default: `sync`.
   */
  readonly compile?: 'sync' | 'async';
  /** Kernel version whose rules apply. */
  readonly kernel?: KernelName;
  /** Capabilities of the loading process. Default: all. */
  readonly caps?: Caps;
  /** Clock, random numbers, trace output, current task: what is left out has a portable default. */
  readonly host?: Partial<HostPorts>;
  /**
   * What the guest's time comes from. By default the host's clock, by which events happen on their own between other work. A virtual
   * clock moves with {@link Runtime.advance} alone: two runs of it are the same.
   */
  readonly clock?: ClockOption;
  /** The kernel's BTF, parsed when first needed: struct layouts, CO-RE and BTF pointers come from it. */
  readonly kernelBtf?: Btf | (() => Btf | undefined);
  /** The same under the name of the kernel's file; {@link kernelBtf} wins. */
  readonly vmlinux?: Btf | (() => Btf | undefined);
  /** Programs are verified but not compiled, and maps of any size have no storage: nothing can be run. */
  readonly verifyOnly?: boolean;
  /**
   * Programs are loaded although they exploit a known hole of the kernel version (rules/rows/holes.ts), as that kernel would. They may
   * write where they must not. By default they are refused, by the rules of the versions that closed the hole.
   */
  readonly allowKnownHoles?: boolean;
  /** Network devices beside the loopback device (ifindex 1). */
  readonly interfaces?: readonly NetDeviceSpec[];
  /**
   * Milliseconds of the stopwatch that one call may take, with all its repeats and packets and what ports run inside of it;
   * loops that only the clock ends are stopped in the middle. No limit by default.
   */
  readonly deadlineMs?: number;
  /** Called with the verifier's outcome for each program that reaches it: statistics, reason and log as data. */
  readonly onVerified?: (outcome: VerifierOutcome) => void;
}

/** The embedded kernel, and the door of its first process. */
export interface Runtime extends ProcessDoor, Disposable {
  /** All memory that programs and maps live in. */
  readonly memory: KernelMemory;
  /** Waits until no program is being compiled any more; see {@link RuntimeOptions.compile}. */
  compiled(): Promise<void>;
  /** The door of a task's process, whose descriptors are its own, and whose powers are the task's. */
  doorOf(task: Task): ProcessDoor;
  /** The simulated host that programs live in. */
  readonly world: World;
  /**
   * Lets nanoseconds pass on the virtual clock: what becomes due (timers, work queues, events of the world) happens in order, each at its time.
   * With the host's clock, 0 runs what is due, and more is a RangeError. Gives how many events happened, and throws what one of them throws.
   */
  advance(ns: bigint | number): number;
  /**
   * Lets events happen, one after the other, to whatever is attached: time passes to each one's `t`, its task runs, its hook is passed.
   * Gives how many. Throws EventError with the first that cannot happen; those before it have. Times need a virtual clock.
   */
  replay(events: Iterable<WorldEvent>): number;
  /**
   * The runtime as it is now: memory, maps, programs, descriptors, time, events, random numbers. What cannot be put back is a
   * NotSimulated error: runtimes with the host's clock, in the middle of a run, and while programs are compiled in the background.
   */
  snapshot(): Snapshot;
  /**
   * Goes back to a snapshot, as often as wanted. What was made since vanishes, and what was closed is there again; runs from here on
   * do what they did after the snapshot. Handles of what vanished fail: programs and packet runners with a RangeError, structs with a
   * StructError, descriptors with -EBADF until their numbers are given again.
   */
  restore(snapshot: Snapshot): void;
  /** CPUs that programs run on: one, whatever {@link RuntimeOptions.cpus} says, and that of {@link RuntimeOptions.cpu}. */
  readonly cpus: readonly Cpu[];
  /** The last run's redirect. */
  readonly runState: Readonly<Invocation>;
  /** The kernel's BTF, parsed when first asked for; undefined when none was given. */
  kernelBtf(): Btf | undefined;
}

/** Makes what only kernels that run programs have: see runtime.ts. */
export interface LifeMaker {
  /** The linkage and the compiler of programs. */
  engines(
    parts: LinkageParts,
    engine: Engine,
    compile: 'sync' | 'async',
    note: (exe: Executable) => Executable,
  ): { readonly linkage: Linkage; readonly code: ProgramCode };
  trace(env: Omit<TraceEnv, 'words' | 'registers' | 'probeOrder' | 'kept'> & Pick<Ground, 'mem' | 'heap'>): Trace;
  attacher(env: AttachGround): Attacher;
}

/** What everything else stands on: the host's ports, memory with its books, objects, maps, CPUs. */
function makeGround(options: RuntimeOptions, verifyOnly: boolean) {
  const host = defaultPorts(options.host);
  const random = new Random(host.random32);
  const mem = new KernelMemory(options.memory, { shared: options.sharedMemory === true });
  const nrCpus = options.cpus ?? 1;
  const layout = layoutMemory(mem, nrCpus);
  const heap = new Allocator(mem, layout.heapStart, layout.heapEnd);
  const rcu = new Rcu();
  const objects = new ObjectTable(rcu);
  const rules = compileRules(options.kernel);
  const vmlinux = vmlinuxProvider(options.kernelBtf);
  const layouts = new KernelLayouts(vmlinux);
  const cpu = runningCpu(options.cpu ?? 0, layout, mem);
  const maps = createMapEnv({
    mem,
    // A BTF that is given as a function is parsed when first needed, not for this.
    ...(typeof options.kernelBtf === 'object' && !verifyOnly ? { mapFields: mapFields(layouts) } : {}),
    allocator: heap,
    ...{ rcu, nrCpus, rules },
    cpu: cpu.id,
    random32: () => random.next(),
    nextMapId: () => objects.newId('map'),
  });
  const deadline = new Deadline(options.deadlineMs ?? Number.POSITIVE_INFINITY, host.stopwatch);
  const owners = new Owners();
  const current = new CurrentTask(mem, addressOf(heap, CURRENT_BYTES), host.current);
  return {
    current,
    host,
    random,
    mem,
    nrCpus,
    heap,
    rcu,
    owners,
    objects,
    vmlinux,
    layouts,
    maps,
    cpu,
    deadline,
    rules,
  };
}

type Ground = ReturnType<typeof makeGround>;

function makeWorld(ground: Ground, options: RuntimeOptions, life: LifeMaker | undefined): World {
  const { mem, heap, rcu, owners, host, nrCpus, deadline, vmlinux } = ground;
  const structs = new Structs({ mem, heap, rcu, owners, btf: vmlinux });
  const devices = new NetDevices(structs, options.interfaces);
  const { transmit } = host;
  if (transmit !== undefined) devices.wire.attach(({ ifindex, packet, ingress }) => transmit(ifindex, packet, ingress));
  const time = new WorldTime({
    ...{ clock: options.clock, ports: host, cpus: nrCpus },
    words: () => wordsOf(mem, heap, 2),
    poll: () => deadline.check(),
  });
  const section = {
    begin(): void {
      if (!rcu.locked) deadline.reset();
      rcu.lock();
    },
    end: () => rcu.unlock(),
  };
  const cgroups = new Cgroups(structs);
  const tasks = new Tasks({ structs, cgroups, current: ground.current, now: () => time.now() }, host.current);
  const processOf = (pid: number): number | undefined => tasks.get(pid)?.tgid;
  const userSpace = (): AddressSpace => tasks.current.memory;
  const entry = (): StructView => tasks.entry();
  const trace = life?.trace({
    structs,
    mem,
    heap,
    time,
    section,
    current: ground.current,
    processOf,
    userSpace,
    entry,
  });
  return new World({ time, devices, structs, tasks, cgroups, trace });
}

function partsOfLinkage(ground: Ground, { time, devices }: World, options: RuntimeOptions): LinkageParts {
  const { mem, heap, maps, host, random, current, cpu, rcu, layouts, vmlinux, nrCpus, deadline } = ground;
  return {
    ...{ mem, heap, maps, host, time, random, current, nrCpus, deadline },
    ...{ cpu, rcu },
    ...(options.kernelBtf === undefined ? {} : { layouts }),
    kfuncName: (btfId) => vmlinux()?.name(btfId) ?? '',
    hasDevice: (ifindex) => devices.has(ifindex),
    wire: devices.wire,
  };
}

/** Wires an embedded kernel; without engines it only verifies. */
// oxlint-disable-next-line max-lines-per-function -- wiring: each part once, in the order in which they need each other
export function assembleRuntime(
  given: RuntimeOptions,
  verifier: SyscallEnv['verify'],
  maker: LifeMaker | undefined,
): Runtime {
  const kernelBtf = given.kernelBtf ?? given.vmlinux;
  const options: RuntimeOptions = { ...given, ...(kernelBtf === undefined ? {} : { kernelBtf }) };
  const life = options.verifyOnly === true ? undefined : maker;
  const ground = makeGround(options, life === undefined);
  const { host, random, mem, nrCpus, heap, rcu, owners, objects, vmlinux, layouts, maps, cpu, deadline, rules } =
    ground;
  const world = makeWorld(ground, options, life);
  const { time, devices } = world;
  const { files, bpffs, cgroupFs } = life === undefined ? NO_FILES : hostFiles(ground, world);
  const tables = new FdTables<ThreadGroup>(objects);
  world.tasks.whenEnded((group) => tables.end(group));
  const stats = new RunStats(host.stopwatch);
  const { engine = 'jit', compile = 'sync' } = options;
  const compiling = new Set<Promise<void>>();
  const engines = life?.engines(partsOfLinkage(ground, world, options), engine, compile, noting(compiling));
  const hooks: HookEnv = {
    ...{ mem, heap, layouts, devices, nrCpus, cpu: cpu.id, rcu, owners, deadline, rules },
    ...(engines ? programRunners(engines.linkage, rcu, deadline, stats) : NO_RUNNERS),
    checksum: (at, length) => maps.core.csum_partial(at, length, 0) >>> 0,
    now: host.stopwatch,
    trace: life === undefined ? undefined : world.trace,
  };
  const env: SyscallEnv = {
    ...{ objects, fds: tables.of(world.tasks.current.threadGroup), maps, vmlinux, nrCpus, stopwatch: host.stopwatch },
    ...{ files, bpffs, cgroupFs, stats, tableOf: (pid) => tableOf(world, tables, pid) },
    attach: engines && life?.attacher(attachEnv(ground, world, hooks, engines.code)),
    bootTime: () => time.halves(),
    hasDevice: (ifindex) => devices.has(ifindex),
    testRun: (prog, test) => testRun(hooks, prog, test),
    verify: observed(options.allowKnownHoles === true ? verifier : closeKnownHoles(verifier), options.onVerified),
    caps: options.caps ?? ALL_CAPS,
    rules,
    verifyOnly: engines === undefined,
    compile: (program) => engines?.code.compile(program) ?? notExecutable(program),
  };
  const snapshots = new Snapshots({
    ...{ mem, heap, rcu, random, compiling },
    parts: [
      owners,
      objects,
      tables,
      world,
      ...(files === undefined ? [] : [files, cgroupFs]),
      stats,
      cpu,
      ...mapParts(maps),
      ...codeParts(engines?.linkage),
      ...(env.attach === undefined ? [] : [env.attach]),
    ],
    // The core's data lie in the memory from its first use on.
    prepare: () => void maps.core,
  });
  const doorOf = (task: Task): EmbeddedDoor => {
    const own = { ...env, fds: tables.of(task.threadGroup), caps: capsOf(task) };
    return new EmbeddedDoor({ env: own, hooks, doorOf }, task, () => world.tasks.get(task.pid) === task);
  };
  return new EmbeddedRuntime({ env, hooks, doorOf, world, tables, cpus: [cpu], compiling, snapshots });
}

const NO_FILES = { files: undefined, bpffs: undefined, cgroupFs: undefined };

/** The files of a host that begins: a BPF file system and that of control groups in their usual places. */
function hostFiles({ objects }: Ground, { tasks, cgroups }: World) {
  const files = new Files(() => tasks.current);
  const bpffs = new BpfFs(files, objects);
  invariant(bpffs.mount() === 0, 'a host that begins has a place for it');
  const cgroupFs = new CgroupFs(files, cgroups, (group) => tasks.inCgroup(group));
  return { files, bpffs, cgroupFs };
}

/** The descriptors of a task's process, by its pid as the task that runs sees it; undefined when there is no such task. */
function tableOf({ tasks }: World, tables: FdTables<ThreadGroup>, pid: number): FdTable | undefined {
  const task = pid === 0 ? undefined : tasks.find(pid, tasks.current.pidNamespace);
  return task && tables.of(task.threadGroup);
}

function attachEnv(
  { mem, heap, objects, vmlinux, cpu, maps }: Ground,
  { trace, tasks }: World,
  { runProgram }: HookEnv,
  code: ProgramCode,
): AttachGround {
  return {
    ...{ mem, heap, objects, trace, tasks },
    lookup: (map, key) => maps.core.map_lookup_elem(map, key),
    gate: { active: false },
    cpu: cpu.id,
    typeName: (btfId) => vmlinux()?.name(btfId) ?? '',
    run: runProgram,
    code,
  };
}

/** Guest memory of a kernel that begins. */
function addressOf(heap: Allocator, bytes: number): number {
  const at = heap.alloc(bytes);
  invariant(at !== 0, 'a memory that was just made has room');
  return at;
}

/** Words of the memory for what every CPU reads. */
function wordsOf(mem: KernelMemory, heap: Allocator, count: number): Uint32Array {
  const at = addressOf(heap, count * 4);
  return mem.u32.subarray(at >>> 2, (at >>> 2) + count);
}

/** @throws RangeError when there is no such CPU */
function runningCpu(id: number, layout: MemoryLayout, mem: KernelMemory): Cpu {
  const stack = layout.stacks.at(Number.isInteger(id) && id >= 0 ? id : layout.nrCpus);
  if (stack === undefined) throw new RangeError(`cpu ${id} is not in 0..${layout.nrCpus - 1}`);
  return makeCpu(id, stack, mem);
}

/** What maps of a runtime share. */
const mapParts = ({ maps, scratch }: MapEnv): Saved[] => [{ save: () => saveMap(maps) }, scratch];

/** Where code is entered. */
const codeParts = (linkage: Linkage | undefined): Saved[] =>
  linkage === undefined ? [] : [linkage.table, { save: () => saveMap(linkage.programs) }];

/** Adds compilations to `compiling` until they are done. */
const noting =
  (compiling: Set<Promise<void>>) =>
  (exe: Executable): Executable => {
    const pending = exe.compiling;
    if (pending !== undefined) {
      const done = (): unknown => compiling.delete(pending);
      compiling.add(pending);
      void pending.then(done, done);
    }
    return exe;
  };

interface RuntimeParts extends DoorParts {
  readonly tables: FdTables<ThreadGroup>;
  readonly world: World;
  readonly cpus: readonly Cpu[];
  readonly compiling: ReadonlySet<Promise<void>>;
  readonly snapshots: Snapshots;
}

class EmbeddedRuntime extends EmbeddedDoor implements Runtime {
  readonly memory: KernelMemory;
  readonly world: World;
  readonly cpus: readonly Cpu[];
  readonly #runtime: RuntimeParts;

  constructor(parts: RuntimeParts) {
    super(parts);
    this.#runtime = parts;
    this.memory = parts.hooks.mem;
    this.world = parts.world;
    this.cpus = parts.cpus;
  }

  doorOf(task: Task): ProcessDoor {
    if (this.world.tasks.get(task.pid) !== task) throw new RangeError(`task ${task.pid} has ended`);
    return this.parts.doorOf(task);
  }

  snapshot(): Snapshot {
    return this.#runtime.snapshots.take();
  }

  restore(snapshot: Snapshot): void {
    this.#runtime.snapshots.restore(snapshot);
  }

  get runState(): Readonly<Invocation> {
    return this.cpus[0].outermost;
  }

  async compiled(): Promise<void> {
    await Promise.all(this.#runtime.compiling);
  }

  advance(ns: bigint | number): number {
    return inCall(this.parts.hooks, () => this.world.time.advance(ns));
  }

  replay(events: Iterable<WorldEvent>): number {
    return replay(this.world, events, (ns) => void this.advance(ns));
  }

  [Symbol.dispose](): void {
    this.world.time[Symbol.dispose]();
    this.#runtime.tables.closeAll();
    this.env.files?.[Symbol.dispose]();
  }
}

/** Members of struct bpf_map that programs may read through a map pointer. */
function mapFields(layouts: KernelLayouts): Record<string, number> {
  const map = layouts.struct('bpf_map');
  const names = ['map_type', 'key_size', 'value_size', 'max_entries', 'map_flags', 'id'];
  return Object.fromEntries(names.map((name) => [name, map.offset(name)] as const));
}
