/** The fast path over many packets: buffers made once in kernel memory, one call a packet or one call a batch. */
import type { PacketRunner, PacketRunnerOptions, PreparedPackets } from '../../uapi/embedded.ts';
import { bpfProgTypeName } from '../../uapi/prog-types.ts';
import { packetKind } from '../rules/packet.ts';
import { inCall } from './call.ts';
import type { HookEnv } from './env.ts';
import { Held } from '../mem/owners.ts';
import { type Restore, saveAll, type Saved } from '../mem/saved.ts';
import type { LoadedProg } from '../object/prog.ts';
import type { NetDevice } from '../world/net/device.ts';
import { SkBuff } from '../world/net/sk-buff.ts';
import { XdpBuff } from '../world/net/xdp-buff.ts';

/** The common part of XDP and socket buffers. */
interface PacketBuffer extends Saved {
  readonly addr: number;
  load(packet: Uint8Array): void;
  packet(): Uint8Array;
  dispose(): void;
}

/** A GRO packet of a capture can be larger than a page. */
const DEFAULT_CAPACITY = 65_550;
const BATCH = 64;
/** Buffer sizes that batches prefer. */
const SMALL_CAPACITIES = [2048, 9216] as const;

/** Whether a program type runs on packets. */
export const takesPackets = (progType: number): boolean => packetKind(progType) !== undefined;

/** Makes a runner. Throws RangeError when the type takes no packets or there is no such device. */
export function createPacketRunner(env: HookEnv, prog: LoadedProg, options: PacketRunnerOptions = {}): PacketRunner {
  const capacity = options.capacity ?? DEFAULT_CAPACITY;
  const { make, stride } = bufferMaker(env, prog.verified.progType, options);
  const single = make(0, capacity);
  const pools = [...SMALL_CAPACITIES.filter((small) => small < capacity), capacity].map(
    (room) => new BatchBuffers(env, stride, room, make),
  );
  let last = pools[0];
  const saveLast = (): Restore => {
    const was = last;
    return () => void (last = was);
  };
  const held = new Held(env.owners, () => [single, ...pools, { save: saveLast }]);
  const assertLive = (): void => {
    if (!held.live) throw new RangeError('the packet runner was disposed of');
  };
  return {
    capacity,
    batchSize: BATCH,
    run(packet) {
      assertLive();
      single.load(packet);
      return env.runProgram(prog, single.addr);
    },
    packet() {
      assertLive();
      return single.packet();
    },
    runBatch(packets, verdicts) {
      inCall(env, () => {
        for (let from = 0; from < packets.length; from += BATCH) {
          assertLive();
          const count = Math.min(BATCH, packets.length - from);
          const batch = poolFor(pools, packets, from, count);
          batch.load(packets, from, count);
          env.runBatch(prog, batch.contexts, stride, count, batch.out);
          verdicts.set(env.mem.u32.subarray(batch.out >>> 2, (batch.out >>> 2) + count), from);
          last = batch;
        }
      });
    },
    batchPacket: (i) => last.buffers[i].packet(),
    prepare: (packets) => preparePackets(env, prog, packets, make, stride),
    [Symbol.dispose]() {
      if (!held.end()) return;
      single.dispose();
      for (const pool of pools) pool.dispose();
    },
  };
}

type BufferMaker = (addr: number, capacity: number) => PacketBuffer;

/** The pool with the smallest buffers that hold every packet: small ones stay in the processor's cache. */
function poolFor(pools: readonly BatchBuffers[], packets: readonly Uint8Array[], from: number, count: number) {
  let longest = 0;
  for (let i = from; i < from + count; i++) longest = Math.max(longest, packets[i].length);
  return pools.find((pool) => longest <= pool.capacity) ?? pools[pools.length - 1];
}

/** Contexts side by side, each with a buffer of its own; made when the first batch comes. */
class BatchBuffers implements Saved {
  readonly buffers: PacketBuffer[] = [];
  contexts = 0;
  out = 0;

  constructor(
    readonly env: HookEnv,
    readonly stride: number,
    readonly capacity: number,
    readonly make: BufferMaker,
  ) {}

  load(packets: readonly Uint8Array[], from: number, count: number): void {
    if (this.contexts === 0) {
      this.contexts = this.env.heap.alloc(BATCH * this.stride, 64);
      this.out = this.env.heap.alloc(BATCH * 4, 8);
    }
    for (let i = this.buffers.length; i < count; i++)
      this.buffers.push(this.make(this.contexts + i * this.stride, this.capacity));
    for (let i = 0; i < count; i++) this.buffers[i].load(packets[from + i]);
  }

  save(): Restore {
    const { contexts, out } = this;
    const made = this.buffers.slice();
    const each = saveAll(made);
    return () => {
      this.buffers.splice(0, this.buffers.length, ...made);
      Object.assign(this, { contexts, out });
      each();
    };
  }

  dispose(): void {
    for (const buffer of this.buffers) buffer.dispose();
    const { heap, rcu } = this.env;
    rcu.call(() => {
      heap.free(this.contexts);
      heap.free(this.out);
    });
  }
}

/** Room behind a prepared packet that programs may grow it into. */
const PREPARED_TAILROOM = 64;

function preparePackets(
  env: HookEnv,
  prog: LoadedProg,
  packets: readonly Uint8Array[],
  make: BufferMaker,
  stride: number,
): PreparedPackets {
  const { length } = packets;
  const buffers: PacketBuffer[] = [];
  const contexts = env.heap.alloc(Math.max(1, length) * stride, 64);
  const out = env.heap.alloc(Math.max(1, length) * 4, 64);
  const held = new Held(env.owners, () => buffers);
  const release = (): void => {
    if (!held.end()) return;
    for (const buffer of buffers) buffer.dispose();
    env.rcu.call(() => {
      env.heap.free(contexts);
      env.heap.free(out);
    });
  };
  try {
    if (contexts === 0 || out === 0) throw new RangeError(`no memory for the contexts of ${length} packets`);
    packets.forEach((packet, i) => {
      const buffer = make(contexts + i * stride, packet.length + PREPARED_TAILROOM);
      buffers.push(buffer);
      buffer.load(packet);
    });
  } catch (e) {
    release();
    throw e;
  }
  return {
    length,
    verdicts: env.mem.u32.subarray(out >>> 2, (out >>> 2) + length),
    run(from = 0, to = length) {
      if (!held.live) throw new RangeError('the packets were disposed of');
      if (from < 0 || to > length) throw new RangeError(`there are no packets ${from} to ${to} among ${length}`);
      if (from < to) env.runBatch(prog, contexts + from * stride, stride, to - from, out + from * 4);
    },
    packet: (i) => buffers[i].packet(),
    reset() {
      if (!held.live) throw new RangeError('the packets were disposed of');
      for (let i = 0; i < buffers.length; i++) buffers[i].load(packets[i]);
    },
    [Symbol.dispose]: release,
  };
}

const round64 = (n: number): number => (n + 63) & ~63;

function bufferMaker(
  env: HookEnv,
  progType: number,
  options: PacketRunnerOptions,
): { make: BufferMaker; stride: number } {
  const device: NetDevice | undefined =
    options.ifindex === undefined ? env.devices.loopback : env.devices.get(options.ifindex);
  if (device === undefined) throw new RangeError(`no network device with ifindex ${options.ifindex}`);
  const kind = packetKind(progType);
  if (kind === undefined) throw new RangeError(`programs of type ${bpfProgTypeName(progType)} take no packets`);
  if (kind === 'xdp') {
    const queue = options.rxQueue ?? 0;
    if (queue >= device.rxQueues) throw new RangeError(`device ${device.name} has no receive queue ${queue}`);
    const make: BufferMaker = (addr, capacity) => {
      const buff = new XdpBuff(env, capacity, addr);
      buff.receiveOn(device, queue);
      return buff;
    };
    return { make, stride: round64(env.layouts.struct('xdp_buff').size) };
  }
  const make: BufferMaker = (addr, capacity) => {
    const skb = new SkBuff(env, capacity, addr);
    return {
      addr: skb.addr,
      load: (packet: Uint8Array) => skb.load(packet, device, kind === 'l2'),
      packet: () => skb.packet(),
      save: () => skb.save(),
      dispose: () => skb.dispose(),
    };
  };
  return { make, stride: round64(env.layouts.struct('sk_buff').size) };
}
