/** Network devices that programs can see: struct net_device and its receive queues in kernel memory, by ifindex. */
import { ETH_HLEN } from './packet.ts';
import type { Allocator } from '../../mem/allocator.ts';
import type { KernelMemory } from '../../mem/memory.ts';
import { HookPoint } from '../hook-point.ts';
import type { KernelLayouts } from '../layouts.ts';

/** A simulated network device. */
export interface NetDeviceSpec {
  readonly ifindex: number;
  readonly name: string;
  /** Receive queues; 1 unless said. */
  readonly rxQueues?: number;
  /** Six bytes; zero as the loopback device's unless said. */
  readonly mac?: Uint8Array;
}

export interface NetDevice {
  readonly ifindex: number;
  readonly name: string;
  readonly rxQueues: number;
  readonly mac: Uint8Array;
  /** Guest address of struct net_device. */
  readonly addr: number;
  /** Guest addresses of struct xdp_rxq_info, one a queue. */
  readonly rxq: readonly number[];
}

/** A packet that leaves by a device, or comes in on it. */
export interface Transmission {
  readonly ifindex: number;
  /** The receiver's own copy. */
  readonly packet: Uint8Array;
  readonly ingress: boolean;
}

/** Takes packets: 0, or a value that the device gives (NET_XMIT_*, -errno). */
export type Wire = HookPoint<Transmission, number>;

export const LOOPBACK: NetDeviceSpec = { ifindex: 1, name: 'lo' };
const REG_STATE_REGISTERED = 1;

/** Devices are made in kernel memory when first asked for: a runtime that never runs packets needs no layouts. */
export class NetDevices {
  readonly #specs: ReadonlyMap<number, NetDeviceSpec>;
  readonly #made = new Map<number, NetDevice>();
  /** Where packets go that devices send. */
  readonly wire: Wire = new HookPoint({ idle: 0 });

  constructor(
    readonly mem: KernelMemory,
    readonly heap: Allocator,
    readonly layouts: KernelLayouts,
    specs: readonly NetDeviceSpec[] = [],
  ) {
    this.#specs = new Map([LOOPBACK, ...specs].map((spec) => [spec.ifindex, spec]));
  }

  /** Whether there is a device of this ifindex. */
  has(ifindex: number): boolean {
    return this.#specs.has(ifindex);
  }

  get loopback(): NetDevice {
    return this.#make(this.#specs.get(LOOPBACK.ifindex) ?? LOOPBACK);
  }

  /** The device of an ifindex, or undefined (dev_get_by_index). */
  get(ifindex: number): NetDevice | undefined {
    const spec = this.#specs.get(ifindex);
    return spec && this.#make(spec);
  }

  #make(spec: NetDeviceSpec): NetDevice {
    const known = this.#made.get(spec.ifindex);
    if (known !== undefined) return known;
    const { mem, heap } = this;
    const dev = this.layouts.struct('net_device');
    const addr = heap.alloc(dev.size, 64);
    mem.view.setUint32(addr + dev.offset('ifindex'), spec.ifindex, true);
    mem.view.setUint16(addr + dev.offset('hard_header_len'), ETH_HLEN, true);
    mem.view.setUint32(addr + dev.offset('mtu'), spec.ifindex === 1 ? 65536 : 1500, true);
    mem.u8.set(new TextEncoder().encode(spec.name).subarray(0, 15), addr + dev.offset('name'));
    const rxQueues = spec.rxQueues ?? 1;
    mem.view.setUint32(addr + dev.offset('real_num_rx_queues'), rxQueues, true);
    const rxq = Array.from({ length: rxQueues }, (_, queue) => this.#makeQueue(addr, queue));
    const device = { ifindex: spec.ifindex, name: spec.name, rxQueues, mac: spec.mac ?? new Uint8Array(6), addr, rxq };
    this.#made.set(spec.ifindex, device);
    return device;
  }

  #makeQueue(dev: number, queue: number): number {
    const rxq = this.layouts.struct('xdp_rxq_info');
    const addr = this.heap.alloc(rxq.size, 64);
    this.mem.view.setUint32(addr + rxq.offset('dev'), dev, true);
    this.mem.view.setUint32(addr + rxq.offset('queue_index'), queue, true);
    this.mem.view.setUint32(addr + rxq.offset('reg_state'), REG_STATE_REGISTERED, true);
    return addr;
  }
}
