/** Facts about each instruction, gathered before and during exploration (struct bpf_insn_aux_data), as columns. */
import type { KfuncRow } from '../rules/rows/kfuncs/row.ts';

// Bits of InsnAux.flags.
export const AUX_PRUNE_POINT = 1 << 0;
export const AUX_JMP_POINT = 1 << 1;
export const AUX_FORCE_CHECKPOINT = 1 << 2;
export const AUX_CALLS_CALLBACK = 1 << 3;
export const AUX_IS_ITER_NEXT = 1 << 4;
export const AUX_NOSPEC = 1 << 5;
export const AUX_NOSPEC_RESULT = 1 << 6;
export const AUX_ZEXT_DST = 1 << 7;
export const AUX_NEEDS_ZEXT = 1 << 8;
export const AUX_STORAGE_GET_FUNC_ATOMIC = 1 << 9;
export const AUX_FASTCALL_PATTERN = 1 << 10;
export const AUX_NON_SLEEPABLE = 1 << 11;
export const AUX_ALU_SANITIZE = 1 << 12;
/** bpf_loop call that can be inlined: flags known zero, one callback. */
export const AUX_LOOP_INLINE = 1 << 13;
/** A map lookup or tail call whose key or map differs between paths: not to be specialised. */
export const AUX_MAP_POISONED = 1 << 14;
export const AUX_KEY_POISONED = 1 << 15;
export const AUX_ARG_PROG = 1 << 16;

export class InsnAux {
  readonly flags: Int32Array;
  /** 0 until the instruction is processed; then the number of the verification pass (env.passCnt). */
  readonly seen: Int32Array;
  /** Register type that a load or store went through, for rewriting; 0 when none (ptr_type). */
  readonly ptrType: Int32Array;
  /** ld_imm64 of a map, and calls with a constant map: index in env.maps, or -1. */
  readonly mapIndex: Int32Array;
  /** ld_imm64 of a map value: offset in it. */
  readonly mapOff: Int32Array;
  /** Size of the context field of a converted access. */
  readonly ctxFieldSize: Uint8Array;
  /** Live registers before the instruction, one bit each. */
  readonly liveRegsBefore: Uint16Array;
  /** Strongly connected component, 0 outside loops. */
  readonly scc: Int32Array;
  /** Instruction of the original program. */
  readonly origIdx: Int32Array;
  /** Constant index of a map lookup or tail call when AUX_KEY_POISONED is clear; -1 unknown yet. */
  readonly mapKey: Int32Array;
  /** Rare facts, by instruction. */
  readonly extra: Map<number, InsnExtra>;

  constructor(readonly length: number) {
    this.flags = new Int32Array(length);
    this.seen = new Int32Array(length);
    this.ptrType = new Int32Array(length);
    this.mapIndex = new Int32Array(length).fill(-1);
    this.mapOff = new Int32Array(length);
    this.ctxFieldSize = new Uint8Array(length);
    this.liveRegsBefore = new Uint16Array(length);
    this.scc = new Int32Array(length);
    this.origIdx = new Int32Array(length);
    this.mapKey = new Int32Array(length).fill(-1);
    this.extra = new Map();
    for (let i = 0; i < length; i++) this.origIdx[i] = i;
  }

  extraAt(i: number): InsnExtra {
    let e = this.extra.get(i);
    if (e === undefined) this.extra.set(i, (e = {}));
    return e;
  }
}

/** A kernel function that the program names, resolved once (bpf_add_kfunc_call). */
export interface CalledKfunc {
  readonly name: string;
  /** BTF id of the function in the kernel's BTF. */
  readonly id: number;
  /** The called kfunc; undefined when this kernel does not have it. */
  readonly row: KfuncRow | undefined;
  /** This program may call it. */
  readonly allowed: boolean;
}

export interface InsnExtra {
  /** ld_imm64 of a BTF variable, kfunc calls, object allocation: BTF index in env.btfs and type id. */
  btf?: number;
  btfId?: number;
  /** Register type that ld_imm64 BTF_ID yields. */
  btfRegType?: number;
  /** Memory size of a ksym variable. */
  memSize?: number;
  /** bpf_loop inlining: callback subprogram. */
  loopCallback?: number;
  /** Pointer arithmetic sanitation (speculative): state bits and limit. */
  aluState?: number;
  aluLimit?: number;
  /** Name of the kernel struct behind ctx loads that yield BTF pointers. */
  ctxBtf?: string;
  /** Fastcall pattern: number of spills to remove. */
  fastcallSpills?: number;
  /** Subprogram whose stack offset a fastcall contract covers. */
  objNewSize?: number;
  insertOff?: number;
  /** Kfunc call: which one. */
  kfunc?: CalledKfunc;
  /** ld_imm64 of a kernel variable or function: its name. */
  ksym?: string;
  /** Iterator or callback argument registers, for convergence. */
  iterReg?: number;
}
