/** Registers as probes see them (struct pt_regs), filled by the calling convention of the target: x86_64 and arm64. */
import { NotSimulated } from '../../../util/errors.ts';
import type { StructTypes } from '../struct-types.ts';
import type { Structs } from '../struct-view.ts';
import type { Signature } from './signature.ts';

const WORD = 8;

/** Where a convention keeps what a call is made of, as offsets in struct pt_regs. */
interface Convention {
  readonly size: number;
  readonly args: readonly number[];
  readonly result: number;
  readonly ip: number;
  readonly sp: number;
  /** Words on the stack below the first argument there: a return address, where the call puts one. */
  readonly below: number;
  /** Offsets in a function that are its entry. */
  readonly entries: readonly number[];
}

/** Arguments in registers, by name in struct pt_regs of x86_64. */
const X86_ARGS = ['di', 'si', 'dx', 'cx', 'r8', 'r9'];
const ARM_ARGS = 8;
/** Bytes of endbr64. */
const ENDBR = 4;

function conventionOf(types: StructTypes, id: number): Convention {
  const members = types.members(id);
  const at = (name: string): number => {
    const place = members?.get(name);
    if (place === undefined) throw new NotSimulated(`pt_regs.${name}`, 'the kernel BTF is of another architecture');
    return place.bit >>> 3;
  };
  const size = types.btf.sizeOf(id);
  if (members?.has('regs') === true && members.has('pc')) {
    const regs = at('regs');
    const args = Array.from({ length: ARM_ARGS }, (_, i) => regs + i * WORD);
    return { size, args, result: regs, ip: at('pc'), sp: at('sp'), below: 0, entries: [0] };
  }
  return { size, args: X86_ARGS.map(at), result: at('ax'), ip: at('ip'), sp: at('sp'), below: 1, entries: [0, ENDBR] };
}

/** A call in guest memory: its arguments, one 64-bit word each, and the result behind them. */
export interface CallWords {
  readonly signature: Signature;
  readonly args: number;
  readonly result: number;
  /** Address of the function. */
  readonly address: readonly [lo: number, hi: number];
}

export class Registers {
  readonly #structs: Structs;
  #known: Convention | undefined;

  constructor(structs: Structs) {
    this.#structs = structs;
  }

  get #convention(): Convention {
    return (this.#known ??= conventionOf(this.#structs.types('pt_regs'), this.#structs.typeId('pt_regs')));
  }

  /** Offsets in a function that are its entry: behind the mark of indirect branches (endbr64) too. */
  get entries(): readonly number[] {
    return this.#convention.entries;
  }

  /** 64-bit words that registers and stack of a call take. */
  words({ words }: Signature): number {
    return Math.ceil(this.#convention.size / WORD) + words + 1;
  }

  /** Fills registers at the entry of a function, and its stack behind them, over zeros. */
  enter(regs: number, call: CallWords): void {
    const { size, args, ip, sp, below } = this.#convention;
    const stack = regs + Math.ceil(size / WORD) * WORD;
    let inRegisters = 0;
    let onStack = below;
    const { params, words } = call.signature;
    for (let i = 0; i < params.length; i++) {
      const first = params[i].place.bit >>> 6;
      const count = (i + 1 < params.length ? params[i + 1].place.bit >>> 6 : words) - first;
      const fits = count <= 2 && inRegisters + count <= args.length;
      for (let w = 0; w < count; w++) {
        const to = fits ? regs + args[inRegisters++] : stack + onStack++ * WORD;
        this.#copy(call.args + (first + w) * WORD, to);
      }
    }
    this.#put(regs + ip, call.address);
    this.#put(regs + sp, [stack, 0]);
  }

  /** Fills registers as a function leaves them: its result, and where it was. */
  leave(regs: number, call: CallWords): void {
    const { size, result, ip, sp } = this.#convention;
    this.#structs.env.mem.u8.fill(0, regs, regs + size);
    if (call.signature.result !== undefined) this.#copy(call.result, regs + result);
    this.#put(regs + ip, call.address);
    this.#put(regs + sp, [regs + Math.ceil(size / WORD) * WORD, 0]);
  }

  #copy(from: number, to: number): void {
    const { i32 } = this.#structs.env.mem;
    i32[to >>> 2] = i32[from >>> 2];
    i32[(to >>> 2) + 1] = i32[(from >>> 2) + 1];
  }

  #put(at: number, [lo, hi]: readonly [number, number]): void {
    const { i32 } = this.#structs.env.mem;
    i32[at >>> 2] = lo;
    i32[(at >>> 2) + 1] = hi;
  }
}
