/** The operator table: one row per operation of the instruction set (RFC 9669 plus what Linux 6.18 adds), expanded to every legal opcode. */
import {
  BPF_ABS,
  BPF_ADD,
  BPF_ADDR_SPACE_CAST,
  BPF_ALU,
  BPF_ALU64,
  BPF_AND,
  BPF_ARSH,
  BPF_ATOMIC,
  BPF_B,
  BPF_CALL,
  BPF_CMPXCHG,
  BPF_DIV,
  BPF_DW,
  BPF_END,
  BPF_EXIT,
  BPF_FETCH,
  BPF_H,
  BPF_IMM,
  BPF_IND,
  BPF_JA,
  BPF_JCOND,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JLE,
  BPF_JLT,
  BPF_JMP,
  BPF_JMP32,
  BPF_JNE,
  BPF_JSET,
  BPF_JSGE,
  BPF_JSGT,
  BPF_JSLE,
  BPF_JSLT,
  BPF_K,
  BPF_LD,
  BPF_LDX,
  BPF_LOAD_ACQ,
  BPF_LSH,
  BPF_MEM,
  BPF_MEMSX,
  BPF_MOD,
  BPF_MOV,
  BPF_MUL,
  BPF_NEG,
  BPF_OR,
  BPF_RSH,
  BPF_ST,
  BPF_STORE_REL,
  BPF_STX,
  BPF_SUB,
  BPF_TO_BE,
  BPF_TO_LE,
  BPF_W,
  BPF_X,
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
  /** Name of the operation alone: `sdiv`, `jset`, `fetch_add`; '' where the format says all. */
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

interface AluRow {
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

interface JmpRow {
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

interface SizeRow {
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

interface AtomicRow {
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

type Draft = Omit<OpInfo, 'id' | 'linux'> & { linux?: boolean };

const zero = { dst: 0, src: 0, off: 0, imm: 0 } as const;
const plain = { op: '', symbol: '', wasm: '', x: false, version: 1 as IsaVersion };

function aluOps(out: Draft[]): void {
  for (const bits of [64, 32] as const) {
    const cls = bits === 64 ? BPF_ALU64 : BPF_ALU;
    const ty = bits === 64 ? 'i64' : 'i32';
    const base: IsaGroup = bits === 64 ? 'base64' : 'base32';
    for (const row of ALU_ROWS) {
      const group: IsaGroup = row.group === 'base' ? base : bits === 64 ? 'divmul64' : 'divmul32';
      for (const x of [false, true]) {
        out.push({
          name: `${row.name}${bits}_${x ? 'reg' : 'imm'}`,
          code: cls | row.op | (x ? BPF_X : BPF_K),
          format: 'alu',
          op: row.name,
          symbol: row.symbol,
          bits,
          x,
          dst: 'wreg',
          src: x ? 'reg' : 0,
          off: row.off,
          imm: x ? 0 : 'any',
          version: row.version,
          group,
          wasm: row.wasm && `${ty}.${row.wasm}`,
          doc: row.doc,
        });
      }
    }
    const w = { ...plain, ...zero, bits, group: base, dst: 'wreg' as const };
    out.push({
      ...w,
      name: `neg${bits}`,
      code: cls | BPF_NEG,
      format: 'neg',
      op: 'neg',
      symbol: '-',
      doc: 'dst = -dst',
    });
    const mov = { ...w, op: 'mov', symbol: '=' };
    out.push({ ...mov, name: `mov${bits}_imm`, code: cls | BPF_MOV, format: 'mov', imm: 'any', doc: 'dst = imm' });
    const movx = { ...mov, code: cls | BPF_MOV | BPF_X, x: true, src: 'reg' as const };
    out.push({ ...movx, name: `mov${bits}_reg`, format: 'mov', doc: 'dst = src' });
    for (const from of bits === 64 ? [8, 16, 32] : [8, 16]) {
      out.push({
        ...movx,
        name: `movsx${from}_${bits}`,
        format: 'movsx',
        op: 'movsx',
        off: from,
        version: 4,
        wasm: `${ty}.extend${from}_s`,
        doc: `dst = the low ${from} bits of src, sign-extended to ${bits}`,
      });
    }
  }
  const mov = { ...plain, ...zero, code: BPF_ALU64 | BPF_MOV | BPF_X, x: true, dst: 'wreg', src: 'reg' } as const;
  const cast = { ...mov, format: 'cast', op: 'cast', off: BPF_ADDR_SPACE_CAST, bits: 64, group: 'linux' } as const;
  out.push({ ...cast, name: 'cast_user', imm: 1, version: 4, doc: 'dst = src cast to address space 0 from 1 (arena)' });
  out.push({
    ...cast,
    name: 'cast_kern',
    imm: 0x10000,
    version: 4,
    doc: 'dst = src cast to address space 1 from 0 (arena)',
  });
}

function endOps(out: Draft[]): void {
  for (const bits of [16, 32, 64] as const) {
    const e = { ...plain, ...zero, format: 'end', bits, dst: 'wreg', imm: bits } as const;
    const group: IsaGroup = bits === 64 ? 'base64' : 'base32';
    const doc = `the low ${bits} bits of dst, the rest cleared`;
    out.push({
      ...e,
      name: `le${bits}`,
      op: 'le',
      code: BPF_ALU | BPF_END | BPF_TO_LE,
      group,
      doc: `to little-endian: ${doc}`,
    });
    out.push({
      ...e,
      name: `be${bits}`,
      op: 'be',
      code: BPF_ALU | BPF_END | BPF_TO_BE,
      group,
      doc: `to big-endian: ${doc}`,
    });
    out.push({
      ...e,
      name: `bswap${bits}`,
      op: 'bswap',
      code: BPF_ALU64 | BPF_END,
      group,
      version: 4,
      doc: `byte swap: ${doc}`,
    });
  }
}

function jmpOps(out: Draft[]): void {
  for (const bits of [64, 32] as const) {
    const cls = bits === 64 ? BPF_JMP : BPF_JMP32;
    for (const row of JMP_ROWS) {
      for (const x of [false, true]) {
        out.push({
          name: `${row.name}${bits}_${x ? 'reg' : 'imm'}`,
          code: cls | row.op | (x ? BPF_X : BPF_K),
          format: 'jcond',
          op: row.name,
          symbol: row.symbol,
          bits,
          x,
          dst: 'reg',
          src: x ? 'reg' : 0,
          off: 'jump',
          imm: x ? 0 : 'any',
          version: bits === 32 ? 3 : row.version,
          group: bits === 64 ? 'base64' : 'base32',
          wasm: row.wasm && `i${bits}.${row.wasm}`,
          doc: row.doc,
        });
      }
    }
  }
  const j = { ...plain, ...zero, bits: 64, group: 'base32' } as const;
  const call = { ...j, code: BPF_JMP | BPF_CALL, format: 'call', op: 'call', imm: 'any' } as const;
  out.push(
    { ...j, name: 'ja', code: BPF_JMP | BPF_JA, format: 'ja', op: 'ja', off: 'jump', doc: 'PC += off' },
    {
      ...j,
      name: 'gotol',
      code: BPF_JMP32 | BPF_JA,
      format: 'ja',
      op: 'gotol',
      imm: 'jump',
      version: 4,
      doc: 'PC += imm',
    },
    { ...call, name: 'call', doc: 'r0 = helper imm (r1 to r5)' },
    {
      ...call,
      name: 'call_local',
      src: 1,
      imm: 'jump',
      version: 3,
      doc: 'r0 = the function imm slots further (r1 to r5)',
    },
    {
      ...call,
      name: 'call_kfunc',
      src: 2,
      off: 'any',
      group: 'linux',
      version: 3,
      doc: 'r0 = kernel function BTF id imm (r1 to r5)',
    },
    { ...j, name: 'exit', code: BPF_JMP | BPF_EXIT, format: 'exit', op: 'exit', doc: 'return r0' },
    {
      ...j,
      name: 'may_goto',
      code: BPF_JMP | BPF_JCOND,
      format: 'may_goto',
      op: 'may_goto',
      off: 'jump',
      version: 4,
      group: 'linux',
      doc: 'PC += off when the loop budget is spent',
    },
    {
      ...j,
      name: 'callx',
      code: BPF_JMP | BPF_CALL | BPF_X,
      format: 'callx',
      op: 'callx',
      x: true,
      dst: 'reg',
      version: 3,
      group: 'callx',
      linux: false,
      doc: 'r0 = helper dst (r1 to r5)',
    },
  );
}

function memOps(out: Draft[]): void {
  for (const s of SIZE_ROWS) {
    const group: IsaGroup = s.bits === 64 ? 'base64' : 'base32';
    const m = { ...plain, ...zero, bits: s.bits, group, off: 'any' as const };
    const ldx = { ...m, x: true, dst: 'wreg', src: 'reg' } as const;
    out.push({
      ...ldx,
      name: `ldx${s.name}`,
      code: BPF_LDX | BPF_MEM | s.size,
      format: 'ldx',
      wasm: `i64.${s.load}`,
      doc: `dst = *(u${s.bits} *)(src + off)`,
    });
    if (s.bits !== 64) {
      out.push({
        ...ldx,
        name: `ldxs${s.name}`,
        code: BPF_LDX | BPF_MEMSX | s.size,
        format: 'ldsx',
        group: 'base64',
        version: 4,
        wasm: `i64.${s.loadSigned}`,
        doc: `dst = *(s${s.bits} *)(src + off), sign-extended`,
      });
    }
    const wasm = `i64.${s.store}`;
    const doc = `*(u${s.bits} *)(dst + off) =`;
    out.push(
      {
        ...m,
        name: `st${s.name}`,
        code: BPF_ST | BPF_MEM | s.size,
        format: 'st',
        dst: 'reg',
        imm: 'any',
        wasm,
        doc: `${doc} imm`,
      },
      {
        ...m,
        name: `stx${s.name}`,
        code: BPF_STX | BPF_MEM | s.size,
        format: 'stx',
        x: true,
        dst: 'reg',
        src: 'reg',
        wasm,
        doc: `${doc} src`,
      },
    );
    atomicOps(out, s);
    if (s.bits !== 64) {
      const p = { ...plain, ...zero, bits: s.bits, group: 'packet', imm: 'any' } as const;
      out.push(
        {
          ...p,
          name: `ldabs${s.name}`,
          code: BPF_LD | BPF_ABS | s.size,
          format: 'ld_abs',
          doc: `r0 = ntoh *(u${s.bits} *)packet[imm]`,
        },
        {
          ...p,
          name: `ldind${s.name}`,
          code: BPF_LD | BPF_IND | s.size,
          format: 'ld_ind',
          x: true,
          src: 'reg',
          doc: `r0 = ntoh *(u${s.bits} *)packet[src + imm]`,
        },
      );
    }
  }
}

function atomicOps(out: Draft[], s: SizeRow): void {
  const a = { ...plain, ...zero, code: BPF_STX | BPF_ATOMIC | s.size, bits: s.bits, x: true, off: 'any' } as const;
  const u = s.bits === 64 ? '' : '_u';
  if (s.bits >= 32) {
    for (const row of ATOMIC_ROWS) {
      out.push({
        ...a,
        name: `atomic${s.bits}_${row.name}`,
        format: row.format,
        op: row.name,
        symbol: row.symbol,
        dst: 'reg',
        src: row.format === 'atomic' || row.format === 'cmpxchg' ? 'reg' : 'wreg',
        imm: row.imm,
        version: row.version,
        group: s.bits === 64 ? 'atomic64' : 'atomic32',
        wasm: `i64.atomic.${s.rmw}.${row.wasm}${u}`,
        doc: row.doc,
      });
    }
  }
  const q = { ...a, version: 4, group: 'linux' } as const;
  const width = s.bits === 64 ? '' : `${s.bits}`;
  out.push(
    {
      ...q,
      name: `load_acquire${s.bits}`,
      format: 'load_acq',
      op: 'load_acquire',
      dst: 'wreg',
      src: 'reg',
      imm: BPF_LOAD_ACQ,
      wasm: `i64.atomic.load${width}${u}`,
      doc: `dst = *(u${s.bits} *)(src + off), nothing later moves before it`,
    },
    {
      ...q,
      name: `store_release${s.bits}`,
      format: 'store_rel',
      op: 'store_release',
      dst: 'reg',
      src: 'reg',
      imm: BPF_STORE_REL,
      wasm: `i64.atomic.store${width}`,
      doc: `*(u${s.bits} *)(dst + off) = src, nothing earlier moves behind it`,
    },
  );
}

function expand(): readonly OpInfo[] {
  const out: Draft[] = [];
  for (const row of LD_IMM64_ROWS) {
    const group: IsaGroup = 'base64';
    const code = BPF_LD | BPF_IMM | BPF_DW;
    out.push({
      ...plain,
      ...zero,
      name: row.name,
      code,
      format: 'ld_imm64',
      bits: 64,
      dst: 'wreg',
      src: row.src,
      imm: 'any',
      group,
      wasm: 'i64.const',
      doc: row.doc,
    });
  }
  aluOps(out);
  endOps(out);
  jmpOps(out);
  memOps(out);
  return out.map((d, id) => ({ linux: true, ...d, id }));
}

/** Every legal form of every opcode. */
export const OPS: readonly OpInfo[] = expand();

/** Legal forms by opcode byte; an opcode without any is unknown. */
export const OPS_BY_CODE: readonly (readonly OpInfo[])[] = Array.from({ length: 256 }, (_, code) =>
  OPS.filter((op) => op.code === code),
);

/** Forms by their unique name. */
export const OPS_BY_NAME: ReadonlyMap<string, OpInfo> = new Map(OPS.map((op) => [op.name, op]));

/**
 * The row of an instruction, decided by code and the fields that tell forms apart (off of sdiv and movsx, imm of atomics
 * and byte swaps, src of ld_imm64 and calls); other fields are not looked at. Undefined when no form fits.
 */
export function opOf(code: number, src: number, off: number, imm: number): OpInfo | undefined {
  const rows = OPS_BY_CODE[code];
  if (rows.length === 1) return rows[0];
  for (const r of rows) {
    if (
      (typeof r.off !== 'number' || r.off === off) &&
      (typeof r.imm !== 'number' || r.imm === imm) &&
      (typeof r.src !== 'number' || r.src === src)
    ) {
      return r;
    }
  }
  return undefined;
}
