/** Verified programs with other code in place of some of their functions, and those functions kept where they can be called from outside. */
import {
  BPF_ALU64,
  BPF_CALL,
  BPF_DW,
  BPF_EXIT,
  BPF_IMM,
  BPF_JMP,
  BPF_LD,
  BPF_MOV,
  BPF_PSEUDO_CALL,
  BPF_PSEUDO_FUNC,
} from '../../isa/opcodes.ts';
import { Insns } from '../../isa/insn.ts';
import type { SubprogInfo, VerifiedProgram } from '../verifier/result.ts';

/**
 * Code in place of a function: gets the frame of a helper with the function's arguments, and leaves the result there. `original` calls the
 * function itself with such a frame.
 */
export type FunctionStub = (frame: number, original: (frame: number) => void) => void;

/** A program whose functions were replaced. */
export interface Rewired {
  readonly program: VerifiedProgram;
  /** First instruction of each function that was replaced: its address is taken, so that it has a slot in the code table. */
  readonly originals: ReadonlyMap<number, number>;
  /** Where callers find the function that began at an instruction of the program. */
  place(start: number): number;
}

/** A stretch of the new program: a function of the old one, or the code in place of one. */
interface Piece {
  /** Index of the function that it is, or stands for. */
  readonly of: number;
  /** Helper that it calls with its own arguments; undefined for the function itself. */
  readonly calls: number | undefined;
  /** First instruction of it in the new program, and how many it has. */
  readonly at: number;
  readonly length: number;
}

/** ld_imm64 of the function itself, which makes it one whose address is taken; the call; exit. */
const STUB = 4;

/**
 * The program with each function of `stubs` replaced by a call of a helper: that gets the function's arguments, and its result is the
 * function's. The functions themselves stand behind all others.
 * @param stubs ids of the helpers by the function's index
 */
export function rewire(program: VerifiedProgram, stubs: ReadonlyMap<number, number>): Rewired {
  const pieces: Piece[] = [];
  let at = 0;
  const put = (of: number, calls: number | undefined): void => {
    const { start, end } = program.subprogs[of];
    const length = calls === undefined ? end - start : STUB;
    pieces.push({ of, calls, at, length });
    at += length;
  };
  for (const k of program.subprogs.keys()) put(k, stubs.get(k));
  for (const k of stubs.keys()) put(k, undefined);
  const out = new Layout(program, pieces, at);
  for (const piece of pieces) out.write(piece);
  const originals = pieces.slice(program.subprogs.length).map((piece) => [piece.of, piece.at] as const);
  return { program: out.program(), originals: new Map(originals), place: (start) => out.placeOf(start) };
}

/** A program that is a function for others: it is called with up to five arguments, in place of a function of theirs. */
export interface CallableProgram {
  readonly program: VerifiedProgram;
  /** First instruction of what was its main function. */
  readonly start: number;
}

/** The program as a function for others. By itself it cannot be run: its main function is another one. */
export function asFunction(program: VerifiedProgram): CallableProgram {
  const { program: callable, originals } = rewire(program, new Map([[0, NO_HELPER]]));
  return { program: callable, start: originals.get(0) ?? 0 };
}

/** In place of a helper: the code that stands for the function returns 0. */
const NO_HELPER = 0;

class Layout {
  readonly #from: VerifiedProgram;
  readonly #pieces: readonly Piece[];
  readonly #insns: Insns;
  readonly #mapIndex: Int16Array;
  readonly #origin: Int32Array;

  constructor(from: VerifiedProgram, pieces: readonly Piece[], length: number) {
    this.#from = from;
    this.#pieces = pieces;
    this.#insns = new Insns(length);
    this.#mapIndex = new Int16Array(length).fill(-1);
    this.#origin = new Int32Array(length);
  }

  write(piece: Piece): void {
    if (piece.calls === undefined) this.#copy(piece);
    else this.#stub(piece, piece.calls);
  }

  #stub({ of, at }: Piece, helper: number): void {
    const { start } = this.#from.subprogs[of];
    const itself = this.#pieces.find((p) => p.of === of && p.calls === undefined)?.at ?? at;
    const none = { dst: 0, src: 0, off: 0, imm: 0 };
    this.#insns.set(at, { ...none, code: LD_IMM64, src: BPF_PSEUDO_FUNC, imm: itself - at - 1 });
    if (helper !== NO_HELPER) this.#insns.set(at + 2, { ...none, code: BPF_JMP | BPF_CALL, imm: helper });
    else this.#insns.set(at + 2, { ...none, code: BPF_ALU64 | BPF_MOV });
    this.#insns.set(at + 3, { ...none, code: BPF_JMP | BPF_EXIT });
    this.#origin.fill(this.#from.origin[start] ?? 0, at, at + STUB);
  }

  #copy({ of, at }: Piece): void {
    const { insns, mapIndex, origin, subprogs } = this.#from;
    const { start, end } = subprogs[of];
    this.#insns.paste(at, insns.slice(start, end));
    this.#mapIndex.set(mapIndex.subarray(start, end), at);
    this.#origin.set(origin.subarray(start, end), at);
    for (let i = start; i < end; i++) {
      const wide = insns.code[i] === LD_IMM64;
      const names = wide ? insns.src[i] === BPF_PSEUDO_FUNC : isLocalCall(insns, i);
      if (names) this.#insns.imm[at + i - start] = this.placeOf(i + 1 + insns.imm[i]) - (at + i - start) - 1;
      if (wide) i++;
    }
  }

  /** Where callers find the function that began at an instruction of the old program. */
  placeOf(start: number): number {
    const k = this.#from.subprogs.findIndex((s) => s.start === start);
    return this.#pieces[k].at;
  }

  program(): VerifiedProgram {
    const subprogs = this.#pieces.map((piece): SubprogInfo => {
      const { of, at, length, calls } = piece;
      const info = { ...this.#from.subprogs[of], start: at, end: at + length };
      return calls === undefined ? info : { ...info, stackDepth: 0, hasTailCall: false, hasLdAbs: false };
    });
    return { ...this.#from, insns: this.#insns, mapIndex: this.#mapIndex, origin: this.#origin, subprogs };
  }
}

const LD_IMM64 = BPF_LD | BPF_IMM | BPF_DW;

const isLocalCall = ({ code, src }: Insns, i: number): boolean =>
  code[i] === (BPF_JMP | BPF_CALL) && src[i] === BPF_PSEUDO_CALL;
