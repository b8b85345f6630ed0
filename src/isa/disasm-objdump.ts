/** Disassembly in llvm-objdump's dialect (LLVM 19; load-acquire and store-release as LLVM 20 writes them). */
import type { Insn, Insns } from './insn.ts';
import { LD_IMM64_ROWS, type OpInfo } from './op-rows.ts';
import { opOf } from './ops.ts';

/** Settings of llvm-objdump's dialect. */
export interface ObjdumpOptions {
  /** Write narrow loads and stores with `w` registers, as objdump does with `--mcpu=v3` and later. */
  readonly alu32?: boolean;
}

const hex = (n: number): string => (n < 0 ? `-0x${(-n).toString(16)}` : `0x${n.toString(16)}`);
const distance = (n: number): string => (n < 0 ? hex(n) : `+${hex(n)}`);
const address = (reg: number, off: number): string => (off < 0 ? `r${reg} - ${hex(-off)}` : `r${reg} + ${hex(off)}`);

/** 64-bit constant as signed hex, without BigInt. */
function signedHex64(lo: number, hi: number): string {
  if (hi >= 0) return unsignedHex64(lo, hi);
  const l = -lo | 0;
  const h = l === 0 ? -hi | 0 : ~hi;
  return `-${unsignedHex64(l, h)}`;
}
function unsignedHex64(lo: number, hi: number): string {
  const l = (lo >>> 0).toString(16);
  return hi === 0 ? `0x${l}` : `0x${(hi >>> 0).toString(16)}${l.padStart(8, '0')}`;
}

/** `r1 = *(u32 *)(r6 + 0x4)`: the instruction at slot `i` as llvm-objdump prints it, without symbol annotations. */
export function disasmObjdump(insns: Insns, i: number, opts?: ObjdumpOptions): string {
  const op = opOf(insns.code[i], insns.src[i], insns.off[i], insns.imm[i]);
  if (op === undefined) return '<unknown>';
  const dst = insns.dst[i];
  const src = insns.src[i];
  const off = insns.off[i];
  const imm = insns.imm[i];
  const r = op.bits === 64 ? 'r' : 'w';
  switch (op.format) {
    case 'alu':
      return `${r}${dst} ${op.symbol} ${op.x ? `${r}${src}` : hex(imm)}`;
    case 'neg':
      return `${r}${dst} = -${r}${dst}`;
    case 'mov':
      return `${r}${dst} = ${op.x ? `${r}${src}` : hex(imm)}`;
    case 'movsx':
      return `${r}${dst} = (s${off})${r}${src}`;
    case 'cast':
      return `r${dst} = addr_space_cast(r${src}, ${hex(imm >>> 16)}, ${hex(imm & 0xffff)})`;
    case 'end':
      return `r${dst} = ${op.op}${imm} r${dst}`;
    case 'jcond':
      return `if ${r}${dst} ${op.symbol} ${op.x ? `${r}${src}` : hex(imm)} goto ${distance(off)}`;
    case 'ja':
      return op.op === 'ja' ? `goto ${distance(off)}` : `gotol ${distance(imm)}`;
    case 'may_goto':
      return `may_goto ${distance(off)}`;
    case 'call':
      return `call ${hex(imm)}`;
    case 'callx':
      return `callx r${dst}`;
    case 'exit':
      return 'exit';
    case 'ld_imm64':
      return ldImm64(insns, i);
    case 'ld_abs':
      return `r0 = *(u${op.bits} *)skb[${hex(imm)}]`;
    case 'ld_ind':
      // objdump forgets the constant; it is kept here when it matters.
      return `r0 = *(u${op.bits} *)skb[r${src}${imm === 0 ? '' : ` + ${hex(imm)}`}]`;
    default:
      return memory(op, { dst, src, off, imm }, opts?.alu32 === true && op.bits !== 64 ? 'w' : 'r');
  }
}

function ldImm64(insns: Insns, i: number): string {
  const dst = insns.dst[i];
  const src = insns.src[i];
  const lo = insns.imm[i];
  const next = i + 1 < insns.length ? insns.imm[i + 1] : 0;
  if (src === 0) return `r${dst} = ${signedHex64(lo, next)} ll`;
  // objdump prints only the first slot's constant; the second is kept here where the kind uses it.
  const both = LD_IMM64_ROWS[src]?.next === 'any' ? next : 0;
  return `ld_pseudo\tr${dst}, ${hex(src)}, ${unsignedHex64(lo, both)}`;
}

function memory(op: OpInfo, { dst, src, off, imm }: Omit<Insn, 'code'>, narrow: string): string {
  const bits = op.bits;
  const w = bits === 64 ? 'r' : 'w';
  const mem = `(u${bits} *)(${address(dst, off)})`;
  switch (op.format) {
    case 'ldx':
      return `${narrow}${dst} = *(u${bits} *)(${address(src, off)})`;
    case 'ldsx':
      return `r${dst} = *(s${bits} *)(${address(src, off)})`;
    case 'st':
      return `*${mem} = ${hex(imm)}`;
    case 'stx':
      return `*${mem} = ${narrow}${src}`;
    case 'atomic':
      return `lock *${mem} ${op.symbol} ${op.op === 'add' ? narrow : w}${src}`;
    case 'fetch':
      return `${w}${src} = atomic_${op.op}(${mem}, ${w}${src})`;
    case 'xchg':
      return `${w}${src} = ${bits === 64 ? 'xchg_64' : 'xchg32_32'}(${address(dst, off)}, ${w}${src})`;
    case 'cmpxchg':
      return `${w}0 = ${bits === 64 ? 'cmpxchg_64' : 'cmpxchg32_32'}(${address(dst, off)}, ${w}0, ${w}${src})`;
    case 'load_acq':
      return `${w}${dst} = load_acquire((u${bits} *)(${address(src, off)}))`;
    default:
      return `store_release(${mem}, ${w}${src})`;
  }
}
