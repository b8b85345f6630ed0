/**
 * Instructions that mean one operation of WebAssembly: a rotation spelled as two shifts and an or (V8 sees it in 32 bits, not in
 * 64), and the upper half of a 64-bit byte swap, which is the swap of the lower half. Values are followed inside blocks.
 */
import type { Insns } from '../../../isa/insn.ts';
import {
  BPF_ALU64,
  BPF_END,
  BPF_K,
  BPF_LSH,
  BPF_MOV,
  BPF_OR,
  BPF_RSH,
  BPF_TO_BE,
  BPF_X,
} from '../../../isa/opcodes.ts';
import type { SubprogInfo, VerifiedProgram } from '../../verifier/result.ts';
import { buildCfg, Cfg } from '../shape/cfg.ts';
import { computeLiveness, readsAndWrites } from '../facts/liveness.ts';
import { DROP_REG, dropInsn, namesDropReg } from './merge-loads.ts';

/** `dst = rotl64(dst, imm)`: an operation of this JIT's own, in a place of the encoding that no program can use. */
export const JIT_ROTL = 0xe0;
const ALU64 = 7;
const ALU = 4;

/** A register's value as a shift of another value that nobody has read yet. */
interface Shifted {
  /** Number of the value that was shifted. */
  readonly of: number;
  /** k for a shift by k to the left, -k for one by 64 - k to the right: both are parts of a rotation by k to the left. */
  readonly part: number;
  readonly at: number;
}

/** The program with its idioms replaced, or the program itself. */
export function replaceIdioms(program: VerifiedProgram): VerifiedProgram {
  const { insns, subprogs } = program;
  let out: Insns | undefined;
  for (const subprog of subprogs) {
    if (!mayHold(insns, subprog)) continue;
    const cfg = buildCfg(insns, subprog.start, subprog.end);
    if (!(cfg instanceof Cfg)) continue;
    out ??= insns.slice(0, insns.length);
    const live = computeLiveness(insns, cfg, subprog.start, subprog.end, () => 5);
    const scan = new IdiomScan(insns, out);
    for (let b = 0; b < cfg.count; b++) {
      scan.begin();
      for (let i = cfg.start[b]; i < cfg.end[b]; i++) {
        scan.step(i, live.after[i - subprog.start]);
        if (insns.code[i] === 0x18) i++;
      }
    }
  }
  return out === undefined ? program : { ...program, insns: out };
}

const isSwap64 = (insns: Insns, i: number): boolean => {
  const code = insns.code[i];
  return insns.imm[i] === 64 && (code === (ALU | BPF_END | BPF_TO_BE) || code === (ALU64 | BPF_END));
};

/** A cheap look: a shift to the right beyond the middle comes with both idioms. */
function mayHold(insns: Insns, { start, end }: SubprogInfo): boolean {
  let shifts = 0;
  let others = 0;
  for (let i = start; i < end; i++) {
    const code = insns.code[i];
    if (namesDropReg(insns, i)) return false;
    if (code === 0x18) i++;
    else if (code === (BPF_ALU64 | BPF_RSH | BPF_K)) shifts++;
    else if (code === (BPF_ALU64 | BPF_OR | BPF_X) || isSwap64(insns, i)) others++;
  }
  return shifts > 0 && others > 0;
}

class IdiomScan {
  readonly #shifted: (Shifted | undefined)[] = Array.from({ length: DROP_REG + 1 }, () => undefined);
  /** Slot of the 64-bit swap that made each register's value, which nobody has read yet; -1 without. */
  readonly #swap = new Int32Array(DROP_REG + 1);
  readonly #value = new Int32Array(DROP_REG + 1);
  #values = 0;

  constructor(
    readonly insns: Insns,
    readonly out: Insns,
  ) {}

  begin(): void {
    this.#shifted.fill(undefined);
    this.#swap.fill(-1);
    for (let r = 0; r < this.#value.length; r++) this.#value[r] = ++this.#values;
  }

  step(i: number, liveAfter: number): void {
    const { insns } = this;
    const code = insns.code[i];
    const dst = insns.dst[i];
    const src = insns.src[i];
    const imm = insns.imm[i];
    let shift: Shifted | undefined;
    let swap = -1;
    let value = 0;
    if (code === (BPF_ALU64 | BPF_MOV | BPF_X) && insns.off[i] === 0) value = this.#value[src];
    else if (
      (code === (BPF_ALU64 | BPF_LSH | BPF_K) || code === (BPF_ALU64 | BPF_RSH | BPF_K)) &&
      imm > 0 &&
      imm < 64
    ) {
      const left = (code & 0xf0) === BPF_LSH;
      if (!left && imm >= 32 && this.#swap[dst] >= 0) this.#halve(this.#swap[dst], i);
      else if (this.#shifted[dst] === undefined) shift = { of: this.#value[dst], part: left ? imm : imm - 64, at: i };
    } else if (code === (BPF_ALU64 | BPF_OR | BPF_X) && dst !== src && ((liveAfter >>> src) & 1) === 0) {
      this.#rotate(i, this.#shifted[dst], this.#shifted[src]);
    } else if (isSwap64(insns, i)) swap = i;
    const rw = readsAndWrites(insns, i, () => 5);
    for (let r = 0, mask = (rw | (rw >>> 16)) & 0xffff; mask !== 0; r++, mask >>>= 1) {
      if ((mask & 1) === 0) continue;
      this.#shifted[r] = undefined;
      this.#swap[r] = -1;
    }
    for (let r = 0, mask = rw >>> 16; mask !== 0; r++, mask >>>= 1) if (mask & 1) this.#value[r] = ++this.#values;
    if (value !== 0) this.#value[dst] = value;
    this.#shifted[dst] = shift ?? this.#shifted[dst];
    if (swap >= 0) this.#swap[dst] = swap;
  }

  /** The or at `i` of two shifts of one value that make a rotation: the shifts go, their registers keep the value itself. */
  #rotate(i: number, a: Shifted | undefined, b: Shifted | undefined): void {
    if (a === undefined || b === undefined || a.of !== b.of || a.part !== -b.part) return;
    dropInsn(this.out, a.at);
    dropInsn(this.out, b.at);
    this.out.code[i] = ALU64 | JIT_ROTL;
    this.out.src[i] = 0;
    this.out.imm[i] = Math.abs(a.part);
  }

  /** swap64(x) >> k for k from 32 on is swap32(x) >> (k - 32). */
  #halve(swap: number, i: number): void {
    const { out } = this;
    out.code[swap] = ALU | BPF_END | BPF_TO_BE;
    out.imm[swap] = 32;
    out.imm[i] -= 32;
    if (out.imm[i] === 0) dropInsn(out, i);
  }
}
