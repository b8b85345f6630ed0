/** Wires an embedded kernel: memory, maps, hooks, a verifier and, where programs are to run, engines behind the door of bpf(2). */
import type { Btf } from '../../btf/btf.ts';
import type { BpfAttrs, BpfSyscall, KernelTraits } from '../../uapi/attr.ts';
import type { MappedPages, PerfRing } from '../../uapi/embedded.ts';
import type { UserMemory } from '../../uapi/attr-decode.ts';
import { defaultPorts } from './default-ports.ts';
import { type Cpu, makeCpu } from '../run/cpu.ts';
import type { HostPorts } from '../run/env.ts';
import type { Invocation } from '../run/invocation.ts';
import { Deadline } from '../run/deadline.ts';
import { inCall } from '../testrun/call.ts';
import type { HookEnv } from '../testrun/env.ts';
import { NetDevices, type NetDeviceSpec } from '../world/net/device.ts';
import { createMapEnv } from '../maps/make/env.ts';
import { Allocator } from '../mem/allocator.ts';
import { layoutMemory, type MemoryLayout } from '../mem/layout.ts';
import { KernelMemory } from '../mem/memory.ts';
import { Rcu } from '../mem/rcu.ts';
import { FdTable } from '../object/fd-table.ts';
import { ObjectTable } from '../object/kernel-object.ts';
import { KernelLayouts } from '../world/layouts.ts';
import { type ClockOption, WorldTime } from '../world/time/time.ts';
import { Structs } from '../world/struct-view.ts';
import { World } from '../world/world.ts';
import { notExecutable } from './not-executable.ts';
import type { LinkParts, RuntimeLink } from './linkage.ts';
import { NO_RUNNERS, programRunners } from './program-runs.ts';
import { mapPages, openPerfRing } from './user-pages.ts';
import { RuntimeProgram } from './runtime-program.ts';
import type { KernelName } from '../rules/build.ts';
import { compileRules } from '../rules/compile.ts';
import { ALL_CAPS, type Caps } from '../rules/prog-type.ts';
import { closeKnownHoles } from './known-holes.ts';
import { sysBpfBinary } from '../syscall/binary.ts';
import { sysBpf } from '../syscall/dispatch.ts';
import { fdProg, type SyscallEnv } from '../syscall/env.ts';
import type { VerifierOutcome } from '../verifier/result.ts';

/** Page size of the kernel whose rules apply (x86_64). */
const PAGE_SIZE = 4096;

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

/** The embedded kernel. */
export interface Runtime extends BpfSyscall, Disposable {
  /** All memory that programs and maps live in. */
  readonly memory: KernelMemory;
  /** bpf(2) with union bpf_attr in its binary form, whose pointers lead into `memory`. */
  bpfBinary(cmd: number, attr: Uint8Array, memory: UserMemory): number;
  /** Waits until no program is being compiled any more; see {@link RuntimeOptions.compile}. */
  compiled(): Promise<void>;
  /** The program behind a descriptor; users of the loader have it as `Program.embedded`. Undefined for other descriptors. */
  program(fd: number): RuntimeProgram | undefined;
  mmap(fd: number, offset: number, length: number, writable: boolean): MappedPages | number;
  perfRing(mapFd: number, cpu: number, bytes: number): PerfRing | number;
  /** The simulated host that programs live in. */
  readonly world: World;
  /**
   * Lets nanoseconds pass on the virtual clock: what becomes due (timers, work queues, events of the world) happens in order, each at its time.
   * With the host's clock, 0 runs what is due, and more is a RangeError. Gives how many events happened, and throws what one of them throws.
   */
  advance(ns: bigint | number): number;
  /** CPUs that programs run on: one, whatever {@link RuntimeOptions.cpus} says, and that of {@link RuntimeOptions.cpu}. */
  readonly cpus: readonly Cpu[];
  /** The last run's redirect. */
  readonly runState: Readonly<Invocation>;
  /** The kernel's BTF, parsed when first asked for; undefined when none was given. */
  kernelBtf(): Btf | undefined;
}

/** Makes the link and the compiler of programs: see runtime.ts. */
export type EngineMaker = (
  parts: LinkParts,
  engine: Engine,
  compile: 'sync' | 'async',
) => { readonly link: RuntimeLink; readonly compile: SyscallEnv['compile'] };

/** Wires an embedded kernel; without engines it only verifies, whatever the options say. */
// oxlint-disable-next-line max-lines-per-function -- wiring: each part once, in the order in which they need each other
export function assembleRuntime(
  given: RuntimeOptions,
  verifier: SyscallEnv['verify'],
  makeEngines: EngineMaker | undefined,
): Runtime {
  const kernelBtf = given.kernelBtf ?? given.vmlinux;
  const options: RuntimeOptions = { ...given, ...(kernelBtf === undefined ? {} : { kernelBtf }) };
  const host = defaultPorts(options.host);
  const mem = new KernelMemory(options.memory, { shared: options.sharedMemory === true });
  const nrCpus = options.cpus ?? 1;
  const layout = layoutMemory(mem, nrCpus);
  const heap = new Allocator(mem, layout.heapStart, layout.heapEnd);
  const rcu = new Rcu();
  const deadline = new Deadline(options.deadlineMs ?? Number.POSITIVE_INFINITY, host.stopwatch);
  const objects = new ObjectTable(rcu);
  const vmlinux = vmlinuxProvider(options.kernelBtf);
  const layouts = new KernelLayouts(vmlinux);
  const cpu = runningCpu(options.cpu ?? 0, layout, mem, heap);
  const maps = createMapEnv({
    mem,
    // A BTF that is given as a function is parsed when first needed, not for this.
    ...(typeof options.kernelBtf === 'object' && !options.verifyOnly && makeEngines !== undefined
      ? { mapFields: mapFields(layouts) }
      : {}),
    allocator: heap,
    rcu,
    nrCpus,
    cpu: cpu.id,
    random32: host.random32,
    nextMapId: () => objects.newId('map'),
  });
  const structs = new Structs({ mem, heap, rcu, btf: vmlinux });
  const devices = new NetDevices(structs, options.interfaces);
  const { transmit } = host;
  if (transmit !== undefined) devices.wire.attach(({ ifindex, packet, ingress }) => transmit(ifindex, packet, ingress));
  const time = new WorldTime({ clock: options.clock, ports: host, cpus: nrCpus, poll: () => deadline.check() });
  const linkParts: LinkParts = {
    mem,
    heap,
    maps,
    host,
    time,
    cpu,
    ...(options.kernelBtf === undefined ? {} : { layouts }),
    kfuncName: (btfId) => vmlinux()?.name(btfId) ?? '',
    nrCpus,
    hasDevice: (ifindex) => devices.has(ifindex),
    wire: devices.wire,
    deadline,
  };
  const engines = options.verifyOnly
    ? undefined
    : makeEngines?.(linkParts, options.engine ?? 'jit', options.compile ?? 'sync');
  const hooks: HookEnv = {
    ...{ mem, heap, layouts, devices, nrCpus, rcu, deadline },
    ...(engines ? programRunners(engines.link, rcu, deadline) : NO_RUNNERS),
    now: host.stopwatch,
  };
  const compiling = new Set<Promise<void>>();
  const env: SyscallEnv = {
    ...{ objects, fds: new FdTable(objects), maps, hooks, vmlinux, time },
    verify: observed(options.allowKnownHoles === true ? verifier : closeKnownHoles(verifier), options.onVerified),
    caps: options.caps ?? ALL_CAPS,
    rules: compileRules(options.kernel),
    verifyOnly: engines === undefined,
    compile: noting(engines?.compile ?? notExecutable, compiling),
  };
  return new EmbeddedRuntime(env, new World({ time, devices, structs }), [cpu], compiling);
}

/** @throws RangeError when there is no such CPU */
function runningCpu(id: number, layout: MemoryLayout, mem: KernelMemory, heap: Allocator): Cpu {
  const stack = layout.stacks.at(Number.isInteger(id) && id >= 0 ? id : layout.nrCpus);
  if (stack === undefined) throw new RangeError(`cpu ${id} is not in 0..${layout.nrCpus - 1}`);
  return makeCpu(id, stack, mem, heap);
}

function observed(verifier: SyscallEnv['verify'], tell: RuntimeOptions['onVerified']): SyscallEnv['verify'] {
  if (tell === undefined) return verifier;
  return (input) => {
    const outcome = verifier(input);
    tell(outcome);
    return outcome;
  };
}

/** Adds compilations to `compiling` until they are done. */
function noting(compile: SyscallEnv['compile'], compiling: Set<Promise<void>>): SyscallEnv['compile'] {
  return (program) => {
    const exe = compile(program);
    const pending = exe.compiling;
    if (pending !== undefined) {
      const done = (): unknown => compiling.delete(pending);
      compiling.add(pending);
      void pending.then(done, done);
    }
    return exe;
  };
}

class EmbeddedRuntime implements Runtime {
  readonly #env: SyscallEnv;
  readonly memory: KernelMemory;
  readonly world: World;
  readonly cpus: readonly Cpu[];
  readonly #compiling: ReadonlySet<Promise<void>>;

  constructor(env: SyscallEnv, world: World, cpus: readonly Cpu[], compiling: ReadonlySet<Promise<void>>) {
    this.#compiling = compiling;
    this.#env = env;
    this.memory = env.hooks.mem;
    this.world = world;
    this.cpus = cpus;
  }

  get runState(): Readonly<Invocation> {
    return this.cpus[0].outermost;
  }

  get kernel(): KernelTraits {
    const { nrCpus } = this.#env.hooks;
    const types = (): Btf | undefined => this.kernelBtf();
    return {
      possibleCpus: nrCpus,
      pageSize: PAGE_SIZE,
      get types() {
        return types();
      },
    };
  }

  bpf<C extends keyof BpfAttrs>(cmd: C, attr: BpfAttrs[C]): number {
    return sysBpf(this.#env, cmd, attr);
  }

  bpfBinary(cmd: number, attr: Uint8Array, memory: UserMemory): number {
    return sysBpfBinary(this.#env, cmd, attr, memory);
  }

  close(fd: number): number {
    return this.#env.fds.close(fd);
  }

  async compiled(): Promise<void> {
    await Promise.all(this.#compiling);
  }

  advance(ns: bigint | number): number {
    return inCall(this.#env.hooks, () => this.world.time.advance(ns));
  }

  program(fd: number): RuntimeProgram | undefined {
    const prog = fdProg(this.#env, fd);
    return typeof prog === 'number' ? undefined : new RuntimeProgram(this.#env.hooks, prog);
  }

  mmap(fd: number, offset: number, length: number, writable: boolean): MappedPages | number {
    return mapPages(this.#env, fd, { offset, length, writable });
  }

  perfRing(mapFd: number, cpu: number, bytes: number): PerfRing | number {
    return openPerfRing(this.#env, mapFd, cpu, bytes);
  }

  kernelBtf(): Btf | undefined {
    return this.#env.vmlinux();
  }

  [Symbol.dispose](): void {
    this.world.time[Symbol.dispose]();
    this.#env.fds.closeAll();
  }
}

/** Members of struct bpf_map that programs may read through a map pointer. */
function mapFields(layouts: KernelLayouts): Record<string, number> {
  const map = layouts.struct('bpf_map');
  const names = ['map_type', 'key_size', 'value_size', 'max_entries', 'map_flags', 'id'];
  return Object.fromEntries(names.map((name) => [name, map.offset(name)] as const));
}

function vmlinuxProvider(given: RuntimeOptions['kernelBtf']): () => Btf | undefined {
  if (typeof given !== 'function') return () => given;
  let known: { readonly btf: Btf | undefined } | undefined;
  return () => {
    known ??= { btf: given() };
    return known.btf;
  };
}
