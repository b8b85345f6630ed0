/** The operator table: its rows (op-rows.ts) expanded to every legal opcode. */
import { lazy } from '../util/lazy.ts';
import {
  BPF_ABS,
  BPF_ADDR_SPACE_CAST,
  BPF_ALU,
  BPF_ALU64,
  BPF_ATOMIC,
  BPF_CALL,
  BPF_DW,
  BPF_END,
  BPF_EXIT,
  BPF_IMM,
  BPF_IND,
  BPF_JA,
  BPF_JCOND,
  BPF_JMP,
  BPF_JMP32,
  BPF_K,
  BPF_LD,
  BPF_LDX,
  BPF_LOAD_ACQ,
  BPF_MEM,
  BPF_MEMSX,
  BPF_MOV,
  BPF_NEG,
  BPF_ST,
  BPF_STORE_REL,
  BPF_STX,
  BPF_TO_BE,
  BPF_TO_LE,
  BPF_X,
} from './opcodes.ts';
import {
  type IsaVersion,
  type IsaGroup,
  type OpInfo,
  ALU_ROWS,
  JMP_ROWS,
  type SizeRow,
  SIZE_ROWS,
  ATOMIC_ROWS,
  LD_IMM64_ROWS,
} from './op-rows.ts';

/** A row that has no number yet. */
type Draft = { -readonly [K in keyof OpInfo]: OpInfo[K] };

const zero = { dst: 0, src: 0, off: 0, imm: 0 } as const;
const plain = { id: 0, linux: true, op: '', symbol: '', wasm: '', x: false, version: 1 as IsaVersion };

function aluOps(out: Draft[]): void {
  for (const bits of [64, 32] as const) {
    const cls = bits === 64 ? BPF_ALU64 : BPF_ALU;
    const ty = bits === 64 ? 'i64' : 'i32';
    const base: IsaGroup = bits === 64 ? 'base64' : 'base32';
    for (const row of ALU_ROWS) {
      const group: IsaGroup = row.group === 'base' ? base : bits === 64 ? 'divmul64' : 'divmul32';
      for (const x of [false, true]) {
        out.push({
          id: 0,
          linux: true,
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
    const neg = { ...w, format: 'neg', op: 'neg', symbol: '-' } as const;
    out.push({ ...neg, name: `neg${bits}`, code: cls | BPF_NEG, doc: 'dst = -dst' });
    movOps(out, bits);
  }
  castOps(out);
}

function movOps(out: Draft[], bits: 64 | 32): void {
  const code = (bits === 64 ? BPF_ALU64 : BPF_ALU) | BPF_MOV;
  const group: IsaGroup = bits === 64 ? 'base64' : 'base32';
  const mov = { ...plain, ...zero, bits, group, dst: 'wreg', op: 'mov', symbol: '=' } as const;
  out.push({ ...mov, name: `mov${bits}_imm`, code, format: 'mov', imm: 'any', doc: 'dst = imm' });
  const movx = { ...mov, code: code | BPF_X, x: true, src: 'reg' as const };
  out.push({ ...movx, name: `mov${bits}_reg`, format: 'mov', doc: 'dst = src' });
  for (const from of bits === 64 ? [8, 16, 32] : [8, 16]) {
    out.push({
      ...movx,
      name: `movsx${from}_${bits}`,
      format: 'movsx',
      op: 'movsx',
      off: from,
      version: 4,
      wasm: `i${bits}.extend${from}_s`,
      doc: `dst = the low ${from} bits of src, sign-extended to ${bits}`,
    });
  }
}

/** Between address spaces (arenas). */
function castOps(out: Draft[]): void {
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

function branchOps(out: Draft[]): void {
  for (const bits of [64, 32] as const) {
    const cls = bits === 64 ? BPF_JMP : BPF_JMP32;
    for (const row of JMP_ROWS) {
      for (const x of [false, true]) {
        out.push({
          id: 0,
          linux: true,
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
}

/** Jumps without a condition, calls and returns. */
function jmpOps(out: Draft[]): void {
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
    if (s.bits !== 64) packetOps(out, s);
  }
}

/** Loads from the packet of the context. */
function packetOps(out: Draft[], s: SizeRow): void {
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
  branchOps(out);
  jmpOps(out);
  memOps(out);
  for (let id = 0; id < out.length; id++) out[id].id = id;
  return out;
}

/** Every legal form of every opcode. */
export const allOps = lazy(expand);

const byCode = lazy((): readonly (readonly OpInfo[])[] => {
  const rows: OpInfo[][] = Array.from({ length: 256 }, () => []);
  for (const op of allOps()) rows[op.code].push(op);
  return rows;
});

/** Opcode bytes that have a form, from the rows alone: most programs are verified without their forms. */
const opcodes = lazy((): Uint8Array => {
  const known = new Uint8Array(256);
  const add = (...codes: readonly number[]): void => {
    for (const code of codes) known[code] = 1;
  };
  for (const cls of [BPF_ALU, BPF_ALU64]) {
    for (const { op } of ALU_ROWS) add(cls | op | BPF_K, cls | op | BPF_X);
    add(cls | BPF_NEG, cls | BPF_MOV | BPF_K, cls | BPF_MOV | BPF_X, cls | BPF_END);
  }
  add(BPF_ALU | BPF_END | BPF_TO_LE, BPF_ALU | BPF_END | BPF_TO_BE);
  for (const cls of [BPF_JMP, BPF_JMP32]) {
    for (const { op } of JMP_ROWS) add(cls | op | BPF_K, cls | op | BPF_X);
    add(cls | BPF_JA);
  }
  add(
    BPF_JMP | BPF_CALL,
    BPF_JMP | BPF_CALL | BPF_X,
    BPF_JMP | BPF_EXIT,
    BPF_JMP | BPF_JCOND,
    BPF_LD | BPF_IMM | BPF_DW,
  );
  for (const { size, bits } of SIZE_ROWS) {
    add(BPF_LDX | BPF_MEM | size, BPF_ST | BPF_MEM | size, BPF_STX | BPF_MEM | size, BPF_STX | BPF_ATOMIC | size);
    if (bits !== 64) add(BPF_LDX | BPF_MEMSX | size, BPF_LD | BPF_ABS | size, BPF_LD | BPF_IND | size);
  }
  return known;
});

/** Whether an opcode byte has a legal form. */
export const isOpcode = (code: number): boolean => opcodes()[code] === 1;

/** Legal forms of an opcode byte; one without any is unknown. */
export const opsOf = (code: number): readonly OpInfo[] => byCode()[code];

/**
 * The row of an instruction, decided by code and the fields that tell forms apart (off of sdiv and movsx, imm of atomics
 * and byte swaps, src of ld_imm64 and calls); other fields are not looked at. Undefined when no form fits.
 */
export function opOf(code: number, src: number, off: number, imm: number): OpInfo | undefined {
  const rows = opsOf(code);
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
