/**
 * Stack slots that become locals: those whose accesses all have one offset from r10 and one width of 4 or 8 bytes. Nobody else
 * may see them, so a pointer to the stack must not get away: it lives inside a block, as the base of loads and stores, and as the
 * key or value of known size that a map helper reads. Where one does get away, the whole function stays as it is.
 *
 * A slot that may be read before it is written stays in memory, so that it holds what an earlier run or call left there.
 */
import {
  BPF_ADD,
  BPF_ALU64,
  BPF_LDX,
  BPF_MEM,
  BPF_MEMSX,
  BPF_MOV,
  BPF_ST,
  BPF_STX,
  BPF_X,
  bpfSizeBytes,
} from '../../../isa/opcodes.ts';
import type { Cfg } from '../shape/cfg.ts';
import { type Liveness, readsAndWrites } from '../facts/liveness.ts';
import type { ModulePlan } from '../plan.ts';
import { StackReads } from '../facts/stack-reads.ts';

const FP = 10;
const REGS = 12;
const STACK = 512;
const CONFLICT = 255;

/** Slots by their offset from r10, with their width. */
export interface Promotion {
  readonly slots: ReadonlyMap<number, 4 | 8>;
  /** No access to the stack is left. */
  readonly all: boolean;
  /** The function may read bytes of its frame before it writes them. */
  readonly leftovers: boolean;
}

/** Slots of a function that can be promoted; undefined when it has no stack or a pointer to it gets away. */
export function promotableSlots(plan: ModulePlan, cfg: Cfg, live: Liveness): Promotion | undefined {
  if ((live.mentioned & (1 << FP)) === 0) return undefined;
  const scan = new StackScan(plan, cfg);
  for (let b = 0; b < cfg.count; b++) {
    scan.begin(b);
    for (let i = cfg.start[b]; i < cfg.end[b]; i++) {
      if (!scan.step(i)) return undefined;
      if (plan.program.insns.code[i] === 0x18) i++;
    }
    if (scan.pointers(live.blockOut[b])) return undefined;
  }
  return scan.result();
}

class StackScan {
  /** Per byte below r10: width of the access that begins there, and 1 + distance to where an access began that covers it. */
  readonly #width = new Uint8Array(STACK);
  readonly #cover = new Uint8Array(STACK);
  readonly #offsets = new Set<number>();
  /** Registers that are r10 plus an offset, and the offset. */
  #frame = 0;
  readonly #off = new Int32Array(REGS);
  #memory = false;
  readonly #reads: StackReads;
  #block = 0;

  constructor(
    readonly plan: ModulePlan,
    cfg: Cfg,
  ) {
    this.#reads = new StackReads(cfg);
  }

  begin(block: number): void {
    this.#block = block;
    this.#frame = 1 << FP;
    this.#off[FP] = 0;
  }

  /** Whether any of these registers points to the stack. */
  pointers(mask: number): boolean {
    return (this.#frame & mask & ~(1 << FP)) !== 0;
  }

  /** False when a pointer to the stack gets away. */
  step(i: number): boolean {
    const { insns } = this.plan.program;
    const code = insns.code[i];
    const dst = insns.dst[i];
    const src = insns.src[i];
    const rw = readsAndWrites(insns, i, (at) => this.plan.argsOf(at));
    const used = rw & this.#frame;
    let made: number | undefined;
    if (used !== 0) {
      if (code === (BPF_ALU64 | BPF_MOV | BPF_X) && insns.off[i] === 0) made = this.#off[src];
      else if (code === (BPF_ALU64 | BPF_ADD)) made = this.#off[dst] + insns.imm[i];
      else if (!this.#access(i, used) && !this.#mapArguments(i, used)) return false;
    }
    this.#frame &= ~((rw >>> 16) & ~(1 << FP));
    if (made !== undefined) {
      this.#frame |= 1 << dst;
      this.#off[dst] = made;
    }
    return true;
  }

  /** A plain load or store through a pointer to the stack, which is not itself stored. */
  #access(i: number, used: number): boolean {
    const { insns } = this.plan.program;
    const code = insns.code[i];
    const mode = code & 0xe0;
    const cls = code & 7;
    const base = cls === BPF_LDX ? insns.src[i] : insns.dst[i];
    const plain =
      (cls === BPF_LDX && (mode === BPF_MEM || mode === BPF_MEMSX)) ||
      ((cls === BPF_ST || cls === BPF_STX) && mode === BPF_MEM);
    if (!plain || used !== 1 << base || (cls === BPF_STX && insns.src[i] === base)) return false;
    const off = this.#off[base] + insns.off[i];
    const size = bpfSizeBytes(code);
    if (off < -STACK || off + size > 0) return false;
    if (cls === BPF_LDX) this.#reads.read(this.#block, off, size);
    else this.#reads.write(this.#block, off, size);
    // What is loaded and stored through other registers is found by offset, but promoted only where r10 is named.
    if (base !== FP) return this.#keep(off, size);
    this.#offsets.add(off);
    this.#note(off + STACK, size);
    return true;
  }

  /** Keys and values that a map helper reads. */
  #mapArguments(i: number, used: number): boolean {
    const map = this.plan.sparesStack(i) ? this.plan.mapOf(i) : undefined;
    if (map === undefined || (used & ~0b1100) !== 0) return false;
    return (
      ((used & 4) === 0 || this.#argument(this.#off[2], map.keySize)) &&
      ((used & 8) === 0 || this.#argument(this.#off[3], map.valueSize))
    );
  }

  #argument(off: number, size: number): boolean {
    if (!this.#keep(off, size)) return false;
    this.#reads.read(this.#block, off, size);
    return true;
  }

  /** These bytes stay in memory. */
  #keep(off: number, size: number): boolean {
    if (off < -STACK || off + size > 0) return false;
    this.#memory = true;
    for (let k = 0; k < size; k++) this.#cover[off + STACK + k] = CONFLICT;
    return true;
  }

  #note(at: number, size: number): void {
    this.#width[at] = this.#width[at] === 0 || this.#width[at] === size ? size : CONFLICT;
    for (let k = 0; k < size; k++) {
      const before = this.#cover[at + k];
      this.#cover[at + k] = before === 0 || before === k + 1 ? k + 1 : CONFLICT;
    }
  }

  result(): Promotion {
    const unwritten = this.#reads.unwritten();
    const slots = new Map<number, 4 | 8>();
    for (const off of this.#offsets) {
      const size = this.#width[off + STACK];
      let free = (size === 4 || size === 8) && unwritten?.(off, size) !== true;
      for (let k = 0; k < size && free; k++) free = this.#cover[off + STACK + k] === k + 1;
      if (free) slots.set(off, size as 4 | 8);
    }
    const all = slots.size > 0 && slots.size === this.#offsets.size && !this.#memory;
    return { slots, all, leftovers: unwritten !== undefined };
  }
}
