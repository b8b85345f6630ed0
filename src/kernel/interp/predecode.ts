/** Predecoding: instructions become four int32 words each that the interpreter's loop reads, all operands resolved. */
import { BPF_FUNC } from '../../uapi/helper-ids.ts';
import { secondSlots } from '../../isa/validate.ts';
import type { Insns } from '../../isa/insn.ts';
import {
  BPF_ALU,
  BPF_ALU64,
  BPF_ATOMIC,
  BPF_CALL,
  BPF_JA,
  BPF_JMP,
  BPF_LDX,
  BPF_MEM,
  BPF_MEMSX,
  BPF_MOV,
  BPF_NEG,
  BPF_PROBE_ATOMIC,
  BPF_PROBE_MEM,
  BPF_PROBE_MEM32,
  BPF_PROBE_MEMSX,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_FUNC,
  BPF_PSEUDO_KFUNC_CALL,
  BPF_ST,
  BPF_STX,
  BPF_X,
} from '../../isa/opcodes.ts';
import { ATOMIC_ROWS, type OpInfo } from '../../isa/op-rows.ts';
import { opOf } from '../../isa/ops.ts';
import type { AbortReason } from '../../util/errors.ts';
import type { SubprogInfo } from '../verifier/result.ts';
import { LOOP_INLINED } from '../rules/internal-helpers.ts';

// Words of one slot in Code.code. `p`, the program counter of the loop, is slot * SLOT_WORDS.
//   0 operation (below), 1 index of dst in the register file, 2 index of src or of a constant, 3 offset or target p
export const SLOT_WORDS = 4;

// Register file: lo and hi of r0 to r10 and AX, then scratch, then the program's constants.
export const REG_SCRATCH = 24;
/** Guest address of the frame that JS helpers get. */
export const REG_FRAME = 28;
export const REG_CONSTANTS = 32;
/** Where r10 stands in the register file. */
export const R10 = 20;
/** Words of a saved call frame: return p, r6 to r9, r10, may_goto budget. */
export const FRAME_WORDS = 11;

/*
 * Operations. A plain one has the number of its opcode byte, in the register form: immediates are constants in the
 * register file. The rest are numbered from 0x100 so that the loop's switch stays dense.
 */
export const OP_MOVSX = { movsx8_64: 0x1b0, movsx16_64: 0x1b1, movsx32_64: 0x1b2, movsx8_32: 0x1b3, movsx16_32: 0x1b4 };
export const OP_END = { le16: 0x1d0, le32: 0x1d1, swap16: 0x1d2, swap32: 0x1d3, swap64: 0x1d4 };
export const OP_SDIV64 = 0x13f;
export const OP_SDIV32 = 0x13c;
export const OP_SMOD64 = 0x19f;
export const OP_SMOD32 = 0x19c;
/** Atomics: 0x140 + row of ATOMIC_ROWS for 32 bits, 0x150 + row for 64. */
export const OP_ATOMIC32 = 0x140;
export const OP_ATOMIC64 = 0x150;
export const OP_JA = 0x05;
export const OP_CALL_HELPER = 0x85;
export const OP_CALL_LOCAL = 0x185;
export const OP_TAIL_CALL = 0x186;
export const OP_CALLX = 0x187;
export const OP_LD_IMM64 = 0x18;
/** Word 3 is an index into Code.traps. */
export const OP_TRAP = 0x1ff;
/** Added to a memory operation that is checked against the guard's regions first. */
export const OP_GUARDED = 0x200;
/** Added to a load that gives 0 when its address is invalid (BPF_PROBE_MEM). */
export const OP_PROBED = 0x400;

/** Added to an access of arena memory: outside of it, loads give 0 and stores do nothing (BPF_PROBE_MEM32, BPF_PROBE_ATOMIC). */
export const OP_ARENA = 0x800;

/** A call site: what is called, by the id in the instruction. */
export interface CallSite {
  readonly kfunc: boolean;
  readonly id: number;
  readonly fdIndex: number;
  readonly slot: number;
}

/** The reason for which a run stops at the instruction. */
export interface Trap {
  readonly reason: AbortReason;
  readonly detail: string;
}

/** What running a program reads. */
export interface Code {
  readonly code: Int32Array;
  /** Initial register file with the constants in place. */
  readonly regs: Int32Array;
  readonly traps: readonly Trap[];
  /** Deepest frame times the deepest nesting: what one activation may push. */
  readonly reserve: number;
  /** Something that it calls may push on the guest stack: helpers, callbacks, other programs. */
  readonly usesStack: boolean;
  /** It makes tail calls. */
  readonly tailCalls: boolean;
}

export interface Predecoded {
  readonly code: Code;
  /** Helper calls by word 3 of OP_CALL_HELPER. */
  readonly calls: readonly CallSite[];
  /** Functions whose address is taken: slot they begin at, and where their code address is to be written in `regs`. */
  readonly funcRefs: readonly { readonly start: number; readonly regsIndex: number }[];
}

export interface PredecodeInput {
  readonly insns: Insns;
  readonly subprogs: readonly SubprogInfo[];
  /** The program has an arena with storage. */
  readonly hasArena: boolean;
}

const MAX_DEPTH = 8;

/** Compiles a program for the loop. With `guard`, memory accesses are checked and every frame has 512 bytes. */
export function predecode(input: PredecodeInput, guard: boolean): Predecoded {
  return new Predecoder(input, guard).run();
}

const NEEDS_PACKET = 'LD_ABS and LD_IND need a packet context; verified programs have them rewritten';

class Predecoder {
  readonly #insns: Insns;
  readonly #guard: boolean;
  readonly #hasArena: boolean;
  readonly #subprogs: readonly SubprogInfo[];
  readonly #code: Int32Array;
  readonly #second: Uint8Array;
  readonly #constants: number[] = [];
  readonly #constIndex = new Map<string, number>();
  readonly #calls: CallSite[] = [];
  readonly #traps: Trap[] = [];
  readonly #funcRefs: { start: number; regsIndex: number }[] = [];
  #localCalls = false;
  #usesStack = false;
  #tailCalls = false;

  constructor(input: PredecodeInput, guard: boolean) {
    this.#insns = input.insns;
    this.#subprogs = input.subprogs;
    this.#guard = guard;
    this.#hasArena = input.hasArena;
    // One slot more than the program: falling off its end is a trap, not a read beyond the array.
    this.#code = new Int32Array((input.insns.length + 1) * SLOT_WORDS);
    this.#second = secondSlots(input.insns);
  }

  run(): Predecoded {
    const n = this.#insns.length;
    for (let i = 0, sub = 0; i < n; i++) {
      while (sub + 1 < this.#subprogs.length && this.#subprogs[sub + 1].start <= i) sub++;
      if (this.#second[i] !== 0) this.#trap(i, 'bad-jump', 'the second slot of ld_imm64 is no instruction');
      else this.#insn(i, this.#guard ? 512 : (this.#subprogs[sub]?.stackDepth ?? 512));
    }
    this.#trap(n, 'bad-jump', 'execution ran past the last instruction');
    const deepest = this.#guard ? 512 : this.#subprogs.reduce((m, s) => Math.max(m, s.stackDepth), 0);
    const regs = new Int32Array(REG_CONSTANTS + this.#constants.length);
    regs.set(this.#constants, REG_CONSTANTS);
    return {
      code: {
        code: this.#code,
        regs,
        // A copy is as long as it needs to be.
        traps: this.#traps.slice(),
        reserve: ((this.#localCalls ? deepest * MAX_DEPTH : deepest) + 15) & ~15,
        usesStack: this.#usesStack,
        tailCalls: this.#tailCalls,
      },
      calls: this.#calls,
      funcRefs: this.#funcRefs,
    };
  }

  #emit(i: number, op: number, dst: number, src: number, extra: number): void {
    const p = i * SLOT_WORDS;
    this.#code[p] = op;
    this.#code[p + 1] = dst;
    this.#code[p + 2] = src;
    this.#code[p + 3] = extra;
  }

  #trap(i: number, reason: AbortReason, detail: string): void {
    const known = this.#traps.findIndex((t) => t.reason === reason && t.detail === detail);
    this.#emit(i, OP_TRAP, 0, 0, known >= 0 ? known : this.#traps.push({ reason, detail }) - 1);
  }

  /** Index in the register file of a 64-bit constant. */
  #constant(lo: number, hi: number): number {
    const key = `${lo},${hi}`;
    let index = this.#constIndex.get(key);
    if (index === undefined) {
      index = REG_CONSTANTS + this.#constants.length;
      this.#constants.push(lo, hi);
      this.#constIndex.set(key, index);
    }
    return index;
  }

  #target(i: number, distance: number): number {
    const to = i + 1 + distance;
    if (to < 0 || to >= this.#insns.length) return this.#insns.length * SLOT_WORDS;
    return to * SLOT_WORDS;
  }

  #insn(i: number, frame: number): void {
    const { code: codes, dst, src, off, imm } = this.#insns;
    const code = codes[i];
    const cls = code & 7;
    // Modes that rewriting makes are not in the table: only the mode tells them from ordinary accesses.
    const mode = code & 0xe0;
    if (cls === BPF_LDX && (mode === BPF_PROBE_MEM || mode === BPF_PROBE_MEMSX)) {
      const plain = (code & 0x1f) | (mode === BPF_PROBE_MEM ? BPF_MEM : BPF_MEMSX);
      return this.#emit(i, OP_PROBED | plain, dst[i] * 2, src[i] * 2, off[i]);
    }
    const arena = mode === BPF_PROBE_MEM32 ? cls === BPF_LDX || cls === BPF_ST || cls === BPF_STX : false;
    if (arena || (cls === BPF_STX && mode === BPF_PROBE_ATOMIC)) return this.#arena(i);
    const marked = !this.#guard && code === (BPF_JMP | BPF_CALL) && src[i] === 0 && off[i] === LOOP_INLINED;
    const op = opOf(code, src[i], marked ? 0 : off[i], imm[i]);
    if (op === undefined || dst[i] > 11 || (op.src === 'reg' && src[i] > 11)) {
      const shown = `0x${code.toString(16).padStart(2, '0')}`;
      return this.#trap(i, 'unknown-opcode', `opcode ${shown} with these fields is not defined`);
    }
    const d = dst[i] * 2;
    const s = op.x ? src[i] * 2 : this.#constant(imm[i], imm[i] >> 31);
    switch (op.format) {
      case 'alu':
        return this.#emit(i, aluOp(op), d, s, 0);
      case 'mov':
        return this.#emit(i, code | BPF_X, d, s, 0);
      case 'neg':
        return this.#emit(i, (code & 7) | BPF_NEG, d, s, 0);
      case 'movsx':
        return this.#emit(i, OP_MOVSX[op.name as keyof typeof OP_MOVSX], d, s, 0);
      case 'cast':
        // Both directions keep the low half: kernel pointers of the arena have no upper half here (SCOPE 14).
        return this.#emit(i, BPF_ALU | BPF_MOV | BPF_X, d, s, 0);
      case 'end':
        return this.#byteSwap(i, op, d);
      case 'jcond':
        return this.#emit(i, code | BPF_X, d, s, this.#target(i, off[i]));
      case 'ja':
        return this.#emit(i, BPF_JMP | BPF_JA, 0, 0, this.#target(i, op.op === 'ja' ? off[i] : imm[i]));
      case 'may_goto':
        return this.#emit(i, code, 0, 0, this.#target(i, off[i]));
      case 'exit':
        return this.#emit(i, code, 0, 0, 0);
      case 'call':
        return this.#call(i, frame);
      case 'callx':
        this.#usesStack = true;
        return this.#emit(i, OP_CALLX, d, 0, 0);
      case 'ld_imm64':
        return this.#ldImm64(i, d);
      case 'ld_abs':
      case 'ld_ind':
        return this.#trap(i, 'unsupported', NEEDS_PACKET);
      default:
        return this.#memory(i, op, d, s);
    }
  }

  /** An access of arena memory: decoded as the ordinary one that it is a form of. */
  #arena(i: number): void {
    if (!this.#hasArena) return this.#trap(i, 'unsupported', 'arena access without arena storage');
    const { code, dst, src, off, imm } = this.#insns;
    const atomic = (code[i] & 0xe0) === BPF_PROBE_ATOMIC;
    const plain = (code[i] & 0x1f) | (atomic ? BPF_ATOMIC : BPF_MEM);
    const op = opOf(plain, src[i], off[i], imm[i]);
    if (op === undefined) return this.#trap(i, 'unknown-opcode', 'arena access of no defined form');
    this.#memory(i, op, dst[i] * 2, op.x ? src[i] * 2 : this.#constant(imm[i], imm[i] >> 31), OP_ARENA);
  }

  #byteSwap(i: number, op: OpInfo, d: number): void {
    if (op.name === 'le64') return this.#emit(i, BPF_ALU64 | BPF_MOV | BPF_X, d, d, 0);
    const key = (op.op === 'le' ? op.name : `swap${op.bits}`) as keyof typeof OP_END;
    this.#emit(i, OP_END[key], d, 0, 0);
  }

  #ldImm64(i: number, d: number): void {
    const { src, imm, length } = this.#insns;
    const next = i + 1 < length ? imm[i + 1] : 0;
    if (src[i] === 0) return this.#emit(i, OP_LD_IMM64, d, this.#constant(imm[i], next), 0);
    if (src[i] === BPF_PSEUDO_FUNC) {
      const regsIndex = REG_CONSTANTS + this.#constants.length;
      this.#constants.push(0, 0);
      this.#funcRefs.push({ start: i + 1 + imm[i], regsIndex });
      return this.#emit(i, OP_LD_IMM64, d, regsIndex, 0);
    }
    this.#trap(
      i,
      'unsupported',
      `ld_imm64 with src ${src[i]} is resolved by the verifier, which has not seen this program`,
    );
  }

  #call(i: number, frame: number): void {
    const { src, off, imm } = this.#insns;
    if (src[i] === BPF_PSEUDO_CALL) {
      this.#localCalls = true;
      return this.#emit(i, OP_CALL_LOCAL, frame, 0, this.#target(i, imm[i]));
    }
    this.#usesStack = true;
    const kfunc = src[i] === BPF_PSEUDO_KFUNC_CALL;
    if (!kfunc && imm[i] === BPF_FUNC.BPF_FUNC_tail_call) {
      this.#tailCalls = true;
      return this.#emit(i, OP_TAIL_CALL, 0, 0, 0);
    }
    const site = { kfunc, id: imm[i], fdIndex: off[i], slot: i };
    this.#emit(i, BPF_JMP | BPF_CALL, 0, 0, this.#calls.push(site) - 1);
  }

  #memory(i: number, op: OpInfo, d: number, s: number, flags = this.#guard ? OP_GUARDED : 0): void {
    const off = this.#insns.off[i];
    const size = op.code & 0x18;
    switch (op.format) {
      case 'load_acq':
        return this.#emit(i, flags | BPF_LDX | BPF_MEM | size, d, s, off);
      case 'store_rel':
      case 'st':
        return this.#emit(i, flags | BPF_STX | BPF_MEM | size, d, s, off);
      case 'ldx':
      case 'ldsx':
      case 'stx':
        return this.#emit(i, flags | op.code, d, s, off);
      default: {
        const row = ATOMIC_ROWS.findIndex((r) => r.name === op.op);
        this.#emit(i, flags | ((op.bits === 64 ? OP_ATOMIC64 : OP_ATOMIC32) + row), d, s, off);
      }
    }
  }
}

/** Number of an arithmetic operation: its register opcode, or that of the signed division. */
function aluOp(op: OpInfo): number {
  if (op.op === 'sdiv') return op.bits === 64 ? OP_SDIV64 : OP_SDIV32;
  if (op.op === 'smod') return op.bits === 64 ? OP_SMOD64 : OP_SMOD32;
  return op.code | BPF_X;
}
