/**
 * Which values fit an i32 local. A value is a web: the definitions and uses of a register that flow into each other.
 * A web is narrow when nothing asks for its upper half, or when every definition leaves the upper half zero.
 */
import type { Insns } from '../../../isa/insn.ts';
import {
  BPF_ADD,
  BPF_ADDR_SPACE_CAST,
  BPF_ALU,
  BPF_ALU64,
  BPF_AND,
  BPF_ATOMIC,
  BPF_CMPXCHG,
  BPF_DW,
  BPF_END,
  BPF_EXIT,
  BPF_JA,
  BPF_JCOND,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JLE,
  BPF_JLT,
  BPF_JMP,
  BPF_JNE,
  BPF_LD,
  BPF_LDX,
  BPF_LOAD_ACQ,
  BPF_LSH,
  BPF_MEM,
  BPF_MEMSX,
  BPF_MOV,
  BPF_MUL,
  BPF_NEG,
  BPF_OR,
  BPF_PROBE_MEM,
  BPF_PROBE_MEMSX,
  BPF_RSH,
  BPF_STX,
  BPF_SUB,
  BPF_X,
  BPF_XOR,
} from '../../../isa/opcodes.ts';
import type { Cfg } from '../shape/cfg.ts';
import { type Liveness, readsAndWrites } from './liveness.ts';
import type { ModulePlan } from '../plan.ts';
import { PointerWebs } from './pointers.ts';

const REGS = 12;
const FP = 10;
const SPREAD_PASSES = 4;

export interface Widths {
  /** Per slot from the function's start: the instruction's result goes to an i32 local. */
  readonly narrowDef: Uint8Array;
  /** Per block: registers that are in i32 locals at its start, and those whose upper half is zero. */
  readonly narrowIn: Uint16Array;
  readonly zextIn: Uint16Array;
  /** Per slot: the jump compares two packet pointers, whose low halves suffice. */
  readonly comparesPointers: Uint8Array;
}

/** Operations whose low half depends only on the low halves of their operands. */
const LOW_CLOSED: number = [BPF_ADD, BPF_SUB, BPF_MUL, BPF_AND, BPF_OR, BPF_XOR, BPF_NEG, BPF_MOV].reduce<number>(
  (mask, op) => mask | (1 << (op >> 4)),
  0,
);

/** Pairs of webs: when the first has a property, so has the second. */
class Edges {
  #pairs = new Int32Array(256);
  #count = 0;

  add(from: number, to: number): void {
    if (this.#count + 2 > this.#pairs.length) {
      const grown = new Int32Array(this.#pairs.length * 2);
      grown.set(this.#pairs);
      this.#pairs = grown;
    }
    this.#pairs[this.#count++] = from;
    this.#pairs[this.#count++] = to;
  }

  /**
   * Spreads `flag` along the edges, between the roots of webs. Passes in the order that the graph mostly flows settle
   * nearly every function in two; what is left takes a worklist, so that no input takes more than linear time.
   */
  spread(flag: Uint8Array, root: Int32Array, backwards: boolean): void {
    const pairs = this.#pairs;
    const count = this.#count;
    for (let e = 0; e < count; e++) pairs[e] = root[pairs[e]];
    for (let pass = 0; pass < SPREAD_PASSES; pass++) {
      let changed = 0;
      if (backwards) {
        for (let e = count - 2; e >= 0; e -= 2) {
          const more = flag[pairs[e]] & ~flag[pairs[e + 1]];
          flag[pairs[e + 1]] |= more;
          changed |= more;
        }
      } else {
        for (let e = 0; e < count; e += 2) {
          const more = flag[pairs[e]] & ~flag[pairs[e + 1]];
          flag[pairs[e + 1]] |= more;
          changed |= more;
        }
      }
      if (changed === 0) return;
    }
    this.#spreadRest(flag);
  }

  #spreadRest(flag: Uint8Array): void {
    const pairs = this.#pairs;
    const row = new Int32Array(flag.length + 1);
    for (let e = 0; e < this.#count; e += 2) row[pairs[e] + 1]++;
    for (let w = 0; w < flag.length; w++) row[w + 1] += row[w];
    const to = new Int32Array(this.#count >> 1);
    const fill = row.slice();
    for (let e = 0; e < this.#count; e += 2) to[fill[pairs[e]]++] = pairs[e + 1];
    const work: number[] = [];
    for (let w = 0; w < flag.length; w++) if (flag[w] !== 0 && row[w] < row[w + 1]) work.push(w);
    while (work.length > 0) {
      const w = work.pop()!;
      for (let e = row[w]; e < row[w + 1]; e++) {
        if (flag[to[e]] !== 0) continue;
        flag[to[e]] = 1;
        work.push(to[e]);
      }
    }
  }
}

class WebBuilder {
  readonly root: Int32Array;
  /** Some use asks for all 64 bits. */
  readonly wide: Uint8Array;
  /** Some definition may leave a non-zero upper half. */
  readonly upper: Uint8Array;
  /** A wide result makes its operands wide; an operand with an upper half gives the result one. */
  readonly demand = new Edges();
  readonly supply = new Edges();
  /** Web of each register at this point. */
  readonly now = new Int32Array(REGS);

  constructor(
    webs: number,
    /** Undefined when the context has no pointers into a packet. */
    readonly pointers: PointerWebs | undefined,
  ) {
    this.root = new Int32Array(webs);
    for (let w = 0; w < webs; w++) this.root[w] = w;
    this.wide = new Uint8Array(webs);
    this.upper = new Uint8Array(webs);
  }

  find(web: number): number {
    const { root } = this;
    let r = web;
    while (root[r] !== r) {
      root[r] = root[root[r]];
      r = root[r];
    }
    return r;
  }

  union(a: number, b: number): void {
    const x = this.find(a);
    const y = this.find(b);
    if (x === y) return;
    this.root[x] = y;
    this.wide[y] |= this.wide[x];
    this.upper[y] |= this.upper[x];
  }

  needAll(reg: number): void {
    if (reg !== FP) this.wide[this.find(this.now[reg])] = 1;
  }
}

/** Numbers of the webs that enter each block: one for each live register, from `first[block]` on. Web 0 is nobody's. */
function entryWebs(cfg: Cfg, live: Liveness): { first: Int32Array; count: number } {
  const first = new Int32Array(cfg.count);
  let count = 1;
  for (let k = 0; k < cfg.count; k++) {
    first[k] = count;
    for (let mask = live.blockIn[k]; mask !== 0; mask &= mask - 1) count++;
  }
  return { first, count };
}

/** Joins the webs at the end of a block with those at the start of its successor. */
function join(b: WebBuilder, firstWeb: number, liveIn: number): void {
  let web = firstWeb;
  for (let r = 0, mask = liveIn; mask !== 0; r++, mask >>>= 1) if (mask & 1) b.union(b.now[r], web++);
}

/** Finds the width of every value of a function. */
export function inferWidths(plan: ModulePlan, cfg: Cfg, live: Liveness, start: number, end: number): Widths {
  const { insns } = plan.program;
  const { first, count: firstDef } = entryWebs(cfg, live);
  const webs = firstDef + (end - start);
  const b = new WebBuilder(webs, plan.packetPointers.length > 0 ? new PointerWebs(webs) : undefined);
  const main = start === plan.program.subprogs[0].start;
  for (let k = 0; k < cfg.count; k++) {
    let web = first[k];
    b.now.fill(0);
    for (let r = 0, mask = live.blockIn[k]; mask !== 0; r++, mask >>>= 1) {
      if ((mask & 1) === 0) continue;
      // Parameters arrive in i64 locals.
      if (k === 0 && !main) b.wide[web] = b.upper[web] = 1;
      if (k === 0 && main && r === 1) b.pointers?.context(web);
      else if (k === 0) b.pointers?.other(web);
      b.now[r] = web++;
    }
    for (let i = cfg.start[k]; i < cfg.end[k]; i++) {
      const def = firstDef + i - start;
      if (b.pointers !== undefined) describePointer(plan, b.now, b.pointers, i, def);
      const written = describe(plan, insns, b, i, def);
      if (written >= 0) b.now[written] = def;
      if (insns.code[i] === 0x18) i++;
    }
    if (cfg.next[k] >= 0) join(b, first[cfg.next[k]], live.blockIn[cfg.next[k]]);
    if (cfg.taken[k] >= 0) join(b, first[cfg.taken[k]], live.blockIn[cfg.taken[k]]);
    for (const to of cfg.cases(k)) join(b, first[to], live.blockIn[to]);
  }
  return settle(b, cfg, live, { first, firstDef, start, end });
}

/** How webs are numbered: those that enter block `k` from `first[k]`, the one defined at slot `i` is `firstDef + i - start`. */
interface WebNumbers {
  readonly first: Int32Array;
  readonly firstDef: number;
  /** The function's slots. */
  readonly start: number;
  readonly end: number;
}

/** Spreads demands and supplies, and reads off the answer. */
function settle(b: WebBuilder, cfg: Cfg, live: Liveness, { first, firstDef, start, end }: WebNumbers): Widths {
  const slots = end - start;
  const { root, wide, upper } = b;
  for (let w = 0; w < root.length; w++) root[w] = b.find(w);
  const comparesPointers = new Uint8Array(slots);
  b.pointers?.settle(root, (slot, x, y, pointers) => {
    if (pointers) comparesPointers[slot - start] = 1;
    else wide[x] = wide[y] = 1;
  });
  b.demand.spread(wide, root, true);
  b.supply.spread(upper, root, false);
  const widths: Widths = {
    narrowDef: new Uint8Array(slots),
    narrowIn: new Uint16Array(cfg.count),
    zextIn: new Uint16Array(cfg.count),
    comparesPointers,
  };
  for (let i = 0; i < slots; i++) {
    const w = root[firstDef + i];
    widths.narrowDef[i] = 1 & ~(wide[w] & upper[w]);
  }
  for (let k = 0; k < cfg.count; k++) {
    let web = first[k];
    for (let r = 0, mask = live.blockIn[k]; mask !== 0; r++, mask >>>= 1) {
      if ((mask & 1) === 0) continue;
      const w = root[web++];
      if (r === FP) continue;
      widths.narrowIn[k] |= (1 & ~(wide[w] & upper[w])) << r;
      widths.zextIn[k] |= (1 & ~upper[w]) << r;
    }
  }
  return widths;
}

const UNSIGNED_COMPARES: ReadonlySet<number> = new Set([BPF_JEQ, BPF_JNE, BPF_JGT, BPF_JGE, BPF_JLT, BPF_JLE]);
const comparesAddresses = (code: number): boolean =>
  (code & 0x0f) === (BPF_JMP | BPF_X) && UNSIGNED_COMPARES.has(code & 0xf0);

/** Notes what the instruction at `i` has to do with packet pointers; `now` is the web in each register before it. */
function describePointer(plan: ModulePlan, now: Int32Array, p: PointerWebs, i: number, def: number): void {
  const { insns } = plan.program;
  const code = insns.code[i];
  const src = insns.src[i];
  const dst = insns.dst[i];
  if (code === (BPF_ALU64 | BPF_MOV | BPF_X) && insns.off[i] === 0 && src !== FP) p.copy(def, now[src]);
  else if (code === (BPF_ALU64 | BPF_ADD | BPF_X) && src !== FP) p.sum(def, now[dst], now[src]);
  else if (code === (BPF_ALU64 | BPF_ADD) || code === (BPF_ALU64 | BPF_SUB)) p.sum(def, now[dst], now[dst]);
  else if (code === (BPF_LDX | BPF_MEM | BPF_DW) && plan.packetPointers.includes(insns.off[i])) p.load(def, now[src]);
  else p.other(def);
}

/** Notes what the instruction at `i` asks of its operands and gives to web `def`; returns the register that it defines, or -1. */
function describe(plan: ModulePlan, insns: Insns, b: WebBuilder, i: number, def: number): number {
  const code = insns.code[i];
  const dst = insns.dst[i];
  switch (code & 7) {
    case BPF_ALU:
      if ((code & 0xf0) === BPF_END && insns.imm[i] === 64) {
        b.needAll(dst);
        b.upper[def] = 1;
      }
      return dst;
    case BPF_ALU64:
      describeAlu64(insns, b, i, def);
      return dst;
    case BPF_LD:
      if (insns.src[i] === 0 && insns.imm[i + 1] !== 0) b.upper[def] = 1;
      return dst;
    case BPF_LDX: {
      const mode = code & 0xe0;
      if (mode === BPF_PROBE_MEM || mode === BPF_PROBE_MEMSX) b.needAll(insns.src[i]);
      if ((code & 0x18) === BPF_DW || mode === BPF_MEMSX || mode === BPF_PROBE_MEMSX) b.upper[def] = 1;
      return dst;
    }
    case BPF_STX:
      return describeStx(insns, b, i, def);
    case BPF_JMP:
      return describeJump(plan, insns, b, i, def);
    default:
      return -1;
  }
}

function describeAlu64(insns: Insns, b: WebBuilder, i: number, def: number): void {
  const code = insns.code[i];
  const op = code & 0xf0;
  const dst = insns.dst[i];
  const src = insns.src[i];
  const useReg = (code & BPF_X) !== 0 && op !== BPF_END && op !== BPF_NEG;
  const imm = insns.imm[i];
  if (op === BPF_MOV) {
    if (!useReg) b.upper[def] = imm < 0 ? 1 : 0;
    else if (insns.off[i] === BPF_ADDR_SPACE_CAST) b.upper[def] = 0;
    else if (insns.off[i] !== 0) b.upper[def] = 1;
    else if (src !== FP) {
      b.demand.add(def, b.now[src]);
      b.supply.add(b.now[src], def);
    }
    return;
  }
  const smallShift = !useReg && imm >= 0 && imm < 32;
  if (((LOW_CLOSED >>> (op >> 4)) & 1) !== 0 || (op === BPF_LSH && smallShift)) {
    b.demand.add(def, b.now[dst]);
    if (useReg && src !== FP) b.demand.add(def, b.now[src]);
  } else {
    b.needAll(dst);
    // Of a shift's count only the low six bits matter.
    if (useReg && op !== BPF_LSH && op !== BPF_RSH && op !== 0xc0) b.needAll(src);
  }
  if (op === BPF_AND && !useReg && imm >= 0) return;
  if (op === BPF_RSH && !useReg) {
    if (imm < 32) b.supply.add(b.now[dst], def);
    return;
  }
  if (op === BPF_END && imm !== 64) return;
  b.upper[def] = 1;
}

function describeStx(insns: Insns, b: WebBuilder, i: number, def: number): number {
  const code = insns.code[i];
  const imm = insns.imm[i];
  const whole = (code & 0x18) === BPF_DW;
  if ((code & 0xe0) !== BPF_ATOMIC) {
    if (whole) b.needAll(insns.src[i]);
    return -1;
  }
  if (imm !== BPF_LOAD_ACQ && whole) b.needAll(insns.src[i]);
  if (imm === BPF_CMPXCHG && whole) b.needAll(0);
  const written = readsAndWrites(insns, i, () => 5) >>> 16;
  if (written === 0) return -1;
  if (whole) b.upper[def] = 1;
  return 31 - Math.clz32(written);
}

function describeJump(plan: ModulePlan, insns: Insns, b: WebBuilder, i: number, def: number): number {
  const code = insns.code[i];
  const op = code & 0xf0;
  if (op === BPF_JA || op === BPF_JCOND) return -1;
  if (op === BPF_EXIT) {
    b.needAll(0);
    return -1;
  }
  if (op !== 0x80) {
    if (b.pointers !== undefined && comparesAddresses(code)) {
      b.pointers.compare(i, b.now[insns.dst[i]], b.now[insns.src[i]]);
      return -1;
    }
    b.needAll(insns.dst[i]);
    if (code & BPF_X) b.needAll(insns.src[i]);
    return -1;
  }
  const sig = plan.callSignature(i);
  for (let r = 1; r <= plan.argsOf(i); r++) if (sig[r - 1] !== 'i') b.needAll(r);
  const result = sig[sig.indexOf(':') + 1];
  if (result !== 'i' && result !== 'v') b.upper[def] = 1;
  return 0;
}
