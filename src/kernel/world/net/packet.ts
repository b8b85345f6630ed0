/** Kernel views of packets for helpers: struct xdp_buff and struct sk_buff at the target's offsets. */
import type { KernelMemory } from '../../mem/memory.ts';
import type { KernelLayouts } from '../layouts.ts';

/** sizeof(struct xdp_frame): kept free at the start of a frame. */
export const XDP_FRAME_SIZE = 40;
/** SKB_DATA_ALIGN(sizeof(struct skb_shared_info)): kept free at the end. */
export const SHARED_INFO_SIZE = 320;

/** A header offset that is not known. */
const HEADER_UNSET = 0xffff;

const XDP_FIELDS = ['data', 'data_end', 'data_meta', 'data_hard_start', 'frame_sz', 'flags', 'rxq'] as const;
const SKB_FIELDS = [
  'len',
  'data_len',
  'head',
  'data',
  'tail',
  'end',
  'mac_header',
  'network_header',
  'transport_header',
  'mac_len',
  'protocol',
  'hash',
  'csum',
  'vlan_all',
  'vlan_proto',
  'vlan_tci',
  '__pkt_type_offset',
  'dev',
  'sk',
  'cb',
] as const;

export type Offsets<F extends string> = Readonly<Record<F, number>>;
export type XdpOffsets = Offsets<(typeof XDP_FIELDS)[number]>;
export type SkbOffsets = Offsets<(typeof SKB_FIELDS)[number]> & {
  readonly cbDataMeta: number;
  readonly cbDataEnd: number;
};

export const xdpOffsets = (layouts: KernelLayouts): XdpOffsets => layouts.once(readXdp);
export const skbOffsets = (layouts: KernelLayouts): SkbOffsets => layouts.once(readSkb);

const readXdp = (layouts: KernelLayouts): XdpOffsets => offsetsOf(layouts, 'xdp_buff', XDP_FIELDS);

function readSkb(layouts: KernelLayouts): SkbOffsets {
  const base = offsetsOf(layouts, 'sk_buff', SKB_FIELDS);
  const ends = layouts.struct('bpf_skb_data_end');
  return { ...base, cbDataMeta: base.cb + ends.offset('data_meta'), cbDataEnd: base.cb + ends.offset('data_end') };
}

function offsetsOf<F extends string>(layouts: KernelLayouts, name: string, fields: readonly F[]): Offsets<F> {
  const struct = layouts.struct(name);
  return Object.fromEntries(fields.map((field) => [field, struct.offset(field)])) as Record<F, number>;
}

/** Bytes before a packet's buffer in which its owner is noted: the head of the buffer that it replaces, 0 of the first one. */
export const SKB_HEAD_NOTE = 64;

/** Where packets get new buffers from. */
export interface ScratchMemory {
  alloc(size: number, align?: number): number;
  free(addr: number): void;
}

/** Fields of one sk_buff. Guest pointers are their low halves. */
export class SkbView {
  readonly off: SkbOffsets;
  readonly #view: DataView;
  readonly u8: Uint8Array;

  constructor(mem: KernelMemory, off: SkbOffsets) {
    this.off = off;
    this.#view = mem.view;
    this.u8 = mem.u8;
  }

  get32(skb: number, field: keyof SkbOffsets): number {
    return this.#view.getUint32(skb + this.off[field], true);
  }
  set32(skb: number, field: keyof SkbOffsets, value: number): void {
    this.#view.setUint32(skb + this.off[field], value, true);
  }
  get16(skb: number, field: keyof SkbOffsets): number {
    return this.#view.getUint16(skb + this.off[field], true);
  }
  set16(skb: number, field: keyof SkbOffsets, value: number): void {
    this.#view.setUint16(skb + this.off[field], value, true);
  }
  /** Bytes in the linear part (skb_headlen). */
  headlen(skb: number): number {
    return this.get32(skb, 'len') - this.get32(skb, 'data_len');
  }
  headroom(skb: number): number {
    return this.get32(skb, 'data') - this.get32(skb, 'head');
  }
  tailroom(skb: number): number {
    return this.get32(skb, 'data_len') ? 0 : this.get32(skb, 'end') - this.get32(skb, 'tail');
  }

  /**
   * Moves the packet to a larger buffer with `nhead` more bytes before and `ntail` behind it (pskb_expand_head); false without memory.
   * The buffer is the sk_buff's until its driver takes its own back.
   */
  expand(env: ScratchMemory, skb: number, nhead: number, ntail: number): boolean {
    const head = this.get32(skb, 'head');
    const end = this.get32(skb, 'end');
    const more = (nhead + 63) & ~63;
    const newEnd = (end + more + ntail + 63) & ~63;
    const block = env.alloc(SKB_HEAD_NOTE + newEnd + SHARED_INFO_SIZE, 64);
    if (block === 0) return false;
    const to = block + SKB_HEAD_NOTE;
    const first = this.#view.getUint32(head - SKB_HEAD_NOTE, true);
    this.#view.setUint32(block, first || head, true);
    this.u8.copyWithin(to + more, head, head + this.get32(skb, 'tail'));
    this.u8.copyWithin(to + newEnd, head + end, head + end + SHARED_INFO_SIZE);
    this.set32(skb, 'data', this.get32(skb, 'data') - head + to + more);
    this.set32(skb, 'head', to);
    this.set32(skb, 'end', newEnd);
    this.set32(skb, 'tail', this.get32(skb, 'tail') + more);
    for (const header of ['mac_header', 'network_header', 'transport_header'] as const) {
      const at = this.get16(skb, header);
      if (at !== HEADER_UNSET) this.set16(skb, header, at + more);
    }
    if (first !== 0) env.free(head - SKB_HEAD_NOTE);
    return true;
  }

  /** skb_ensure_writable: whether the first `len` bytes lie in the linear part. Buffers here are never shared. */
  writable(skb: number, len: number): boolean {
    return len <= this.headlen(skb);
  }

  /** bpf_compute_data_pointers: what direct packet access reads afterwards. */
  computeDataPointers(skb: number): void {
    const data = this.get32(skb, 'data');
    this.set32(skb, 'cbDataMeta', data);
    this.set32(skb, 'cbDataEnd', data + this.headlen(skb));
  }

  /** Moves the data's start by `n` bytes: back when positive (__skb_push), forward when negative (__skb_pull). */
  push(skb: number, n: number): void {
    this.set32(skb, 'data', this.get32(skb, 'data') - n);
    this.set32(skb, 'len', this.get32(skb, 'len') + n);
  }

  /** ip_summed: 0 none, 1 unnecessary, 2 complete, 3 partial. */
  ipSummed(skb: number): number {
    return (this.u8[skb + this.off.__pkt_type_offset] >> 5) & 3;
  }
  setIpSummed(skb: number, value: number): void {
    const at = skb + this.off.__pkt_type_offset;
    this.u8[at] = (this.u8[at] & ~0x60) | (value << 5);
  }

  /** skb_clear_hash: the hash and its two flag bits in the second byte of the flag group after tstamp_type. */
  clearHash(skb: number): void {
    this.set32(skb, 'hash', 0);
    const at = skb + this.off.__pkt_type_offset + HASH_FLAGS_BYTE;
    this.u8[at] = this.u8[at] & ~(L4_HASH | SW_HASH);
  }
  setHash(skb: number, hash: number, flag: number): void {
    this.clearHash(skb);
    this.set32(skb, 'hash', hash);
    const at = skb + this.off.__pkt_type_offset + HASH_FLAGS_BYTE;
    this.u8[at] = this.u8[at] | flag;
  }
  /** skb->encapsulation: a helper put outer headers in front. */
  encapsulated(skb: number): boolean {
    return (this.u8[skb + this.off.__pkt_type_offset + HASH_FLAGS_BYTE] & ENCAPSULATION) !== 0;
  }
  setEncapsulated(skb: number): void {
    const at = skb + this.off.__pkt_type_offset + HASH_FLAGS_BYTE;
    this.u8[at] = this.u8[at] | ENCAPSULATION;
  }
  hasHash(skb: number): boolean {
    const flags = this.u8[skb + this.off.__pkt_type_offset + HASH_FLAGS_BYTE];
    return (flags & (L4_HASH | SW_HASH)) !== 0;
  }
}

// Bit fields after __pkt_type_offset, in order: pkt_type 3, ignore_df, dst_pending_confirm, ip_summed 2, ooo_okay |
// tstamp_type 2, tc_at_ingress, tc_skip_classify, remcsum_offload, csum_complete_sw, csum_level 2 | inner_protocol_type,
// l4_hash, sw_hash, wifi_acked_valid, wifi_acked, no_fcs, encapsulation ...
const HASH_FLAGS_BYTE = 2;
export const L4_HASH = 1 << 1;
export const SW_HASH = 1 << 2;
const ENCAPSULATION = 1 << 6;
export const CHECKSUM_UNNECESSARY = 1;
export const CHECKSUM_COMPLETE = 2;
export const CHECKSUM_PARTIAL = 3;
