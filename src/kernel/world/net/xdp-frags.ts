/** Fragments of an xdp_buff: the skb_shared_info at its frame's end, and the pages that it lists. */
import type { KernelMemory } from '../../mem/memory.ts';
import type { KernelLayouts } from '../layouts.ts';
import { SHARED_INFO_SIZE, xdpOffsets } from './packet.ts';

/** MAX_SKB_FRAGS */
export const MAX_FRAGS = 17;
export const FRAG_PAGE = 4096;
/** XDP_FLAGS_HAS_FRAGS */
const HAS_FRAGS = 1;
/** struct skb_frag: the page (here its guest address) in 8 bytes, length, offset. */
const FRAG = { size: 16, page: 0, length: 8, offset: 12 } as const;

/** Offsets by which the core finds fragments. */
export const fragOffsets = (layouts: KernelLayouts) => layouts.once(readFrags);

function readFrags(layouts: KernelLayouts) {
  const shared = layouts.struct('skb_shared_info');
  const xdp = xdpOffsets(layouts);
  return {
    hardStart: xdp.data_hard_start,
    frameSize: xdp.frame_sz,
    flags: xdp.flags,
    nrFrags: shared.offset('nr_frags'),
    fragsSize: shared.offset('xdp_frags_size'),
    frags: shared.offset('frags'),
  };
}

/** The fragments of any xdp_buff of one memory. */
export class XdpFrags {
  readonly #u32: Uint32Array;
  readonly #u8: Uint8Array;
  readonly #off: ReturnType<typeof fragOffsets>;
  readonly #data: number;
  readonly #dataEnd: number;

  constructor(mem: KernelMemory, layouts: KernelLayouts) {
    this.#u32 = mem.u32;
    this.#u8 = mem.u8;
    this.#off = fragOffsets(layouts);
    const { data, data_end } = xdpOffsets(layouts);
    this.#data = data;
    this.#dataEnd = data_end;
  }

  #get(addr: number): number {
    return this.#u32[addr >>> 2];
  }

  /** Guest address of struct skb_shared_info (xdp_get_shared_info_from_buff). */
  #shared(xdp: number): number {
    return this.#get(xdp + this.#off.hardStart) + this.#get(xdp + this.#off.frameSize) - SHARED_INFO_SIZE;
  }

  /** xdp_buff_has_frags */
  has(xdp: number): boolean {
    return (this.#get(xdp + this.#off.flags) & HAS_FRAGS) !== 0;
  }

  /** Bytes in fragments. */
  size(xdp: number): number {
    return this.has(xdp) ? this.#get(this.#shared(xdp) + this.#off.fragsSize) : 0;
  }

  /** Whole length of the packet (xdp_get_buff_len). */
  length(xdp: number): number {
    return this.#get(xdp + this.#dataEnd) - this.#get(xdp + this.#data) + this.size(xdp);
  }

  /** Address and length of each fragment. */
  list(xdp: number): readonly (readonly [addr: number, length: number])[] {
    if (!this.has(xdp)) return [];
    const shared = this.#shared(xdp);
    const count = this.#u8[shared + this.#off.nrFrags];
    return Array.from({ length: count }, (_, i) => {
      const at = shared + this.#off.frags + i * FRAG.size;
      return [this.#get(at + FRAG.page) + this.#get(at + FRAG.offset), this.#get(at + FRAG.length)] as const;
    });
  }

  /** Lists fragments of which all but the last fill their page; none clears the mark. */
  set(xdp: number, pages: number, size: number): void {
    const { flags, nrFrags, fragsSize, frags } = this.#off;
    const shared = this.#shared(xdp);
    const count = Math.ceil(size / FRAG_PAGE);
    this.#u32[(xdp + flags) >>> 2] = (this.#get(xdp + flags) & ~HAS_FRAGS) | (count === 0 ? 0 : HAS_FRAGS);
    this.#u8[shared + nrFrags] = count;
    this.#u32[(shared + fragsSize) >>> 2] = size;
    for (let i = 0; i < count; i++) {
      const at = shared + frags + i * FRAG.size;
      this.#u32[(at + FRAG.page) >>> 2] = pages + i * FRAG_PAGE;
      this.#u32[(at + FRAG.page + 4) >>> 2] = 0;
      this.#u32[(at + FRAG.length) >>> 2] = Math.min(FRAG_PAGE, size - i * FRAG_PAGE);
      this.#u32[(at + FRAG.offset) >>> 2] = 0;
    }
  }

  /** Lengthens the last fragment by zeros; false when its page has no room. */
  grow(xdp: number, n: number): boolean {
    const shared = this.#shared(xdp);
    const at = shared + this.#off.frags + (this.#u8[shared + this.#off.nrFrags] - 1) * FRAG.size;
    const end = this.#get(at + FRAG.offset) + this.#get(at + FRAG.length);
    if (n > FRAG_PAGE - end) return false;
    const from = this.#get(at + FRAG.page) + end;
    this.#u8.fill(0, from, from + n);
    this.#u32[(at + FRAG.length) >>> 2] += n;
    this.#u32[(shared + this.#off.fragsSize) >>> 2] += n;
    return true;
  }

  /** Takes up to `n` bytes from the end, whole fragments with it: what is still to be taken from the linear part. */
  shrink(xdp: number, n: number): number {
    const { flags, nrFrags, fragsSize, frags } = this.#off;
    const shared = this.#shared(xdp);
    let left = n;
    let count = this.#u8[shared + nrFrags];
    while (count > 0 && left > 0) {
      const at = shared + frags + (count - 1) * FRAG.size;
      const length = this.#get(at + FRAG.length);
      const taken = Math.min(length, left);
      left -= taken;
      this.#u32[(at + FRAG.length) >>> 2] = length - taken;
      if (taken === length) count--;
    }
    this.#u8[shared + nrFrags] = count;
    this.#u32[(shared + fragsSize) >>> 2] -= n - left;
    if (count === 0) this.#u32[(xdp + flags) >>> 2] &= ~HAS_FRAGS;
    return left;
  }

  /** A copy of the packet's first `length` bytes, from `start` on, which is its data or what lies before them. */
  copy(xdp: number, start: number, length: number): Uint8Array {
    const out = new Uint8Array(length);
    const linear = Math.min(length, this.#get(xdp + this.#dataEnd) - start);
    out.set(this.#u8.subarray(start, start + linear));
    let at = linear;
    for (const [addr, size] of this.list(xdp)) {
      const n = Math.min(size, length - at);
      out.set(this.#u8.subarray(addr, addr + n), at);
      at += n;
    }
    return out;
  }
}
