/** Live registers after each instruction of one subprogram: backward data flow over its blocks, one bit a register. */
import type { Insns } from '../../../isa/insn.ts';
import {
  BPF_ADDR_SPACE_CAST,
  BPF_ALU,
  BPF_ALU64,
  BPF_ATOMIC,
  BPF_CALL,
  BPF_CMPXCHG,
  BPF_END,
  BPF_EXIT,
  BPF_FETCH,
  BPF_JA,
  BPF_JCOND,
  BPF_JMP,
  BPF_JMP32,
  BPF_LD,
  BPF_LDX,
  BPF_LOAD_ACQ,
  BPF_MOV,
  BPF_NEG,
  BPF_PROBE_ATOMIC,
  BPF_ST,
  BPF_STORE_REL,
  BPF_X,
} from '../../../isa/opcodes.ts';
import type { Cfg } from '../shape/cfg.ts';

const R1_TO_R5 = 0x3e;
/** How many argument registers the call at an instruction reads. */
export type CallArgs = (insn: number) => number;

const argMask = (count: number): number => ((1 << count) - 1) << 1;

/** Registers read and written by the instruction at `i`, as `reads | writes << 16`. */
export function readsAndWrites(insns: Insns, i: number, callArgs: CallArgs): number {
  const code = insns.code[i];
  const dst = 1 << insns.dst[i];
  const src = 1 << insns.src[i];
  const op = code & 0xf0;
  switch (code & 7) {
    case BPF_ALU:
    case BPF_ALU64: {
      const read = (op === BPF_MOV ? 0 : dst) | (code & BPF_X && op !== BPF_END && op !== BPF_NEG ? src : 0);
      return read | (dst << 16);
    }
    case BPF_LD:
      return dst << 16;
    case BPF_LDX:
      return src | (dst << 16);
    case BPF_ST:
      return dst;
    case BPF_JMP:
    case BPF_JMP32:
      if (op === BPF_JA || op === BPF_JCOND) return 0;
      if (op === BPF_EXIT) return 1;
      if (op === BPF_CALL) {
        if (code & BPF_X) return R1_TO_R5 | dst | (0x3f << 16);
        return argMask(callArgs(i)) | (0x3f << 16);
      }
      return dst | (code & BPF_X ? src : 0);
    default:
      break;
  }
  const mode = code & 0xe0;
  if (mode !== BPF_ATOMIC && mode !== BPF_PROBE_ATOMIC) return dst | src;
  const imm = insns.imm[i];
  if (imm === BPF_LOAD_ACQ) return src | (dst << 16);
  if (imm === BPF_STORE_REL) return dst | src;
  if (imm === BPF_CMPXCHG) return dst | src | 1 | (1 << 16);
  return dst | src | (imm & BPF_FETCH ? src << 16 : 0);
}

/** Whether an instruction only computes its destination, so that it can go when nothing reads that. */
export function isPure(insns: Insns, i: number): boolean {
  const cls = insns.code[i] & 7;
  if (cls === BPF_ALU64) return !((insns.code[i] & 0xf8) === (BPF_MOV | BPF_X) && insns.off[i] === BPF_ADDR_SPACE_CAST);
  return cls === BPF_ALU || cls === BPF_LD || cls === BPF_LDX;
}

export interface Liveness {
  /** Registers live after each slot, relative to the first slot of the subprogram. */
  readonly after: Uint16Array;
  readonly blockIn: Uint16Array;
  readonly blockOut: Uint16Array;
  /** Every register that some reached instruction names. */
  readonly mentioned: number;
}

export function computeLiveness(insns: Insns, cfg: Cfg, start: number, end: number, callArgs: CallArgs): Liveness {
  const n = cfg.count;
  const use = new Uint16Array(n);
  const def = new Uint16Array(n);
  const rw = new Uint32Array(end - start);
  let mentioned = 0;
  for (let b = 0; b < n; b++) {
    let u = 0;
    let d = 0;
    for (let i = cfg.start[b]; i < cfg.end[b]; i++) {
      const m = readsAndWrites(insns, i, callArgs);
      rw[i - start] = m;
      u |= m & 0xffff & ~d;
      d |= m >>> 16;
      if (insns.code[i] === 0x18) i++;
    }
    use[b] = u;
    def[b] = d;
    mentioned |= u | d;
  }
  const blockIn = new Uint16Array(n);
  const blockOut = new Uint16Array(n);
  const queued = new Uint8Array(n).fill(1);
  const work: number[] = [];
  for (let b = 0; b < n; b++) work.push(b);
  while (work.length > 0) {
    const b = work.pop()!;
    queued[b] = 0;
    let out = (cfg.next[b] >= 0 ? blockIn[cfg.next[b]] : 0) | (cfg.taken[b] >= 0 ? blockIn[cfg.taken[b]] : 0);
    for (const to of cfg.cases(b)) out |= blockIn[to];
    blockOut[b] = out;
    const live = use[b] | (out & ~def[b]);
    if (live === blockIn[b]) continue;
    blockIn[b] = live;
    for (let e = cfg.predRow[b]; e < cfg.predRow[b + 1]; e++) {
      const p = cfg.preds[e];
      if (queued[p] === 0) {
        queued[p] = 1;
        work.push(p);
      }
    }
  }
  const after = new Uint16Array(end - start);
  for (let b = 0; b < n; b++) {
    let live = blockOut[b];
    for (let i = cfg.end[b] - 1; i >= cfg.start[b]; i--) {
      after[i - start] = live;
      // The second slot of ld_imm64 has no masks: it passes liveness through.
      const m = rw[i - start];
      live = (live & ~(m >>> 16)) | (m & 0xffff);
    }
  }
  return { after, blockIn, blockOut, mentioned };
}
