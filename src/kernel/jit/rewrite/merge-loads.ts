/**
 * Merges loads of the bytes of one word back into one load. Compilers read packed fields byte by byte, with shifts and ors;
 * that is one load again when nothing may write between them and nobody else looks at the parts.
 * Only bytes that were loaded anyway are loaded, so that the verified range holds.
 */
import type { Insns } from '../../../isa/insn.ts';
import {
  BPF_ALU,
  BPF_ALU64,
  BPF_CALL,
  BPF_DW,
  BPF_H,
  BPF_JMP,
  BPF_K,
  BPF_LD,
  BPF_LDX,
  BPF_LSH,
  BPF_MEM,
  BPF_MOV,
  BPF_OR,
  BPF_ST,
  BPF_STX,
  BPF_W,
  BPF_X,
  bpfSizeBytes,
} from '../../../isa/opcodes.ts';
import type { SubprogInfo, VerifiedProgram } from '../../verifier/result.ts';
import { buildCfg, Cfg } from '../shape/cfg.ts';
import { computeLiveness, readsAndWrites } from '../facts/liveness.ts';

/** Register that a dropped instruction sets to 0: BPF_REG_AX, which a program with merged loads does not name. */
export const DROP_REG = 11;

/** Whether the instruction at `i` names the register that dropped instructions set, and is not one of them. */
export const namesDropReg = (insns: Insns, i: number): boolean =>
  insns.src[i] === DROP_REG || (insns.dst[i] === DROP_REG && !isDropped(insns, i));

/** Whether the instruction at `i` was dropped. */
export const isDropped = (insns: Insns, i: number): boolean =>
  insns.dst[i] === DROP_REG && insns.code[i] === (BPF_ALU64 | BPF_MOV | BPF_K);

/** Makes an instruction do nothing. */
export function dropInsn(insns: Insns, i: number): void {
  insns.code[i] = BPF_ALU64 | BPF_MOV | BPF_K;
  insns.dst[i] = DROP_REG;
  insns.src[i] = 0;
  insns.off[i] = 0;
  insns.imm[i] = 0;
}

const REGS = 12;

/** A value put together from loaded bytes: byte k of it, where bit k of `mask` is set, is the one at base + anchor + k. */
interface Packed {
  readonly base: number;
  /** Which value of the base register it was, and which state of memory. */
  readonly version: number;
  readonly epoch: number;
  readonly anchor: number;
  readonly mask: number;
  /** The load that comes last; the merged load takes its place. */
  readonly last: number;
  /** Instructions that make the value. */
  readonly parts: readonly number[];
  /** The register that it ends in; from before `last` on it holds nothing but a part of the value. */
  readonly into: number;
}

const SIZE_OF_MASK: Readonly<Record<number, number>> = { 3: BPF_H, 15: BPF_W, 255: BPF_DW };

/** The program with merged loads, or the program itself when there is nothing to merge. */
export function mergeNarrowLoads(program: VerifiedProgram): VerifiedProgram {
  const { insns, subprogs } = program;
  let out: Insns | undefined;
  for (const subprog of subprogs) {
    if (!mayMerge(insns, subprog)) continue;
    for (const value of findPacked(insns, subprog)) {
      out ??= insns.slice(0, insns.length);
      rewrite(out, value);
    }
  }
  return out === undefined ? program : { ...program, insns: out };
}

/** A cheap look for the shape: an or of registers and two narrow loads, and AX unused. */
function mayMerge(insns: Insns, { start, end }: SubprogInfo): boolean {
  let ors = 0;
  let loads = 0;
  for (let i = start; i < end; i++) {
    const code = insns.code[i];
    if (namesDropReg(insns, i)) return false;
    if (code === 0x18) i++;
    else if (code === (BPF_ALU | BPF_OR | BPF_X) || code === (BPF_ALU64 | BPF_OR | BPF_X)) ors++;
    else if ((code & 0xe7) === (BPF_LDX | BPF_MEM) && (code & 0x18) !== BPF_DW) loads++;
  }
  return ors > 0 && loads > 1;
}

function findPacked(insns: Insns, { start, end }: SubprogInfo): Packed[] {
  const cfg = buildCfg(insns, start, end);
  const found: Packed[] = [];
  if (!(cfg instanceof Cfg)) return found;
  const live = computeLiveness(insns, cfg, start, end, () => 5);
  const scan = new BlockScan(insns, found);
  for (let b = 0; b < cfg.count; b++) {
    scan.begin();
    for (let i = cfg.start[b]; i < cfg.end[b]; i++) {
      scan.step(i, live.after[i - start]);
      if (insns.code[i] === 0x18) i++;
    }
    scan.end();
  }
  return found;
}

class BlockScan {
  readonly #held: (Packed | undefined)[] = Array.from({ length: REGS }, () => undefined);
  readonly #version = new Int32Array(REGS);
  #epoch = 0;

  constructor(
    readonly insns: Insns,
    readonly found: Packed[],
  ) {}

  begin(): void {
    this.#epoch++;
  }

  /** The block is over: what registers hold is used elsewhere, or nowhere. */
  end(): void {
    for (let r = 0; r < REGS; r++) this.#finish(r);
  }

  step(i: number, liveAfter: number): void {
    const { insns } = this;
    const code = insns.code[i];
    const dst = insns.dst[i];
    const value = this.#combine(i, code, dst, liveAfter);
    const rw = readsAndWrites(insns, i, () => 5);
    if (value === undefined) {
      for (let r = 0, mask = rw & 0xffff; mask !== 0; r++, mask >>>= 1) if (mask & 1) this.#finish(r);
    }
    for (let r = 0, mask = rw >>> 16; mask !== 0; r++, mask >>>= 1) {
      if ((mask & 1) === 0) continue;
      this.#held[r] = undefined;
      this.#version[r]++;
    }
    if (value !== undefined) this.#held[dst] = value;
    if (mayWrite(code)) this.#epoch++;
  }

  /** Notes the value of a register as a merge, when it is one, and looks at it no longer. */
  #finish(r: number): void {
    const value = this.#held[r];
    this.#held[r] = undefined;
    if (value !== undefined && value.parts.length > 1 && SIZE_OF_MASK[value.mask] !== undefined) this.found.push(value);
  }

  /** The packed value that instruction `i` makes, undefined when it makes none. */
  #combine(i: number, code: number, dst: number, liveAfter: number): Packed | undefined {
    const { insns } = this;
    if ((code & 0xe7) === (BPF_LDX | BPF_MEM) && (code & 0x18) !== BPF_DW) {
      const base = insns.src[i];
      // A base that is itself put together has to be there.
      this.#finish(base);
      return {
        ...{ base, version: this.#version[base], epoch: this.#epoch, anchor: insns.off[i] },
        ...{ mask: (1 << bpfSizeBytes(code)) - 1, last: i, parts: [i], into: dst },
      };
    }
    const width = (code & 7) === BPF_ALU ? 4 : (code & 7) === BPF_ALU64 ? 8 : 0;
    const a = this.#held[dst];
    if (width === 0 || a === undefined) return undefined;
    const op = code & 0xf8;
    if (op === (BPF_LSH | BPF_K)) {
      const bytes = insns.imm[i] >> 3;
      if ((insns.imm[i] & 7) !== 0 || bytes < 0 || bytes >= width || (a.mask << bytes) >>> width !== 0)
        return undefined;
      return { ...a, anchor: a.anchor - bytes, mask: a.mask << bytes, parts: [...a.parts, i] };
    }
    const src = insns.src[i];
    const b = this.#held[src];
    if (op !== (BPF_OR | BPF_X) || src === dst || b === undefined || (liveAfter >>> src) & 1) return undefined;
    if (a.base !== b.base || a.version !== b.version || a.epoch !== b.epoch || a.anchor !== b.anchor) return undefined;
    if ((a.mask & b.mask) !== 0 || (a.mask | b.mask) >>> width !== 0) return undefined;
    this.#held[src] = undefined;
    return {
      ...(b.last > a.last ? b : a),
      mask: a.mask | b.mask,
      parts: [...a.parts, ...b.parts, i],
      into: dst,
    };
  }
}

/** Whether an instruction may write memory that a later load reads. */
function mayWrite(code: number): boolean {
  const cls = code & 7;
  if (cls === BPF_ST || cls === BPF_STX) return true;
  if (cls === BPF_LD) return code !== 0x18;
  return (code & 0xf7) === (BPF_JMP | BPF_CALL);
}

function rewrite(out: Insns, value: Packed): void {
  const { last } = value;
  for (const i of value.parts) if (i !== last) dropInsn(out, i);
  out.code[last] = BPF_LDX | BPF_MEM | SIZE_OF_MASK[value.mask];
  out.dst[last] = value.into;
  out.off[last] = value.anchor;
}
