/** Network devices that programs can see: struct net_device and its receive queues in kernel memory, by ifindex. */
import { HookPoint } from '../hook-point.ts';
import { type Restore, saveAll, type Saved, saveMap } from '../../mem/saved.ts';
import type { Structs } from '../struct-view.ts';
import { ETH_HLEN } from './if-ether.ts';

/** A simulated network device. */
export interface NetDeviceSpec {
  readonly ifindex: number;
  readonly name: string;
  /** Receive queues. Default: 1. */
  readonly rxQueues?: number;
  /** Six bytes. Default: zeros, as the loopback device has. */
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
const IFNAMSIZ = 16;
const ETH_DATA_LEN = 1500;
const LOOPBACK_MTU = 65536;

/** Devices are made in kernel memory when first asked for: a runtime that never runs packets needs no layouts. */
export class NetDevices implements Saved {
  readonly #specs: ReadonlyMap<number, NetDeviceSpec>;
  readonly #made = new Map<number, NetDevice>();
  /** Where packets go that devices send. */
  readonly wire: Wire = new HookPoint({ idle: 0 });

  readonly #structs: Structs;

  constructor(structs: Structs, specs: readonly NetDeviceSpec[] = []) {
    this.#structs = structs;
    this.#specs = new Map([LOOPBACK, ...specs].map((spec) => [spec.ifindex, spec]));
  }

  save(): Restore {
    return saveAll([{ save: () => saveMap(this.#made) }, this.wire]);
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
    const { ifindex, name, rxQueues = 1, mac = new Uint8Array(6) } = spec;
    const dev = this.#structs.make('net_device', {
      ifindex,
      hard_header_len: ETH_HLEN,
      mtu: ifindex === LOOPBACK.ifindex ? LOOPBACK_MTU : ETH_DATA_LEN,
      name: new TextEncoder().encode(name).subarray(0, IFNAMSIZ - 1),
      real_num_rx_queues: rxQueues,
    });
    const rxq = Array.from({ length: rxQueues }, (_, queue_index) => {
      const values = { dev, queue_index, reg_state: REG_STATE_REGISTERED };
      return this.#structs.make('xdp_rxq_info', values).addr;
    });
    const device = { ifindex, name, rxQueues, mac, addr: dev.addr, rxq };
    this.#made.set(ifindex, device);
    return device;
  }
}
