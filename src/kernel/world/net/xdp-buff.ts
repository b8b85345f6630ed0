/** One struct xdp_buff with its frame in kernel memory, made once and refilled for each packet. */
import { SHARED_INFO_SIZE, xdpOffsets } from './packet.ts';
import type { WorldEnv } from '../env.ts';
import type { NetDevice } from './device.ts';

export const XDP_PACKET_HEADROOM = 256;
/** Linear bytes of a packet in a page-sized frame. */
export const XDP_MAX_LINEAR = 4096 - XDP_PACKET_HEADROOM - SHARED_INFO_SIZE;

export class XdpBuff {
  /** Guest address of struct xdp_buff: the context of a run. */
  readonly addr: number;
  readonly hardStart: number;
  /** Most packet bytes that fit behind the headroom. */
  readonly capacity: number;
  readonly #u32: Uint32Array;
  readonly #u8: Uint8Array;
  readonly #env: WorldEnv;
  readonly #ownsAddr: boolean;
  // Word indexes of the members; guest pointers have a zero upper half.
  readonly #data: number;
  readonly #dataEnd: number;
  readonly #dataMeta: number;
  readonly #rxq: number;

  /** @param addr where struct xdp_buff is to lie, when the caller has room for it */
  constructor(env: WorldEnv, capacity = XDP_MAX_LINEAR, addr = 0) {
    const { size } = env.layouts.struct('xdp_buff');
    const off = xdpOffsets(env.layouts);
    const frame = XDP_PACKET_HEADROOM + capacity + SHARED_INFO_SIZE;
    this.#env = env;
    this.capacity = capacity;
    this.#ownsAddr = addr === 0;
    this.addr = addr || env.heap.alloc(size, 8);
    this.hardStart = env.heap.alloc(frame, 64);
    if (this.addr === 0 || this.hardStart === 0) throw new RangeError(`no memory for a frame of ${frame} bytes`);
    this.#u32 = env.mem.u32;
    this.#u8 = env.mem.u8;
    this.#data = (this.addr + off.data) >>> 2;
    this.#dataEnd = (this.addr + off.data_end) >>> 2;
    this.#dataMeta = (this.addr + off.data_meta) >>> 2;
    this.#rxq = (this.addr + off.rxq) >>> 2;
    this.#u32[(this.addr + off.data_hard_start) >>> 2] = this.hardStart;
    this.#u32[(this.addr + off.frame_sz) >>> 2] = frame;
  }

  /** Names the receive queue that the packet comes from. */
  receiveOn(device: NetDevice, queue: number): void {
    this.#u32[this.#rxq] = device.rxq[queue];
  }

  /** Sets the pointers for a packet of `length` bytes, `metaLen` of which come before it. */
  reset(length: number, metaLen = 0): void {
    const start = this.hardStart + XDP_PACKET_HEADROOM;
    this.#u32[this.#data] = start;
    this.#u32[this.#dataMeta] = start - metaLen;
    this.#u32[this.#dataEnd] = start + length;
  }

  /** Copies a packet in and sets the pointers. Throws RangeError when it is longer than the capacity. */
  load(packet: Uint8Array): void {
    if (packet.length > this.capacity)
      throw new RangeError(`a packet of ${packet.length} bytes exceeds ${this.capacity}`);
    this.reset(packet.length);
    this.#u8.set(packet, this.hardStart + XDP_PACKET_HEADROOM);
  }

  get data(): number {
    return this.#u32[this.#data];
  }
  get dataEnd(): number {
    return this.#u32[this.#dataEnd];
  }
  get dataMeta(): number {
    return this.#u32[this.#dataMeta];
  }

  /** The packet as it lies in memory now: valid until the next load. */
  packet(): Uint8Array {
    return this.#u8.subarray(this.data, this.dataEnd);
  }

  dispose(): void {
    const { heap, rcu } = this.#env;
    rcu.call(() => {
      if (this.#ownsAddr) heap.free(this.addr);
      heap.free(this.hardStart);
    });
  }
}
