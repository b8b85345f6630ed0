/**
 * Which values are packet pointers: loaded from the context's data fields, or such a pointer with offsets added. The verifier
 * keeps them within 2^30 of the packet, so in a memory of up to 2 GiB their low halves compare as the whole pointers do.
 */
import { skbOffsets, xdpOffsets } from '../../world/net/packet.ts';
import type { KernelLayouts } from '../../world/layouts.ts';
import { packetKind } from '../../rules/packet.ts';

const MAX_MEMORY = 0x8000_0000;
/** Rounds after which a function stays as it is: chains of additions through loops settle in two or three. */
const MAX_ROUNDS = 8;

/** Offsets in a program type's context, as the kernel has it, of the pointers into the packet; none for other types. */
export function packetPointerOffsets(progType: number, layouts: KernelLayouts | undefined, memory: number): number[] {
  if (layouts === undefined || memory > MAX_MEMORY) return [];
  const kind = packetKind(progType);
  if (kind === 'xdp') {
    if (!layouts.has('xdp_buff')) return [];
    const { data, data_end, data_meta } = xdpOffsets(layouts);
    return [data, data_end, data_meta];
  }
  if (kind === undefined || !layouts.has('sk_buff') || !layouts.has('bpf_skb_data_end')) return [];
  const { data, cbDataEnd, cbDataMeta } = skbOffsets(layouts);
  return [data, cbDataEnd, cbDataMeta];
}

/** Facts about the webs of one function. Webs are joined after they were described, so all is settled at the end. */
export class PointerWebs {
  readonly #notPointer: Uint8Array;
  readonly #notContext: Uint8Array;
  /** Triples: a result, and two values of which one at least has to be a pointer for the result to be one. */
  readonly #sums: number[] = [];
  /** Pairs: a result and the context that it was loaded from. */
  readonly #loads: number[] = [];
  /** Triples: a slot and the two values that its jump compares. */
  readonly #compares: number[] = [];

  constructor(webs: number) {
    this.#notPointer = new Uint8Array(webs);
    this.#notContext = new Uint8Array(webs);
  }

  /** A value of which nothing is known. */
  other(def: number): void {
    this.#notPointer[def] = this.#notContext[def] = 1;
  }
  context(def: number): void {
    this.#notPointer[def] = 1;
  }
  copy(def: number, of: number): void {
    this.#sums.push(def, of, of);
  }
  sum(def: number, a: number, b: number): void {
    this.#notContext[def] = 1;
    this.#sums.push(def, a, b);
  }
  load(def: number, context: number): void {
    this.#notContext[def] = 1;
    this.#loads.push(def, context);
  }
  compare(slot: number, a: number, b: number): void {
    this.#compares.push(slot, a, b);
  }

  /** Tells of each noted comparison whether it is of two packet pointers. */
  settle(root: Int32Array, tell: (slot: number, a: number, b: number, pointers: boolean) => void): void {
    const notPointer = new Uint8Array(root.length);
    const notContext = new Uint8Array(root.length);
    for (let web = 0; web < root.length; web++) {
      notPointer[root[web]] |= this.#notPointer[web];
      notContext[root[web]] |= this.#notContext[web];
    }
    const settled =
      this.#spread(root, notContext) && this.#markLoads(root, notPointer, notContext) && this.#spread(root, notPointer);
    const compares = this.#compares;
    for (let k = 0; k < compares.length; k += 3) {
      const a = root[compares[k + 1]];
      const b = root[compares[k + 2]];
      tell(compares[k], a, b, settled && notPointer[a] === 0 && notPointer[b] === 0);
    }
  }

  #markLoads(root: Int32Array, notPointer: Uint8Array, notContext: Uint8Array): true {
    for (let k = 0; k < this.#loads.length; k += 2)
      notPointer[root[this.#loads[k]]] |= notContext[root[this.#loads[k + 1]]];
    return true;
  }

  /** Spreads a flag from operands to results until nothing changes; false when that takes too long. */
  #spread(root: Int32Array, flag: Uint8Array): boolean {
    const sums = this.#sums;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      let changed = 0;
      for (let k = 0; k < sums.length; k += 3) {
        const def = root[sums[k]];
        const more = flag[root[sums[k + 1]]] & flag[root[sums[k + 2]]] & ~flag[def];
        flag[def] |= more;
        changed |= more;
      }
      if (changed === 0) return true;
    }
    return false;
  }
}
