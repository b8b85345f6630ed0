/** The rows of the operator table: facts of the instruction set (RFC 9669 plus what Linux 6.18 adds), which ops.ts expands. */
import {
  BPF_ADD,
  BPF_AND,
  BPF_ARSH,
  BPF_B,
  BPF_CMPXCHG,
  BPF_DIV,
  BPF_DW,
  BPF_FETCH,
  BPF_H,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JLE,
  BPF_JLT,
  BPF_JNE,
  BPF_JSET,
  BPF_JSGE,
  BPF_JSGT,
  BPF_JSLE,
  BPF_JSLT,
  BPF_LSH,
  BPF_MOD,
  BPF_MUL,
  BPF_OR,
  BPF_RSH,
  BPF_SUB,
  BPF_W,
  BPF_XCHG,
  BPF_XOR,
} from './opcodes.ts';

/** Instruction set version that introduced an operation (`-mcpu=`). */
export type IsaVersion = 1 | 2 | 3 | 4;

/** Conformance group of RFC 9669 section 2.4; `linux` are operations of Linux 6.18 outside the RFC, `callx` is clang's. */
export type IsaGroup =
  | 'base32'
  | 'base64'
  | 'atomic32'
  | 'atomic64'
  | 'divmul32'
  | 'divmul64'
  | 'packet'
  | 'linux'
  | 'callx';

/**
 * What a field may hold: a number (exactly that, 0 meaning reserved), `any`, a readable register, a writable register,
 * or the distance of a jump counted from the next slot.
 */
export type FieldRule = number | 'any' | 'reg' | 'wreg' | 'jump';

/** How an operation is written and decoded. */
export type OpFormat =
  | 'alu' // dst op= src|imm
  | 'neg'
  | 'mov'
  | 'movsx'
  | 'cast' // addr_space_cast
  | 'end' // byte swaps
  | 'ja'
  | 'jcond' // if dst op src|imm goto
  | 'may_goto'
  | 'call'
  | 'callx'
  | 'exit'
  | 'ld_imm64'
  | 'ld_abs'
  | 'ld_ind'
  | 'ldx'
  | 'ldsx'
  | 'st'
  | 'stx'
  | 'atomic' // lock *(..) op= src
  | 'fetch' // src = atomic_fetch_op(..)
  | 'xchg'
  | 'cmpxchg'
  | 'load_acq'
  | 'store_rel';

/** One legal form of one opcode byte. Where an opcode has several (by off, imm or src), each is a row. */
export interface OpInfo {
  /** Position in {@link OPS}. */
  readonly id: number;
  /** Unique name: `sdiv64_imm`, `jset32_reg`, `ldxsw`, `atomic64_fetch_add`. */
  readonly name: string;
  readonly code: number;
  readonly format: OpFormat;
  /** Name of the operation without width and operands: `sdiv`, `jset`, `fetch_add`; '' where the format says all. */
  readonly op: string;
  /** Operator as written: `s/=`, `s>=`; '' where there is none. */
  readonly symbol: string;
  /** Width of the operation in bits: 32 or 64 for arithmetic and jumps, 8 to 64 for memory. */
  readonly bits: 8 | 16 | 32 | 64;
  /** The second operand is a register. */
  readonly x: boolean;
  readonly dst: FieldRule;
  readonly src: FieldRule;
  readonly off: FieldRule;
  readonly imm: FieldRule;
  readonly version: IsaVersion;
  readonly group: IsaGroup;
  /** The WebAssembly instruction with the same effect on the two operands, '' when it takes more than one. */
  readonly wasm: string;
  /** Semantics, in RFC 9669's words where it has them. */
  readonly doc: string;
  /** False when Linux 6.18 rejects it (callx). */
  readonly linux: boolean;
}

export interface AluRow {
  readonly op: number;
  readonly name: string;
  readonly symbol: string;
  /** Value of the off field. */
  readonly off: number;
  readonly version: IsaVersion;
  readonly group: 'base' | 'divmul';
  /** Instruction suffix after `i32.` or `i64.`. */
  readonly wasm: string;
  readonly doc: string;
}

/** Arithmetic: both widths, immediate and register. 32-bit forms zero-extend their result; immediates are sign-extended. */
export const ALU_ROWS = [
  { op: BPF_ADD, name: 'add', symbol: '+=', off: 0, version: 1, group: 'base', wasm: 'add', doc: 'dst += src' },
  { op: BPF_SUB, name: 'sub', symbol: '-=', off: 0, version: 1, group: 'base', wasm: 'sub', doc: 'dst -= src' },
  { op: BPF_MUL, name: 'mul', symbol: '*=', off: 0, version: 1, group: 'divmul', wasm: 'mul', doc: 'dst *= src' },
  {
    op: BPF_DIV,
    name: 'div',
    symbol: '/=',
    off: 0,
    version: 1,
    group: 'divmul',
    wasm: '',
    doc: 'dst = src != 0 ? dst / src : 0, unsigned',
  },
  {
    op: BPF_DIV,
    name: 'sdiv',
    symbol: 's/=',
    off: 1,
    version: 4,
    group: 'divmul',
    wasm: '',
    doc: 'dst = src == 0 ? 0 : src == -1 && dst == MIN ? MIN : dst s/ src, truncating',
  },
  { op: BPF_OR, name: 'or', symbol: '|=', off: 0, version: 1, group: 'base', wasm: 'or', doc: 'dst |= src' },
  { op: BPF_AND, name: 'and', symbol: '&=', off: 0, version: 1, group: 'base', wasm: 'and', doc: 'dst &= src' },
  {
    op: BPF_LSH,
    name: 'lsh',
    symbol: '<<=',
    off: 0,
    version: 1,
    group: 'base',
    wasm: 'shl',
    doc: 'dst <<= src & (width - 1)',
  },
  {
    op: BPF_RSH,
    name: 'rsh',
    symbol: '>>=',
    off: 0,
    version: 1,
    group: 'base',
    wasm: 'shr_u',
    doc: 'dst >>= src & (width - 1), zeros enter',
  },
  {
    op: BPF_MOD,
    name: 'mod',
    symbol: '%=',
    off: 0,
    version: 1,
    group: 'divmul',
    wasm: '',
    doc: 'dst = src != 0 ? dst % src : dst, unsigned',
  },
  {
    op: BPF_MOD,
    name: 'smod',
    symbol: 's%=',
    off: 1,
    version: 4,
    group: 'divmul',
    wasm: '',
    doc: 'dst = src == 0 ? dst : src == -1 && dst == MIN ? 0 : dst s% src, sign of dst',
  },
  { op: BPF_XOR, name: 'xor', symbol: '^=', off: 0, version: 1, group: 'base', wasm: 'xor', doc: 'dst ^= src' },
  {
    op: BPF_ARSH,
    name: 'arsh',
    symbol: 's>>=',
    off: 0,
    version: 1,
    group: 'base',
    wasm: 'shr_s',
    doc: 'dst s>>= src & (width - 1), the sign enters',
  },
] as const satisfies readonly AluRow[];

export interface JmpRow {
  readonly op: number;
  readonly name: string;
  readonly symbol: string;
  readonly version: IsaVersion;
  readonly wasm: string;
  readonly doc: string;
}

/** Conditional jumps: both widths (JMP32 since v3), immediate and register. */
export const JMP_ROWS = [
  { op: BPF_JEQ, name: 'jeq', symbol: '==', version: 1, wasm: 'eq', doc: 'PC += off if dst == src' },
  { op: BPF_JGT, name: 'jgt', symbol: '>', version: 1, wasm: 'gt_u', doc: 'PC += off if dst > src, unsigned' },
  { op: BPF_JGE, name: 'jge', symbol: '>=', version: 1, wasm: 'ge_u', doc: 'PC += off if dst >= src, unsigned' },
  { op: BPF_JSET, name: 'jset', symbol: '&', version: 1, wasm: '', doc: 'PC += off if dst & src' },
  { op: BPF_JNE, name: 'jne', symbol: '!=', version: 1, wasm: 'ne', doc: 'PC += off if dst != src' },
  { op: BPF_JSGT, name: 'jsgt', symbol: 's>', version: 1, wasm: 'gt_s', doc: 'PC += off if dst > src, signed' },
  { op: BPF_JSGE, name: 'jsge', symbol: 's>=', version: 1, wasm: 'ge_s', doc: 'PC += off if dst >= src, signed' },
  { op: BPF_JLT, name: 'jlt', symbol: '<', version: 2, wasm: 'lt_u', doc: 'PC += off if dst < src, unsigned' },
  { op: BPF_JLE, name: 'jle', symbol: '<=', version: 2, wasm: 'le_u', doc: 'PC += off if dst <= src, unsigned' },
  { op: BPF_JSLT, name: 'jslt', symbol: 's<', version: 2, wasm: 'lt_s', doc: 'PC += off if dst < src, signed' },
  { op: BPF_JSLE, name: 'jsle', symbol: 's<=', version: 2, wasm: 'le_s', doc: 'PC += off if dst <= src, signed' },
] as const satisfies readonly JmpRow[];

export interface SizeRow {
  readonly size: number;
  readonly name: string;
  readonly bits: 8 | 16 | 32 | 64;
  /** Suffixes of i64 loads and stores of this width. */
  readonly load: string;
  readonly loadSigned: string;
  readonly store: string;
  /** Infix of i64 read-modify-write instructions. */
  readonly rmw: string;
}

/** Widths of memory access. */
export const SIZE_ROWS = [
  { size: BPF_B, name: 'b', bits: 8, load: 'load8_u', loadSigned: 'load8_s', store: 'store8', rmw: 'rmw8' },
  { size: BPF_H, name: 'h', bits: 16, load: 'load16_u', loadSigned: 'load16_s', store: 'store16', rmw: 'rmw16' },
  { size: BPF_W, name: 'w', bits: 32, load: 'load32_u', loadSigned: 'load32_s', store: 'store32', rmw: 'rmw32' },
  { size: BPF_DW, name: 'dw', bits: 64, load: 'load', loadSigned: '', store: 'store', rmw: 'rmw' },
] as const satisfies readonly SizeRow[];

export interface AtomicRow {
  /** Value of imm. */
  readonly imm: number;
  readonly name: string;
  readonly format: OpFormat;
  readonly symbol: string;
  readonly version: IsaVersion;
  /** Operation of the WebAssembly threads instruction. */
  readonly wasm: string;
  readonly doc: string;
}

/** Atomic operations, 32 and 64 bits, told apart by imm. */
export const ATOMIC_ROWS = [
  {
    imm: BPF_ADD,
    name: 'add',
    format: 'atomic',
    symbol: '+=',
    version: 1,
    wasm: 'add',
    doc: '*(dst + off) += src atomically',
  },
  {
    imm: BPF_OR,
    name: 'or',
    format: 'atomic',
    symbol: '|=',
    version: 3,
    wasm: 'or',
    doc: '*(dst + off) |= src atomically',
  },
  {
    imm: BPF_AND,
    name: 'and',
    format: 'atomic',
    symbol: '&=',
    version: 3,
    wasm: 'and',
    doc: '*(dst + off) &= src atomically',
  },
  {
    imm: BPF_XOR,
    name: 'xor',
    format: 'atomic',
    symbol: '^=',
    version: 3,
    wasm: 'xor',
    doc: '*(dst + off) ^= src atomically',
  },
  {
    imm: BPF_ADD | BPF_FETCH,
    name: 'fetch_add',
    format: 'fetch',
    symbol: '+=',
    version: 3,
    wasm: 'add',
    doc: 'src = the value before *(dst + off) += src',
  },
  {
    imm: BPF_OR | BPF_FETCH,
    name: 'fetch_or',
    format: 'fetch',
    symbol: '|=',
    version: 3,
    wasm: 'or',
    doc: 'src = the value before *(dst + off) |= src',
  },
  {
    imm: BPF_AND | BPF_FETCH,
    name: 'fetch_and',
    format: 'fetch',
    symbol: '&=',
    version: 3,
    wasm: 'and',
    doc: 'src = the value before *(dst + off) &= src',
  },
  {
    imm: BPF_XOR | BPF_FETCH,
    name: 'fetch_xor',
    format: 'fetch',
    symbol: '^=',
    version: 3,
    wasm: 'xor',
    doc: 'src = the value before *(dst + off) ^= src',
  },
  {
    imm: BPF_XCHG,
    name: 'xchg',
    format: 'xchg',
    symbol: '',
    version: 3,
    wasm: 'xchg',
    doc: 'src and *(dst + off) are exchanged',
  },
  {
    imm: BPF_CMPXCHG,
    name: 'cmpxchg',
    format: 'cmpxchg',
    symbol: '',
    version: 3,
    wasm: 'cmpxchg',
    doc: 'r0 = the value before; *(dst + off) = src if it equalled r0',
  },
] as const satisfies readonly AtomicRow[];

/** Kinds of ld_imm64 by src_reg; `next` is the rule of the second slot's imm. */
export const LD_IMM64_ROWS = [
  { src: 0, name: 'lddw', next: 'any', version: 1, doc: 'dst = the 64-bit constant' },
  { src: 1, name: 'lddw_map_fd', next: 0, version: 1, doc: 'dst = map_by_fd(imm)' },
  { src: 2, name: 'lddw_map_value', next: 'any', version: 1, doc: 'dst = map_val(map_by_fd(imm)) + next_imm' },
  { src: 3, name: 'lddw_btf_id', next: 'any', version: 1, doc: 'dst = address of variable imm of BTF object next_imm' },
  { src: 4, name: 'lddw_func', next: 0, version: 1, doc: 'dst = code address of the function imm slots further' },
  { src: 5, name: 'lddw_map_idx', next: 0, version: 1, doc: 'dst = map_by_idx(imm)' },
  { src: 6, name: 'lddw_map_idx_value', next: 'any', version: 1, doc: 'dst = map_val(map_by_idx(imm)) + next_imm' },
] as const;
