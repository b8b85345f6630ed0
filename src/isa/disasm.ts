/** Disassembly in the kernel verifier log's dialect (print_bpf_insn) and in llvm-objdump's. */
import { helperName } from './helper-name.ts';
import type { Insns } from './insn.ts';
import {
  BPF_ADDR_SPACE_CAST,
  BPF_ALU,
  BPF_ALU64,
  BPF_ATOMIC,
  BPF_CALL,
  BPF_CMPXCHG,
  BPF_DIV,
  BPF_END,
  BPF_EXIT,
  BPF_FETCH,
  BPF_IND,
  BPF_JA,
  BPF_JCOND,
  BPF_JMP,
  BPF_LD,
  BPF_LDX,
  BPF_LOAD_ACQ,
  BPF_MEMSX,
  BPF_MOD,
  BPF_MOV,
  BPF_NEG,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_KFUNC_CALL,
  BPF_PROBE_ATOMIC,
  BPF_PROBE_MEMSX,
  BPF_ST,
  BPF_STORE_REL,
  BPF_STX,
  BPF_XCHG,
  BPF_IMM,
  BPF_DW,
} from './opcodes.ts';
import { ALU_ROWS, ATOMIC_ROWS, JMP_ROWS } from './op-rows.ts';

export { disasmObjdump, type ObjdumpOptions } from './disasm-objdump.ts';

/** Settings of the kernel's dialect. */
export interface DisasmOptions {
  /** Name of the kernel function that a kfunc call (src 2) at slot `i` reaches; without it the kernel's `kernel-function`. */
  readonly callName?: (i: number) => string | undefined;
  /** Text of the 64-bit constant of an ld_imm64 at slot `i` (a map address), instead of the one in the instruction. */
  readonly mapAddr?: (i: number) => string | undefined;
}

// Tables by the fields of the opcode, filled from the operator table.
const aluSymbol: string[] = [];
const jmpSymbol: string[] = [];
const atomicSymbol: string[] = [];
const atomicName: string[] = [];
for (const r of ALU_ROWS) if (r.off === 0) aluSymbol[r.op >> 4] = r.symbol;
for (const r of JMP_ROWS) jmpSymbol[r.op >> 4] = r.symbol;
for (const r of ATOMIC_ROWS) {
  if (r.format === 'atomic') atomicSymbol[r.imm >> 4] = r.symbol;
  if (r.format === 'fetch') atomicName[r.imm >> 4] = r.name;
}
/** Width in bits by size field. */
const BITS = [32, 16, 8, 64];
const HEX2 = Array.from({ length: 256 }, (_, c) => c.toString(16).padStart(2, '0'));
const R = Array.from({ length: 16 }, (_, n) => `r${n}`);
const W = Array.from({ length: 16 }, (_, n) => `w${n}`);

const signed = (n: number): string => (n < 0 ? `${n}` : `+${n}`);
/** 64-bit constant of an ld_imm64 as unsigned hex. */
function hex64(lo: number, hi: number): string {
  const h = hi >>> 0;
  const l = (lo >>> 0).toString(16);
  return h === 0 ? `0x${l}` : `0x${h.toString(16)}${l.padStart(8, '0')}`;
}

/** `(61) r1 = *(u32 *)(r6 +4)`: the instruction at slot `i` exactly as Linux 6.18 prints it in the verifier log. */
export function disasmKernel(insns: Insns, i: number, opts?: DisasmOptions): string {
  const code = insns.code[i];
  return `(${HEX2[code]}) ${kernelText(insns, i, code, opts)}`;
}

function kernelText(insns: Insns, i: number, code: number, opts: DisasmOptions | undefined): string {
  const dst = insns.dst[i];
  const src = insns.src[i];
  const off = insns.off[i];
  const imm = insns.imm[i];
  const bits = BITS[(code >> 3) & 3];
  switch (code & 7) {
    case BPF_ALU:
    case BPF_ALU64:
      return kernelAlu(code, dst, src, off, imm);
    case BPF_LDX: {
      const mode = code & 0xe0;
      const sign = mode === BPF_MEMSX || mode === BPF_PROBE_MEMSX ? 's' : 'u';
      return `r${dst} = *(${sign}${bits} *)(r${src} ${signed(off)})`;
    }
    case BPF_ST:
      return `*(u${bits} *)(r${dst} ${signed(off)}) = ${imm}`;
    case BPF_STX: {
      const mode = code & 0xe0;
      if (mode === BPF_ATOMIC || mode === BPF_PROBE_ATOMIC) return kernelAtomic(code, dst, src, off, imm);
      return `*(u${bits} *)(r${dst} ${signed(off)}) = r${src}`;
    }
    case BPF_LD: {
      const mode = code & 0xe0;
      if (code === (BPF_LD | BPF_IMM | BPF_DW)) {
        const text = opts?.mapAddr?.(i);
        return `r${dst} = ${text ?? hex64(imm, i + 1 < insns.length ? insns.imm[i + 1] : 0)}`;
      }
      if (mode === BPF_IND) return `r0 = *(u${bits} *)skb[r${src} + ${imm}]`;
      if (mode === 0x20) return `r0 = *(u${bits} *)skb[${imm}]`;
      return `BUG_ld_${HEX2[code]}`;
    }
    default:
      return kernelJmp(insns, i, code, opts);
  }
}

function kernelAlu(code: number, dst: number, src: number, off: number, imm: number): string {
  const wide = (code & 7) === BPF_ALU64;
  const reg = wide ? R : W;
  const op = code & 0xf0;
  if (op === BPF_END) {
    return `r${dst} = ${wide ? 'bswap' : (code & 8) !== 0 ? 'be' : 'le'}${imm} r${dst}`;
  }
  if (op === BPF_NEG) return `${reg[dst]} = -${reg[dst]}`;
  if (op === BPF_MOV) {
    if ((code & 8) === 0) return `${reg[dst]} = ${imm}`;
    if (off === BPF_ADDR_SPACE_CAST && wide) {
      return `r${dst} = addr_space_cast(r${src}, ${imm >>> 16}, ${imm & 0xffff})`;
    }
    if (off === -1 && wide) return `r${dst} = &(void __percpu *)(r${src})`;
    const cast = off === 8 || off === 16 || off === 32 ? `(s${off})` : '';
    return `${reg[dst]} = ${cast}${reg[src]}`;
  }
  const sign = off === 1 && (op === BPF_DIV || op === BPF_MOD) ? 's' : '';
  const symbol = aluSymbol[op >> 4];
  if (symbol === undefined) return `BUG_alu_${HEX2[code]}`;
  return `${reg[dst]} ${sign}${symbol} ${(code & 8) !== 0 ? reg[src] : imm}`;
}

function kernelAtomic(code: number, dst: number, src: number, off: number, imm: number): string {
  const size = BITS[(code >> 3) & 3];
  const width = size === 64 ? '64' : '';
  if (imm === BPF_LOAD_ACQ) return `r${dst} = load_acquire((u${size} *)(r${src} ${signed(off)}))`;
  const mem = `(u${size} *)(r${dst} ${signed(off)})`;
  if (imm === BPF_STORE_REL) return `store_release(${mem}, r${src})`;
  if (imm === BPF_XCHG) return `r${src} = atomic${width}_xchg(${mem}, r${src})`;
  if (imm === BPF_CMPXCHG) return `r0 = atomic${width}_cmpxchg(${mem}, r0, r${src})`;
  const row = imm >> 4;
  if ((imm & 0xf) === 0 && atomicSymbol[row] !== undefined) return `lock *${mem} ${atomicSymbol[row]} r${src}`;
  if ((imm & 0xf) === BPF_FETCH && atomicName[row] !== undefined) {
    return `r${src} = atomic${width}_${atomicName[row]}(${mem}, r${src})`;
  }
  return `BUG_${HEX2[code]}`;
}

function kernelJmp(insns: Insns, i: number, code: number, opts: DisasmOptions | undefined): string {
  const dst = insns.dst[i];
  const src = insns.src[i];
  const off = insns.off[i];
  const imm = insns.imm[i];
  const op = code & 0xf0;
  const wide = (code & 7) === BPF_JMP;
  if (op === BPF_CALL) {
    if (src === BPF_PSEUDO_CALL) return `call pc${signed(imm)}`;
    if (src === BPF_PSEUDO_KFUNC_CALL) return `call ${opts?.callName?.(i) ?? 'kernel-function'}#${imm}`;
    return `call ${src === 0 ? helperName(imm) : 'unknown'}#${imm}`;
  }
  if (op === BPF_JA) return wide ? `goto pc${signed(off)}` : `gotol pc${signed(imm)}`;
  if (op === BPF_EXIT) return 'exit';
  if (op === BPF_JCOND && wide && src === 0 && dst === 0) return `may_goto pc${signed(off)}`;
  const reg = wide ? R : W;
  const right = (code & 8) !== 0 ? reg[src] : `0x${(imm >>> 0).toString(16)}`;
  return `if ${reg[dst]} ${jmpSymbol[op >> 4] ?? '(null)'} ${right} goto pc${signed(off)}`;
}
