/** Changes of a program that keep its meaning: other registers, other operand orders and forms, detours. */
import { decodeInsns } from '../../../src/isa/decode.ts';
import { encodeInsns } from '../../../src/isa/encode.ts';
import { type Insn, Insns } from '../../../src/isa/insn.ts';
import * as op from '../../../src/isa/opcodes.ts';
import type { Rng } from '../differential/rng.ts';

/** Instructions, and which FUNC type begins where. */
export interface Code {
  readonly insns: Uint8Array;
  readonly funcInfo: readonly (readonly [number, number])[] | undefined;
}

/** A program as rows whose jumps, calls and function addresses name rows. */
export interface Row {
  code: number;
  dst: number;
  src: number;
  off: number;
  imm: number;
  /** Row that it leads to. */
  to?: Row;
  /** FUNC type id of a function that begins here. */
  func?: number;
}

const isJump = (r: Insn): boolean => {
  const cls = op.bpfClass(r.code);
  const o = op.bpfOp(r.code);
  return (cls === op.BPF_JMP || cls === op.BPF_JMP32) && o !== op.BPF_CALL && o !== op.BPF_EXIT;
};
const isLdImm64 = (r: Insn): boolean => r.code === (op.BPF_LD | op.BPF_DW | op.BPF_IMM);
const namesCode = (r: Insn): boolean =>
  (r.code === (op.BPF_JMP | op.BPF_CALL) && r.src === op.BPF_PSEUDO_CALL) ||
  (isLdImm64(r) && r.src === op.BPF_PSEUDO_FUNC);
/** The jump whose 32-bit immediate is the distance. */
const isLongJump = (r: Insn): boolean => r.code === (op.BPF_JMP32 | op.BPF_JA);

export function toRows(g: Code): Row[] | undefined {
  const insns = decodeInsns(g.insns);
  const rows: Row[] = Array.from({ length: insns.length }, (_, i) => insns.get(i));
  for (const [i, r] of rows.entries()) {
    if (isLongJump(r)) return undefined;
    const at = isJump(r) ? i + 1 + r.off : namesCode(r) ? i + 1 + r.imm : -1;
    if (at < 0) continue;
    if (rows[at] === undefined) return undefined;
    r.to = rows[at];
  }
  for (const [at, func] of g.funcInfo ?? []) rows[at].func = func;
  return rows;
}

export function fromRows<T extends Code>(g: T, rows: readonly Row[]): T {
  const at = new Map(rows.map((r, i) => [r, i]));
  const out = rows.map((r, i) => {
    if (r.to === undefined) return r;
    const distance = (at.get(r.to) as number) - i - 1;
    return isJump(r) ? { ...r, off: distance } : { ...r, imm: distance };
  });
  const funcInfo = rows.flatMap((r, i): [number, number][] => (r.func === undefined ? [] : [[i, r.func]]));
  return { ...g, insns: encodeInsns(Insns.from(out)), funcInfo: g.funcInfo === undefined ? undefined : funcInfo };
}

/** Puts rows in front of `r`; what led to `r` then leads to the first of them. */
function before(rows: Row[], r: Row, added: Row[]): void {
  rows.splice(rows.indexOf(r), 0, ...added);
  for (const other of rows) if (other.to === r && !added.includes(other)) other.to = added[0];
  if (r.func !== undefined) {
    added[0].func = r.func;
    delete r.func;
  }
}

const row = (code: number, dst = 0, src = 0, off = 0, imm = 0): Row => ({ code, dst, src, off, imm });

/** Rows that something may be put in front of: not second halves of ld_imm64. */
const places = (rows: readonly Row[]): Row[] => rows.filter((_, i) => i === 0 || !isLdImm64(rows[i - 1]));

/** r6 to r9 trade places; LD_ABS wants its context in r6. */
function rename(rows: Row[], rng: Rng): boolean {
  if (rows.some((r) => op.bpfClass(r.code) === op.BPF_LD && !isLdImm64(r) && r.code !== 0)) return false;
  const names = [6, 7, 8, 9];
  const to = names.slice();
  for (let i = 3; i > 0; i--) {
    const j = rng.below(i + 1);
    [to[i], to[j]] = [to[j], to[i]];
  }
  const map = (n: number): number => (n >= 6 && n <= 9 ? to[n - 6] : n);
  for (const r of rows) {
    r.dst = map(r.dst);
    // Here, what kind of constant it is.
    if (!isLdImm64(r)) r.src = map(r.src);
  }
  return to.some((n, i) => n !== names[i]);
}

/** `a += b` becomes `scratch = b; scratch += a; a = scratch`, for a register that nothing reads before it is written again. */
function swapOperands(rows: Row[], rng: Rng): boolean {
  const adds = rows.filter(
    (r) => r.code === (op.BPF_ALU64 | op.BPF_ADD | op.BPF_X) && r.dst !== r.src && !(r.dst === 10 || r.src === 10),
  );
  let done = false;
  for (const r of adds) {
    const free = scratch(rows, r);
    if (free < 0 || rng.chance(30)) continue;
    before(rows, r, [row(op.BPF_ALU64 | op.BPF_MOV | op.BPF_X, free, r.src), row(r.code, free, r.dst)]);
    Object.assign(r, row(op.BPF_ALU64 | op.BPF_MOV | op.BPF_X, r.dst, free));
    done = true;
  }
  return done;
}

/** A register that neither the row nor the straight line behind it reads before a call overwrites r1 to r5; -1 when none is sure. */
function scratch(rows: readonly Row[], r: Row): number {
  const used = new Set([r.dst, r.src]);
  let i = rows.indexOf(r) + 1;
  const written = new Set<number>();
  for (; i < rows.length; i++) {
    const x = rows[i];
    if (isJump(x) || x.code === (op.BPF_JMP | op.BPF_EXIT) || x.code === (op.BPF_JMP | op.BPF_CALL)) break;
    const cls = op.bpfClass(x.code);
    const mov = (cls === op.BPF_ALU || cls === op.BPF_ALU64) && op.bpfOp(x.code) === op.BPF_MOV;
    const reads = isLdImm64(x) ? [] : mov ? (op.bpfSrc(x.code) === op.BPF_X ? [x.src] : []) : [x.src];
    if (!mov && !isLdImm64(x) && cls !== op.BPF_LDX) reads.push(x.dst);
    for (const n of reads) if (!written.has(n)) used.add(n);
    if (mov || isLdImm64(x) || cls === op.BPF_LDX) written.add(x.dst);
    if (isLdImm64(x)) i++;
  }
  // Only what the straight line itself overwrites is surely free.
  for (const n of written) if (!used.has(n) && n !== 10 && n < 6) return n;
  return -1;
}

const ALU_IMM = new Set([op.BPF_ADD, op.BPF_SUB, op.BPF_MUL, op.BPF_AND, op.BPF_OR, op.BPF_XOR]);

/** An immediate operand comes from a register. */
function immediates(rows: Row[], rng: Rng): boolean {
  let done = false;
  for (const r of rows.slice()) {
    const cls = op.bpfClass(r.code);
    const alu = (cls === op.BPF_ALU || cls === op.BPF_ALU64) && ALU_IMM.has(op.bpfOp(r.code));
    if (!alu || op.bpfSrc(r.code) !== op.BPF_K || rng.chance(40)) continue;
    const free = scratch(rows, r);
    if (free < 0) continue;
    before(rows, r, [row(op.BPF_ALU64 | op.BPF_MOV | op.BPF_K, free, 0, 0, r.imm)]);
    Object.assign(r, { code: r.code | op.BPF_X, src: free, imm: 0 });
    done = true;
  }
  return done;
}

/** A stack slot below all that the program names; undefined when there is none. */
function unusedSlot(rows: readonly Row[]): number | undefined {
  let direct = 0;
  let moved = 0;
  let behind = 0;
  for (const r of rows) {
    const cls = op.bpfClass(r.code);
    const base = cls === op.BPF_LDX ? r.src : cls === op.BPF_ST || cls === op.BPF_STX ? r.dst : undefined;
    if (base === 10) direct = Math.min(direct, r.off);
    else if (base !== undefined) behind = Math.min(behind, r.off);
    if (r.code === (op.BPF_ALU64 | op.BPF_ADD | op.BPF_K) && r.imm >= -512) moved = Math.min(moved, r.imm);
  }
  const slot = (Math.min(direct, moved + behind) & -8) - 8;
  return slot < -512 ? undefined : slot;
}

/** A register that was just written goes through the stack. */
function spillFill(rows: Row[], rng: Rng): boolean {
  const slot = unusedSlot(rows);
  if (slot === undefined) return false;
  let done = false;
  for (const r of rows.slice()) {
    const cls = op.bpfClass(r.code);
    const at = rows.indexOf(r);
    const writes = cls === op.BPF_ALU64 || cls === op.BPF_ALU || cls === op.BPF_LDX;
    const next = rows[at + 1];
    if (!writes || r.dst === 10 || next === undefined || rng.chance(80)) continue;
    const added = [
      row(op.BPF_STX | op.BPF_DW | op.BPF_MEM, 10, r.dst, slot),
      row(op.BPF_LDX | op.BPF_DW | op.BPF_MEM, r.dst, 10, slot),
    ];
    // What jumps to the next row must not come through here.
    rows.splice(at + 1, 0, ...added);
    done = true;
  }
  return done;
}

/** Jumps to the next instruction. */
function nops(rows: Row[], rng: Rng): boolean {
  for (const r of places(rows).slice()) if (rng.chance(15)) before(rows, r, [row(op.BPF_JMP | op.BPF_JA)]);
  return true;
}

/** Straight pieces of the main function change places, joined by jumps. */
function reorder(rows: Row[], rng: Rng): boolean {
  const end = rows.findIndex((r, i) => i > 0 && rows.some((x) => namesCode(x) && x.to === r));
  const main = end < 0 ? rows.length : end;
  const all = places(rows);
  const cuts = [...new Set(Array.from({ length: 3 }, () => rng.below(main)))]
    .filter((i) => i > 0 && all.includes(rows[i]))
    .sort((a, b) => a - b);
  if (cuts.length < 2) return false;
  const pieces: Row[][] = [0, ...cuts].map((from, k) => rows.slice(from, [...cuts, main][k]));
  const [first, ...rest] = pieces;
  for (const [k, piece] of pieces.entries()) {
    const last = piece[piece.length - 1];
    const follows = pieces[k + 1]?.[0];
    const ends = last.code === (op.BPF_JMP | op.BPF_EXIT) || last.code === (op.BPF_JMP | op.BPF_JA);
    if (follows !== undefined && !ends) piece.push({ ...row(op.BPF_JMP | op.BPF_JA), to: follows });
  }
  const behind = rows.slice(main);
  rows.length = 0;
  rows.push(...first, ...rest.reverse().flat(), ...behind);
  return true;
}

export const TRANSFORMS: Readonly<Record<string, (rows: Row[], rng: Rng) => boolean>> = {
  rename,
  swapOperands,
  immediates,
  spillFill,
  nops,
  reorder,
};

/** The program after a change; undefined when there was nothing to change. */
export function transformed<T extends Code>(g: T, name: string, rng: Rng): T | undefined {
  const rows = toRows(g);
  if (rows === undefined || !TRANSFORMS[name](rows, rng)) return undefined;
  return fromRows(g, rows);
}
