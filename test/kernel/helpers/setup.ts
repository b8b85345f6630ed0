/** A helper environment with real layouts and no engine: helpers are called on a frame as engines call them. */
import { loadPackagedBtf } from '../../../src/btf/vmlinux/index.ts';
import { defaultPorts } from '../../../src/kernel/boot/default-ports.ts';
import { FRAME_SIZE, type HelperEnv, type HostPorts } from '../../../src/kernel/run/env.ts';
import { LOOP_POLL } from '../../../src/kernel/run/loop-rules.ts';
import { createHelpers } from '../../../src/kernel/helpers/table.ts';
import { SkBuff } from '../../../src/kernel/world/net/sk-buff.ts';
import { NetDevices } from '../../../src/kernel/world/net/device.ts';
import { XdpBuff } from '../../../src/kernel/world/net/xdp-buff.ts';
import type { HookEnv } from '../../../src/kernel/testrun/env.ts';
import type { MapEnv } from '../../../src/kernel/maps/env.ts';
import { Owners } from '../../../src/kernel/mem/owners.ts';
import { instantiateCore } from '../../../src/kernel/core/instance.ts';
import { growMap } from '../../../src/kernel/maps/stored-map.ts';
import { Cgroups } from '../../../src/kernel/world/cgroup/cgroup.ts';
import { Structs } from '../../../src/kernel/world/struct-view.ts';
import { KernelLayouts } from '../../../src/kernel/world/layouts.ts';
import { CURRENT_BYTES, CurrentTask, type TaskIds } from '../../../src/kernel/world/task/current.ts';
import { SIGNAL_RECORD_BYTES } from '../../../src/kernel/world/task/signals.ts';
import { zeros } from '../../../src/kernel/world/task/thread-group.ts';
import { AddressSpace } from '../../../src/kernel/world/user/address-space.ts';
import { WorldTime } from '../../../src/kernel/world/time/time.ts';
import { sharedMemory } from '../memory-kind.ts';
import { CPU_AREA, Cpu, tailCallCounter } from '../../../src/kernel/run/cpu.ts';
import { setupMaps } from '../maps/setup.ts';

const btf = await loadPackagedBtf();
const layouts = new KernelLayouts(() => btf);

export interface HelperSetup {
  readonly env: HelperEnv;
  readonly maps: MapEnv;
  readonly hooks: HookEnv;
  /** Where the task that runs lies. */
  readonly current: number;
  /** Calls a helper by id: r0 as a signed 64-bit number. */
  call(id: number, ...args: (number | bigint)[]): bigint;
  /** Memory of the process that runs. */
  readonly space: AddressSpace;
  /** Copies bytes into guest memory. */
  put(bytes: Uint8Array | string): number;
  xdp(packet: Uint8Array): XdpBuff;
  skb(packet: Uint8Array): SkBuff;
}

export function setupHelpers(
  host: Partial<HostPorts> = {},
  invoke?: HelperEnv['invoke'],
  shared = sharedMemory(),
): HelperSetup {
  const maps = setupMaps({ shared });
  const { mem, allocator } = maps;
  const ports = defaultPorts(host);
  const structs = new Structs({ mem, heap: allocator, rcu: maps.rcu, owners: new Owners(), btf: () => btf });
  const devices = new NetDevices(structs);
  const current = allocator.alloc(CURRENT_BYTES);
  const space = new AddressSpace({ mem, heap: allocator, rcu: maps.rcu });
  const env: HelperEnv = {
    mem,
    host: ports,
    random: { next: () => ports.random32() },
    current: inCgroup(new CurrentTask(mem, current, ports.current), structs, ports.current, space),
    time: new WorldTime({ ports, cpus: 1 }),
    cpu: makeCpu(maps),
    core: maps.core,
    layouts,
    nrCpus: maps.nrCpus,
    hasDevice: (ifindex) => devices.has(ifindex),
    wire: devices.wire,
    invoke: invoke ?? (() => {}),
    alloc: (size, align) => allocator.alloc(size, align),
    free: (addr) => allocator.free(addr),
    checkDeadline() {},
  };
  maps.core.set_user_space(env.current.spaceWord);
  const hooks = {
    mem,
    heap: allocator,
    layouts,
    devices,
    nrCpus: maps.nrCpus,
    rcu: maps.rcu,
  } as unknown as HookEnv;
  return {
    env,
    maps,
    hooks,
    current,
    space,
    call: caller(env),
    put(bytes) {
      const data = typeof bytes === 'string' ? new TextEncoder().encode(`${bytes}\0`) : bytes;
      const addr = allocator.alloc(data.length, 16);
      mem.u8.set(data, addr);
      return addr;
    },
    xdp(packet) {
      const buff = new XdpBuff(hooks);
      buff.receiveOn(hooks.devices.loopback, 0);
      buff.load(packet);
      return buff;
    },
    skb(packet) {
      const buff = new SkBuff(hooks);
      buff.load(packet, hooks.devices.loopback, true);
      return buff;
    },
  };
}

/** The task lies in the group of its id, two steps from the root. */
function inCgroup(current: CurrentTask, structs: Structs, ids: TaskIds, space: AddressSpace): CurrentTask {
  const groups = new Cgroups(structs);
  const { root } = groups;
  const group = ids.cgroupId === root.id ? root : groups.at('/system.slice/ssh.service', ids.cgroupId);
  const [threadSignals, groupSignals] = [0, 0].map(() => zeros(structs.env, SIGNAL_RECORD_BYTES));
  const inNamespace = { namespace: 0xefff_fffc, nsPid: ids.pid, nsTgid: ids.tgid };
  const places = { struct: 0, group: group.record, space: space.record, flags: 0, threadSignals, groupSignals };
  current.set(ids, { ...places, ...inNamespace });
  return current;
}

function makeCpu({ mem, allocator }: MapEnv): Cpu {
  const polls = allocator.alloc(CPU_AREA, 8);
  mem.i32[polls >>> 2] = LOOP_POLL;
  const sp = new WebAssembly.Global({ value: 'i32', mutable: true }, 0);
  return new Cpu(0, { sp, limit: 0, top: 0, tailCalls: tailCallCounter(), polls });
}

/** Calls helpers on a frame of their own. */
function caller(env: HelperEnv): HelperSetup['call'] {
  const { mem } = env;
  const helpers = createHelpers(env);
  const frame = env.alloc(FRAME_SIZE, 16);
  return (id, ...args) => {
    const impl = helpers(id);
    if (impl === undefined) throw new Error(`no helper ${id}`);
    const wide = args.map((a) => BigInt.asUintN(64, BigInt(a)));
    if (impl.kind === 'core') return callCore(impl.core.sig, impl.fn, wide);
    wide.forEach((a, i) => mem.view.setBigUint64(frame + 8 + i * 8, a, true));
    impl.fn(frame);
    return mem.view.getBigInt64(frame, true);
  };
}

/**
 * The same kernel as a second thread would see it: helpers get what lies in the memory, what is frozen and the ports of the host.
 * Whatever else the first setup has (maps, packets, the core's instance, its CPU) stays with it.
 */
export function secondThread(first: HelperSetup): HelperSetup {
  const { maps, current } = first;
  const { mem, allocator } = maps;
  const { host, random, time, nrCpus, hasDevice, wire, invoke, alloc, free, checkDeadline } = first.env;
  const env: HelperEnv = {
    mem,
    // Ports of the host, and hooks of the world.
    ...{ host, random, wire, invoke, checkDeadline },
    // The allocator's books lie in a second buffer.
    ...{ alloc, free },
    // Never changes.
    ...{ nrCpus, hasDevice },
    // A port here; a virtual clock lies in the memory (time.test.ts).
    time,
    current: new CurrentTask(mem, current),
    cpu: makeCpu(maps),
    core: instantiateCore(mem, (map, bytes) => growMap(mem, allocator, map >>> 0, bytes >>> 0)),
    layouts: new KernelLayouts(() => btf),
  };
  env.core.set_user_space(env.current.spaceWord as never);
  return { ...first, env, call: caller(env) };
}

function callCore(sig: string, fn: CallableFunction, args: readonly bigint[]): bigint {
  const [params, result] = sig.split(':') as [string, string];
  const lowered = params.split('').flatMap((kind, i): (number | bigint)[] => {
    const value = args[i] ?? 0n;
    if (kind === 'I') return [value];
    const low = Number(BigInt.asIntN(32, value));
    if (kind === 'F') return [BigInt.asUintN(64, value) >> 32n === 0n ? low : -1];
    return kind === 'W' ? [low, Number(BigInt.asIntN(32, value >> 32n))] : [low];
  });
  const r = fn(...lowered) as number | bigint | undefined;
  if (result === 'v') return 0n;
  if (result === 'i') return BigInt((r as number) >>> 0);
  return BigInt.asIntN(64, BigInt(r as number));
}
