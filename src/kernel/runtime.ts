<<<<<<< HEAD
/** createRuntime(): the embedded kernel, with everything that runs programs. */
import { assembleRuntime, type EngineMaker, type Runtime, type RuntimeOptions } from './assemble.ts';
import { engineCompiler } from './engines.ts';
import { createProgramLink } from './program-link.ts';
import type { SyscallEnv } from './syscall/env.ts';
=======
/** createRuntime(): the embedded kernel. Wires memory, maps, helpers, verifier, engines and hooks behind the door of bpf(2). */
import type { Btf } from '../btf/btf.ts';
import type { BpfAttrs, BpfSyscall } from '../uapi/attr.ts';
import type { UserMemory } from '../uapi/attr-decode.ts';
import { defaultPorts } from './default-ports.ts';
import { engineCompiler, notExecutable } from './engines.ts';

import type { HostPorts, RunState } from './helpers/env.ts';
import type { ProgramLink } from './helpers/link.ts';
import type { HookEnv } from './hooks/env.ts';
import type { LoadedProg } from './hooks/loaded-prog.ts';
import { NetDevices, type NetDeviceSpec } from './hooks/net-devices.ts';
import { createMapEnv } from './maps/env.ts';
import type { BpfMap } from './maps/map.ts';
import { Allocator } from './mem/allocator.ts';
import { layoutMemory } from './mem/layout.ts';
import { KernelMemory } from './mem/memory.ts';
import { FdTable } from './object/fd-table.ts';
import { ObjectTable } from './object/kernel-object.ts';
import { KernelLayouts } from './object/layouts.ts';
import { createProgramLink, newRunState, type RuntimeLink } from './program-link.ts';
import { RuntimeProgram } from './runtime-program.ts';
import { ALL_CAPS, type Caps } from './spec/prog-type.ts';
import { sysBpfBinary } from './syscall/binary.ts';
import { sysBpf } from './syscall/dispatch.ts';
import { fdMap, fdProg, type SyscallEnv } from './syscall/env.ts';
>>>>>>> e25d6f0 (State oracle: runs of accepted programs lie inside what the verifier believed, at every instruction; linked distances are checked like offsets, mispredicted pointers lose their 32-bit bounds)
import { verify } from './verifier/check.ts';

export type { Engine, Runtime, RuntimeOptions } from './assemble.ts';

const makeEngines: EngineMaker = (parts, engine) => {
  const link = createProgramLink(parts);
  return { link, compile: engineCompiler(link, engine) };
};

/** Makes an embedded kernel. Two of them in one process share nothing. */
export function createRuntime(options: RuntimeOptions = {}): Runtime {
  return buildRuntime(options, verify);
}

<<<<<<< HEAD
/** {@link createRuntime} with another verifier: for tests of what lies behind it. Not part of the package's interface. */
export function buildRuntime(options: RuntimeOptions, verifier: SyscallEnv['verify']): Runtime {
  return assembleRuntime(options, verifier, makeEngines);
=======
/** {@link createRuntime} with another verifier or engine: for tests of what lies behind or before them. Not part of the package's interface. */
export function buildRuntime(
  options: RuntimeOptions,
  verifier: SyscallEnv['verify'],
  compiler: (link: ProgramLink) => SyscallEnv['compile'] = (link) => engineCompiler(link, options.engine ?? 'jit'),
): Runtime {
  const host = defaultPorts(options.host);
  const mem = new KernelMemory(options.memory);
  const nrCpus = options.cpus ?? 1;
  const layout = layoutMemory(mem, nrCpus);
  const heap = new Allocator(mem, layout.heapStart, layout.heapEnd);
  const objects = new ObjectTable();
  const vmlinux = vmlinuxProvider(options.vmlinux);
  const layouts = new KernelLayouts(vmlinux);
  const maps = createMapEnv({
    mem,
    // A BTF that is given as a function is parsed when first needed, not for this.
    ...(typeof options.vmlinux === 'object' && !options.verifyOnly ? { mapFields: mapFields(layouts) } : {}),
    allocator: heap,
    nrCpus,
    random32: host.random32,
    nextMapId: () => objects.newId('map'),
  });
  const run = newRunState();
  const link = createProgramLink({
    mem,
    heap,
    maps,
    host,
    run,
    ...(options.vmlinux === undefined ? {} : { layouts }),
    nrCpus,
    cpuStack: layout.stacks[0],
    deadlineMs: options.deadlineMs ?? Number.POSITIVE_INFINITY,
  });
  const devices = new NetDevices(mem, heap, layouts, options.interfaces);
  const hooks: HookEnv = {
    ...{ mem, heap, layouts, devices, run, nrCpus },
    ...programRunners(link, run),
    now: () => performance.now(),
  };
  const clock = new Int32Array(2);
  const env: SyscallEnv = {
    ...{ objects, fds: new FdTable(objects), maps, hooks, vmlinux, verify: observed(verifier, options.onVerified) },
    caps: options.caps ?? ALL_CAPS,
    profile: options.profile ?? '6.18',
    verifyOnly: options.verifyOnly ?? false,
    compile: options.verifyOnly ? notExecutable : compiler(link),
    ktime() {
      host.ktimeNs(clock);
      return [clock[0] >>> 0, clock[1] >>> 0];
    },
  };
  return new EmbeddedRuntime(env, mem, run);
}

function observed(verifier: SyscallEnv['verify'], tell: RuntimeOptions['onVerified']): SyscallEnv['verify'] {
  if (tell === undefined) return verifier;
  return (input) => {
    const outcome = verifier(input);
    tell(outcome);
    return outcome;
  };
}

class EmbeddedRuntime implements Runtime {
  readonly #env: SyscallEnv;
  readonly memory: KernelMemory;
  readonly runState: Readonly<RunState>;

  constructor(env: SyscallEnv, memory: KernelMemory, run: RunState) {
    this.#env = env;
    this.memory = memory;
    this.runState = run;
  }

  get nrCpus(): number {
    return this.#env.hooks.nrCpus;
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

  program(fd: number): RuntimeProgram | undefined {
    const prog = fdProg(this.#env, fd);
    return typeof prog === 'number' ? undefined : new RuntimeProgram(this.#env.hooks, prog);
  }

  map(fd: number): BpfMap | undefined {
    const found = fdMap(this.#env, fd);
    return typeof found === 'number' ? undefined : found.object.map;
  }

  vmlinux(): Btf | undefined {
    return this.#env.vmlinux();
  }

  [Symbol.dispose](): void {
    this.#env.fds.closeAll();
  }
}

/** Members of struct bpf_map that programs may read through a map pointer. */
function mapFields(layouts: KernelLayouts): Record<string, number> {
  const map = layouts.struct('bpf_map');
  const names = ['map_type', 'key_size', 'value_size', 'max_entries', 'map_flags', 'id'];
  return Object.fromEntries(names.map((name) => [name, map.offset(name)] as const));
}

function vmlinuxProvider(given: RuntimeOptions['vmlinux']): () => Btf | undefined {
  if (typeof given !== 'function') return () => given;
  let known: { readonly btf: Btf | undefined } | undefined;
  return () => {
    known ??= { btf: given() };
    return known.btf;
  };
}

/** Runs of programs with the state that helpers see set up before. */
function programRunners(link: RuntimeLink, run: RunState): Pick<HookEnv, 'runProgram' | 'runBatch'> {
  const begin = (prog: LoadedProg, ctx: number): void => {
    run.ctx = ctx;
    run.progType = prog.verified.progType;
    run.redirectIfindex = -1;
    run.redirectFlags = 0;
    run.redirectMapId = 0;
    run.redirectKey = 0;
    link.beginRun();
  };
  return {
    runProgram(prog, ctx) {
      begin(prog, ctx);
      return prog.exe.run(ctx);
    },
    runBatch(prog, ctxs, stride, count, out) {
      begin(prog, ctxs);
      if (prog.exe.runBatch !== undefined) {
        prog.exe.runBatch(ctxs, stride, count, out);
        return;
      }
      const { u32 } = link.env.mem;
      for (let i = 0; i < count; i++) u32[(out >>> 2) + i] = prog.exe.run(ctxs + i * stride);
    },
  };
>>>>>>> e25d6f0 (State oracle: runs of accepted programs lie inside what the verifier believed, at every instruction; linked distances are checked like offsets, mispredicted pointers lose their 32-bit bounds)
}
