/** One struct xdp_buff with its frame in kernel memory, made once and refilled for each packet. */
import { SHARED_INFO_SIZE, xdpOffsets } from './packet.ts';
import { FRAG_PAGE, MAX_FRAGS, XdpFrags } from './xdp-frags.ts';
import type { Restore, Saved } from '../../mem/saved.ts';
import type { WorldEnv } from '../env.ts';
import type { NetDevice } from './device.ts';

export const XDP_PACKET_HEADROOM = 256;
/** Linear bytes of a packet in a page-sized frame. */
export const XDP_MAX_LINEAR = 4096 - XDP_PACKET_HEADROOM - SHARED_INFO_SIZE;

/** Longest packet: a page-sized frame and all fragments. */
export const XDP_MAX_PACKET = XDP_MAX_LINEAR + MAX_FRAGS * FRAG_PAGE;

export class XdpBuff implements Saved {
  /** Guest address of struct xdp_buff: the context of a run. */
  readonly addr: number;
  readonly hardStart: number;
  /** Most packet bytes that fit behind the headroom and in fragments. */
  readonly capacity: number;
  /** Most that lie in the frame. */
  readonly #linear: number;
  readonly #frags: XdpFrags;
  /** Pages of the fragments, 0 when all packets are linear. */
  readonly #pages: number;
  /** Whether the last packet had fragments. */
  #fragmented = false;
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
    if (capacity > XDP_MAX_PACKET) throw new RangeError(`a packet has at most ${XDP_MAX_PACKET} bytes`);
    this.#linear = Math.min(capacity, XDP_MAX_LINEAR);
    // A frame is no larger than a page: what is longer lies in fragments. Its size keeps the shared info aligned.
    const frame = (XDP_PACKET_HEADROOM + this.#linear + SHARED_INFO_SIZE + 7) & ~7;
    const pages = Math.ceil(Math.max(0, capacity - XDP_MAX_LINEAR) / FRAG_PAGE) * FRAG_PAGE;
    this.#frags = new XdpFrags(env.mem, env.layouts);
    this.#pages = pages === 0 ? 0 : env.heap.alloc(pages, FRAG_PAGE);
    this.#env = env;
    this.capacity = capacity;
    this.#ownsAddr = addr === 0;
    this.addr = addr || env.heap.alloc(size, 8);
    this.hardStart = env.heap.alloc(frame, 64);
    if (this.addr === 0 || this.hardStart === 0 || (pages !== 0 && this.#pages === 0))
      throw new RangeError(`no memory for a packet of ${capacity} bytes`);
    this.#u32 = env.mem.u32;
    this.#u8 = env.mem.u8;
    this.#data = (this.addr + off.data) >>> 2;
    this.#dataEnd = (this.addr + off.data_end) >>> 2;
    this.#dataMeta = (this.addr + off.data_meta) >>> 2;
    this.#rxq = (this.addr + off.rxq) >>> 2;
    this.#u32[(this.addr + off.data_hard_start) >>> 2] = this.hardStart;
    this.#u32[(this.addr + off.frame_sz) >>> 2] = frame;
    this.#u32[(this.addr + off.flags) >>> 2] = 0;
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
    if (packet.length > this.#linear || this.#fragmented) return this.#loadAny(packet);
    this.reset(packet.length);
    this.#u8.set(packet, this.hardStart + XDP_PACKET_HEADROOM);
  }

  #loadAny(packet: Uint8Array): void {
    if (packet.length > this.capacity)
      throw new RangeError(`a packet of ${packet.length} bytes exceeds ${this.capacity}`);
    this.loadParts(packet, Math.min(packet.length, XDP_MAX_LINEAR));
  }

  /** Copies a packet of which `linear` bytes lie in the frame, `metaLen` of them metadata, and the rest in fragments. */
  loadParts(packet: Uint8Array, linear: number, metaLen = 0): void {
    this.reset(linear - metaLen, metaLen);
    this.#u8.set(packet.subarray(0, linear), this.dataMeta);
    if (packet.length > linear) this.#u8.set(packet.subarray(linear), this.#pages);
    this.#setFrags(packet.length - linear);
  }

  #setFrags(size: number): void {
    this.#frags.set(this.addr, this.#pages, size);
    this.#fragmented = size > 0;
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

  /** The packet as it lies in memory now, a copy when it has fragments: valid until the next load. */
  packet(): Uint8Array {
    if (!this.#fragmented) return this.#u8.subarray(this.data, this.dataEnd);
    return this.#frags.copy(this.addr, this.data, this.#frags.length(this.addr));
  }

  /** The fragments as they are now. */
  fragments(): readonly Uint8Array[] {
    return this.#frags.list(this.addr).map(([addr, length]) => this.#u8.subarray(addr, addr + length));
  }

  /** What it knows of its packet beside the memory. */
  save(): Restore {
    const fragmented = this.#fragmented;
    return () => {
      this.#fragmented = fragmented;
    };
  }

  dispose(): void {
    const { heap, rcu } = this.#env;
    rcu.call(() => {
      if (this.#ownsAddr) heap.free(this.addr);
      heap.free(this.hardStart);
      if (this.#pages !== 0) heap.free(this.#pages);
    });
  }
}
