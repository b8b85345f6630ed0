/** The assembler: kernel and clang syntax (`r1 = *(u32 *)(r2 +4)`), labels, map references; every error has line and column. */
import { asmError, scanLine, type Token, TokenCursor } from './lex.ts';
import {
  type Address,
  isReg,
  type Reg,
  readAddress,
  readAddressBody,
  readInt,
  readReg,
  readSext,
  readType,
  readWide,
} from './operands.ts';
import { helperId } from '../helper-name.ts';
import { type Insn, Insns } from '../insn.ts';
import {
  BPF_ABS,
  BPF_ADDR_SPACE_CAST,
  BPF_ALU,
  BPF_ALU64,
  BPF_ATOMIC,
  BPF_B,
  BPF_CALL,
  BPF_CMPXCHG,
  BPF_DW,
  BPF_END,
  BPF_EXIT,
  BPF_H,
  BPF_IMM,
  BPF_IND,
  BPF_JA,
  BPF_JCOND,
  BPF_JMP,
  BPF_JMP32,
  BPF_LD,
  BPF_LDX,
  BPF_LOAD_ACQ,
  BPF_MEM,
  BPF_MEMSX,
  BPF_MOV,
  BPF_NEG,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_FUNC,
  BPF_PSEUDO_KFUNC_CALL,
  BPF_PSEUDO_MAP_FD,
  BPF_PSEUDO_MAP_VALUE,
  BPF_ST,
  BPF_STORE_REL,
  BPF_STX,
  BPF_TO_BE,
  BPF_W,
  BPF_X,
  BPF_XCHG,
} from '../opcodes.ts';
import { ALU_ROWS, ATOMIC_ROWS, JMP_ROWS } from '../op-rows.ts';

/** Settings of the assembler. */
export interface AssembleOptions {
  /** The fd (or other imm) of `map[name]`; without it 0 is written and the reference only recorded. */
  readonly map?: (name: string) => number | undefined;
}

/** A reference to a map by name, at its ld_imm64. */
export interface AsmMapRef {
  readonly index: number;
  readonly name: string;
  /** Offset into the value for `map[name][0] + off`, undefined for the map itself. */
  readonly valueOff?: number;
}

/** An assembled program with its map references. */
export interface Assembly {
  readonly insns: Insns;
  /** Slot by label. */
  readonly labels: ReadonlyMap<string, number>;
  readonly maps: readonly AsmMapRef[];
  /** Source line (from 1) of each slot. */
  readonly lines: Int32Array;
}

/** Assembles a program; throws FormatError with line and column. */
export function assemble(text: string, opts: AssembleOptions = {}): Insns {
  return assembleProgram(text, opts).insns;
}

/** Assembles a program and also returns its symbols. */
export function assembleProgram(text: string, opts: AssembleOptions = {}): Assembly {
  const asm = new Assembler(text, opts);
  let line = 1;
  for (let start = 0; start <= text.length; line++) {
    const nl = text.indexOf('\n', start);
    const end = nl < 0 ? text.length : nl;
    asm.line(start, end, line);
    if (nl < 0) break;
    start = nl + 1;
  }
  return asm.finish();
}

type Row = { -readonly [K in keyof Insn]: Insn[K] };
interface Fixup {
  readonly index: number;
  readonly field: 'off' | 'imm';
  readonly name: Token;
  /** Helper of that name, called when no label has it. */
  readonly helper?: number;
}
/** The head of a listed instruction: its index, the live registers, the opcode. */
const LISTING_PREFIX = /[ \t]*(?:\d+:[ \t]*)?(?:[.\d]{10}[ \t]+)?(?:\(([0-9a-f]{2})\)[ \t])?/y;

const SIZE_BY_BITS: Record<string, number> = { 8: BPF_B, 16: BPF_H, 32: BPF_W, 64: BPF_DW };
const bySymbol = <T extends { readonly symbol: string }>(rows: readonly T[]): Map<string, T> =>
  new Map(rows.map((r) => [r.symbol, r]));
const ALU_BY_SYMBOL = bySymbol(ALU_ROWS);
const JMP_BY_SYMBOL = bySymbol(JMP_ROWS);
const ATOMIC_BY_SYMBOL = bySymbol(ATOMIC_ROWS.filter((r) => r.format === 'atomic'));
const FETCH_BY_NAME = new Map<string, number>(
  ATOMIC_ROWS.filter((r) => r.format === 'fetch').map((r) => [r.name, r.imm]),
);

class Assembler {
  readonly #text: string;
  readonly #opts: AssembleOptions;
  readonly #rows: Row[] = [];
  readonly #lines: number[] = [];
  readonly #labels = new Map<string, number>();
  readonly #fixups: Fixup[] = [];
  readonly #maps: AsmMapRef[] = [];
  #line = 0;
  /** Opcode written before the instruction, as in `(18) r1 = 0x0`; -1 without. */
  #hint = -1;

  constructor(text: string, opts: AssembleOptions) {
    this.#text = text;
    this.#opts = opts;
  }

  line(start: number, end: number, line: number): void {
    this.#line = line;
    this.#hint = -1;
    LISTING_PREFIX.lastIndex = start;
    const prefix = LISTING_PREFIX.exec(this.#text);
    const at = prefix === null ? start : start + prefix[0].length;
    if (prefix?.[1] !== undefined) this.#hint = Number.parseInt(prefix[1], 16);
    const c = new TokenCursor(this.#text, scanLine(this.#text, Math.min(at, end), end));
    while (c.peek().kind === 'word' && c.peek(1).text === ':') {
      const t = c.next();
      c.next();
      if (this.#labels.has(t.text)) throw asmError(this.#text, t.at, `label ${t.text} is defined twice`);
      this.#labels.set(t.text, this.#rows.length);
    }
    if (c.peek().kind === 'end') return;
    this.#statement(c);
    if (c.peek().kind !== 'end') throw c.error(c.peek(), 'expected the end of the line');
  }

  finish(): Assembly {
    for (const f of this.#fixups) {
      const target = this.#labels.get(f.name.text);
      if (target === undefined && f.helper !== undefined) {
        this.#rows[f.index].src = 0;
        this.#rows[f.index].imm = f.helper;
        continue;
      }
      if (target === undefined) throw asmError(this.#text, f.name.at, `no label ${f.name.text}`);
      const distance = target - f.index - 1;
      if (f.field === 'off' && (distance < -32768 || distance > 32767)) {
        throw asmError(
          this.#text,
          f.name.at,
          `label ${f.name.text} is ${distance} slots away, beyond 16 bits; use gotol`,
        );
      }
      this.#rows[f.index][f.field] = distance;
    }
    const lines = Int32Array.from(this.#lines);
    return { insns: Insns.from(this.#rows), labels: this.#labels, maps: this.#maps, lines };
  }

  #emit(code: number, dst = 0, src = 0, off = 0, imm = 0): number {
    this.#rows.push({ code, dst, src, off, imm });
    this.#lines.push(this.#line);
    return this.#rows.length - 1;
  }

  #statement(c: TokenCursor): void {
    const t = c.peek();
    if (t.text === '*') return this.#store(c);
    if (t.kind !== 'word') throw c.error(t, 'expected an instruction');
    switch (t.text) {
      case 'exit':
        c.next();
        this.#emit(BPF_JMP | BPF_EXIT);
        return;
      case 'goto':
        return this.#goto(c, BPF_JMP | BPF_JA, 'off');
      case 'gotol':
        return this.#goto(c, BPF_JMP32 | BPF_JA, 'imm');
      case 'may_goto':
        return this.#goto(c, BPF_JMP | BPF_JCOND, 'off');
      case 'call':
        return this.#call(c);
      case 'callx': {
        c.next();
        this.#emit(BPF_JMP | BPF_CALL | BPF_X, readReg(c, true).n);
        return;
      }
      case 'if':
        return this.#branch(c);
      case 'lock':
        return this.#lock(c);
      case 'store_release':
        return this.#storeRelease(c);
      case 'ld_pseudo':
        return this.#ldPseudo(c);
      default:
        return this.#assign(c);
    }
  }

  #goto(c: TokenCursor, code: number, field: 'off' | 'imm'): void {
    c.next();
    this.#target(c, this.#emit(code), field);
  }

  /** `pc+N`, `+N`, `-N` or a label, then objdump's `<symbol+0x8>` if there. */
  #target(c: TokenCursor, index: number, field: 'off' | 'imm'): void {
    const t = c.peek();
    const relative = t.text === 'pc' && (c.peek(1).text === '+' || c.peek(1).text === '-');
    if (relative) c.next();
    if (relative || t.text === '+' || t.text === '-') {
      this.#rows[index][field] = readInt(c, field === 'off' ? 16 : 32, false);
    } else if (t.kind === 'word') {
      c.next();
      this.#fixups.push({ index, field, name: t });
    } else {
      throw c.error(t, 'expected a label or a distance such as +3');
    }
    if (c.accept('<')) while (c.peek().kind !== 'end' && !c.accept('>')) c.next();
  }

  #call(c: TokenCursor): void {
    c.next();
    const t = c.peek();
    if (t.kind === 'word' && t.text === 'pc' && (c.peek(1).text === '+' || c.peek(1).text === '-')) {
      c.next();
      this.#emit(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, readInt(c, 32, false));
      return;
    }
    if (t.kind !== 'word') {
      c.accept('#');
      this.#emit(BPF_JMP | BPF_CALL, 0, 0, 0, readInt(c, 32, false));
      return;
    }
    c.next();
    let name = t.text;
    // The kernel's word for a kfunc without a name has a hyphen.
    if (name === 'kernel' && c.peek().text === '-' && c.peek(1).text === 'function') {
      c.next();
      c.next();
      name = 'kernel-function';
    }
    if (c.accept('#')) {
      const id = readInt(c, 32, false);
      const src = name === 'unknown' || helperId(name) !== undefined ? 0 : BPF_PSEUDO_KFUNC_CALL;
      this.#emit(BPF_JMP | BPF_CALL, 0, src, 0, id);
      return;
    }
    const index = this.#emit(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL);
    const helper = helperId(name);
    this.#fixups.push({ index, field: 'imm', name: t, ...(helper === undefined ? {} : { helper }) });
  }

  #branch(c: TokenCursor): void {
    c.next();
    const left = readReg(c);
    const t = c.next();
    const row = JMP_BY_SYMBOL.get(t.text);
    if (row === undefined) throw c.error(t, 'expected a comparison');
    const cls = left.wide ? BPF_JMP : BPF_JMP32;
    let index: number;
    if (isReg(c.peek())) {
      index = this.#emit(cls | row.op | BPF_X, left.n, readReg(c, left.wide).n);
    } else {
      index = this.#emit(cls | row.op, left.n, 0, 0, readInt(c, 32, true));
    }
    c.expect('goto');
    this.#target(c, index, 'off');
  }

  #lock(c: TokenCursor): void {
    c.next();
    c.expect('*');
    const { bits, at } = readType(c, 'u');
    if (bits < 32) throw c.error(at, 'lock takes u32 or u64');
    const mem = readAddress(c);
    const t = c.next();
    const row = ATOMIC_BY_SYMBOL.get(t.text);
    if (row === undefined) throw c.error(t, 'expected +=, |=, &= or ^=');
    this.#emit(BPF_STX | BPF_ATOMIC | SIZE_BY_BITS[bits], mem.reg, readReg(c).n, mem.off, row.imm);
  }

  #store(c: TokenCursor): void {
    c.next();
    const { bits } = readType(c, 'u');
    const mem = readAddress(c);
    c.expect('=');
    const size = SIZE_BY_BITS[bits];
    if (isReg(c.peek())) this.#emit(BPF_STX | BPF_MEM | size, mem.reg, readReg(c).n, mem.off);
    else this.#emit(BPF_ST | BPF_MEM | size, mem.reg, 0, mem.off, readInt(c, 32, bits <= 32));
  }

  #storeRelease(c: TokenCursor): void {
    c.next();
    c.expect('(');
    const { bits } = readType(c, 'u');
    const mem = readAddress(c);
    c.expect(',');
    const src = readReg(c);
    c.expect(')');
    this.#emit(BPF_STX | BPF_ATOMIC | SIZE_BY_BITS[bits], mem.reg, src.n, mem.off, BPF_STORE_REL);
  }

  /** `ld_pseudo r1, 0x1, 0x5`: the raw form of every kind of ld_imm64. */
  #ldPseudo(c: TokenCursor): void {
    c.next();
    const dst = readReg(c, true).n;
    c.expect(',');
    const kind = readInt(c, 5, true);
    if (kind < 0 || kind > 15) throw c.error(c.peek(), 'expected a src value of 0 to 15');
    c.expect(',');
    this.#emitImm64(dst, kind, readWide(c));
  }

  #emitImm64(dst: number, src: number, value: bigint): void {
    this.#emit(BPF_LD | BPF_IMM | BPF_DW, dst, src, 0, Number(BigInt.asIntN(32, value)));
    this.#emit(0, 0, 0, 0, Number(BigInt.asIntN(32, value >> 32n)));
  }

  #assign(c: TokenCursor): void {
    const dst = readReg(c);
    const t = c.next();
    if (t.text === '=') return this.#move(c, dst);
    const row = ALU_BY_SYMBOL.get(t.text);
    if (row === undefined) throw c.error(t, 'expected = or an operator');
    const code = (dst.wide ? BPF_ALU64 : BPF_ALU) | row.op;
    if (isReg(c.peek())) this.#emit(code | BPF_X, dst.n, readReg(c, dst.wide).n, row.off);
    else this.#emit(code, dst.n, 0, row.off, readInt(c, 32, !dst.wide));
  }

  #move(c: TokenCursor, dst: Reg): void {
    const t = c.peek();
    const alu = dst.wide ? BPF_ALU64 : BPF_ALU;
    if (t.text === '-' && isReg(c.peek(1))) {
      c.next();
      const src = readReg(c, dst.wide);
      if (src.n !== dst.n) throw c.error(src.at, `negation works in place: expected ${dst.at.text}`);
      this.#emit(alu | BPF_NEG, dst.n);
      return;
    }
    if (t.kind === 'number' || t.text === '-' || t.text === '+') return this.#moveImm(c, dst);
    if (t.text === '*') return this.#load(c, dst);
    if (t.text === '(') {
      c.next();
      const bits = readSext(c, dst.wide);
      c.expect(')');
      this.#emit(alu | BPF_MOV | BPF_X, dst.n, readReg(c, dst.wide).n, bits);
      return;
    }
    if (isReg(t)) {
      this.#emit(alu | BPF_MOV | BPF_X, dst.n, readReg(c, dst.wide).n);
      return;
    }
    if (t.text === '&') {
      c.next();
      return this.#func(c, dst, c.next());
    }
    if (t.kind !== 'word') throw c.error(t, 'expected a value');
    this.#operation(c, dst);
  }

  #moveImm(c: TokenCursor, dst: Reg): void {
    if (!dst.wide) {
      this.#emit(BPF_ALU | BPF_MOV, dst.n, 0, 0, readInt(c, 32, true));
      return;
    }
    const value = readWide(c);
    const ll = c.accept('ll') || this.#hint === (BPF_LD | BPF_IMM | BPF_DW);
    const s64 = BigInt.asIntN(64, value);
    if (ll || s64 < -0x8000_0000n || s64 > 0x7fff_ffffn) return this.#emitImm64(dst.n, 0, value);
    this.#emit(BPF_ALU64 | BPF_MOV, dst.n, 0, 0, Number(s64));
  }

  #load(c: TokenCursor, dst: Reg): void {
    c.next();
    const { bits, sign, at } = readType(c);
    const size = SIZE_BY_BITS[bits];
    if (c.accept('skb')) {
      if (dst.n !== 0 || sign === 's' || bits === 64)
        throw c.error(at, 'a packet load is r0 = *(u8, u16 or u32 *)skb[...]');
      c.expect('[');
      if (isReg(c.peek())) {
        const src = readReg(c, true).n;
        let imm = 0;
        if (c.peek().text === '+' || c.peek().text === '-') {
          if (c.peek().text === '+') c.next();
          imm = readInt(c, 32, false);
        }
        this.#emit(BPF_LD | BPF_IND | size, 0, src, 0, imm);
      } else {
        this.#emit(BPF_LD | BPF_ABS | size, 0, 0, 0, readInt(c, 32, false));
      }
      c.expect(']');
      return;
    }
    if (sign === 's' && bits === 64) throw c.error(at, 'a sign-extending load is of s8, s16 or s32');
    const mem = readAddress(c);
    this.#emit(BPF_LDX | (sign === 's' ? BPF_MEMSX : BPF_MEM) | size, dst.n, mem.reg, mem.off);
  }

  /** Forms with a word behind `rN =`: byte swaps, atomics, casts, map and function references. */
  #operation(c: TokenCursor, dst: Reg): void {
    const t = c.next();
    const swap = /^(le|be|bswap)(16|32|64)$/.exec(t.text);
    if (swap !== null) {
      const src = readReg(c, true);
      if (src.n !== dst.n) throw c.error(src.at, `byte swaps work in place: expected r${dst.n}`);
      const code = swap[1] === 'bswap' ? BPF_ALU64 | BPF_END : BPF_ALU | BPF_END | (swap[1] === 'be' ? BPF_TO_BE : 0);
      this.#emit(code, dst.n, 0, 0, Number(swap[2]));
      return;
    }
    const atomic = /^atomic(?:64)?_(fetch_\w+|xchg|cmpxchg)$/.exec(t.text);
    if (atomic !== null) return this.#atomic(c, dst, t, atomic[1]);
    const llvm = /^(xchg|cmpxchg)(?:32_32|_64)$/.exec(t.text);
    if (llvm !== null) return this.#exchange(c, dst, llvm[1], t.text.endsWith('64') ? 64 : 32);
    switch (t.text) {
      case 'load_acquire': {
        c.expect('(');
        const { bits } = readType(c, 'u');
        const mem = readAddress(c);
        c.expect(')');
        this.#emit(BPF_STX | BPF_ATOMIC | SIZE_BY_BITS[bits], dst.n, mem.reg, mem.off, BPF_LOAD_ACQ);
        return;
      }
      case 'addr_space_cast': {
        c.expect('(');
        const src = readReg(c, true);
        c.expect(',');
        const to = readInt(c, 16, true);
        c.expect(',');
        const from = readInt(c, 16, true);
        c.expect(')');
        this.#emit(BPF_ALU64 | BPF_MOV | BPF_X, dst.n, src.n, BPF_ADDR_SPACE_CAST, (to << 16) | (from & 0xffff));
        return;
      }
      case 'map':
        return this.#map(c, dst);
      case 'func': {
        c.expect('[');
        const name = c.next();
        c.expect(']');
        return this.#func(c, dst, name);
      }
      default:
        throw c.error(t, 'expected a value');
    }
  }

  #atomic(c: TokenCursor, dst: Reg, t: Token, name: string): void {
    c.expect('(');
    const { bits, at } = readType(c, 'u');
    if (bits < 32) throw c.error(at, `${t.text} takes u32 or u64`);
    if (name === 'xchg' || name === 'cmpxchg') return this.#exchangeRest(c, dst, name, bits);
    const imm = FETCH_BY_NAME.get(name);
    if (imm === undefined) throw c.error(t, 'expected an atomic operation');
    const mem = readAddress(c);
    this.#sameReg(c, dst);
    c.expect(')');
    this.#emit(BPF_STX | BPF_ATOMIC | SIZE_BY_BITS[bits], mem.reg, dst.n, mem.off, imm);
  }

  #exchange(c: TokenCursor, dst: Reg, name: string, bits: number): void {
    if (c.peek().text !== '(') throw c.error(c.peek(), 'expected (');
    // The address stands without parentheses of its own.
    c.next();
    const mem = readAddressBody(c);
    this.#exchangeTail(c, dst, name, bits, mem);
  }

  #exchangeRest(c: TokenCursor, dst: Reg, name: string, bits: number): void {
    this.#exchangeTail(c, dst, name, bits, readAddress(c));
  }

  #exchangeTail(c: TokenCursor, dst: Reg, name: string, bits: number, mem: Address): void {
    const code = BPF_STX | BPF_ATOMIC | SIZE_BY_BITS[bits];
    if (name === 'xchg') {
      this.#sameReg(c, dst);
      c.expect(')');
      this.#emit(code, mem.reg, dst.n, mem.off, BPF_XCHG);
      return;
    }
    if (dst.n !== 0) throw c.error(dst.at, 'cmpxchg compares with and returns in r0');
    this.#sameReg(c, dst);
    c.expect(',');
    const src = readReg(c);
    c.expect(')');
    this.#emit(code, mem.reg, src.n, mem.off, BPF_CMPXCHG);
  }

  #sameReg(c: TokenCursor, dst: Reg): void {
    c.expect(',');
    const again = readReg(c);
    if (again.n !== dst.n) throw c.error(again.at, `expected ${dst.at.text}`);
  }

  /** `map[name] ll`, and `map[name][0] + off ll` for its first value. */
  #map(c: TokenCursor, dst: Reg): void {
    c.expect('[');
    const t = c.next();
    if (t.kind !== 'word') throw c.error(t, 'expected the name of a map');
    c.expect(']');
    let valueOff: number | undefined;
    if (c.accept('[')) {
      c.expect('0');
      c.expect(']');
      valueOff = c.peek().text === '+' ? readInt(c, 32, true) : 0;
    }
    c.accept('ll');
    const imm = this.#opts.map?.(t.text);
    if (imm === undefined && this.#opts.map !== undefined) throw asmError(this.#text, t.at, `no map ${t.text}`);
    this.#maps.push({ index: this.#rows.length, name: t.text, ...(valueOff === undefined ? {} : { valueOff }) });
    const src = valueOff === undefined ? BPF_PSEUDO_MAP_FD : BPF_PSEUDO_MAP_VALUE;
    this.#emit(BPF_LD | BPF_IMM | BPF_DW, dst.n, src, 0, imm ?? 0);
    this.#emit(0, 0, 0, 0, valueOff ?? 0);
  }

  /** Code address of a function: `func[label] ll` or `&label`. */
  #func(c: TokenCursor, dst: Reg, name: Token): void {
    if (name.kind !== 'word') throw c.error(name, 'expected a label');
    c.accept('ll');
    const index = this.#emit(BPF_LD | BPF_IMM | BPF_DW, dst.n, BPF_PSEUDO_FUNC);
    this.#emit(0);
    this.#fixups.push({ index, field: 'imm', name });
  }
}
