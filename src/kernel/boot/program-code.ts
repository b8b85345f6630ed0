/** The code of programs, and other code in place of some of their functions: the program is compiled again, and known by the slot it had. */
import { BPF_PROG_TYPE } from '../../uapi/prog-types.ts';
import { FRAME_R0, FRAME_R1, FRAME_SIZE, type JsHelper } from '../run/env.ts';
import type { Linkage } from '../run/linkage.ts';
import { asFunction, type CallableProgram, type FunctionStub, rewire, type Rewired } from '../run/rewire.ts';
import type { Rcu } from '../mem/rcu.ts';
import type { Restore } from '../mem/saved.ts';
import type { Executable } from '../object/executable.ts';
import type { LoadedProg } from '../object/prog.ts';
import type { VerifiedProgram } from '../verifier/result.ts';
import type { ProgramCompiler } from './engines.ts';

/** Ids of helpers that stand for functions begin here: far above those of bpf(2). */
const FIRST_STUB = 0x4000_0000;

/** The code of a runtime's programs. */
export class ProgramCode {
  readonly #linkage: Linkage;
  readonly #compile: ProgramCompiler;
  readonly #rcu: Rcu;
  #nextStub = FIRST_STUB;

  constructor(linkage: Linkage, compile: ProgramCompiler, rcu: Rcu) {
    this.#linkage = linkage;
    this.#compile = compile;
    this.#rcu = rcu;
  }

  /** Compiles an accepted program. */
  compile(program: VerifiedProgram): Executable {
    return this.#compile(codeOf(program).program);
  }

  /** Calls a program that takes the place of a function, with the frame of the arguments; its result goes there. */
  callFunction({ exe, verified }: LoadedProg, frame: number): void {
    this.#linkage.shim.callFunction(exe.functionSlot(codeOf(verified).start), frame);
  }

  /**
   * Puts code in place of functions of a program, by their index, and takes away what was in their place before. Throws RangeError when
   * there is no memory for it.
   */
  rewire(prog: LoadedProg, stubs: ReadonlyMap<number, FunctionStub>): void {
    const before = prog.exe;
    const plain = before instanceof RewiredExecutable ? before.plain : before;
    const next = stubs.size === 0 ? undefined : this.#rewired(prog, plain, stubs);
    if (before instanceof RewiredExecutable) {
      before.leave();
      // What runs now runs to its end in the code that it began in.
      this.#rcu.call(() => before.end());
    }
    prog.exe = next ?? plain;
    next?.enter();
  }

  #rewired({ verified }: LoadedProg, plain: Executable, stubs: ReadonlyMap<number, FunctionStub>): RewiredExecutable {
    const { program, start } = codeOf(verified);
    // Of a program that is called as a function, that is its main one.
    const main = program.subprogs.findIndex((s) => s.start === start);
    const ids = new Map<number, number>();
    const byId = new Map<number, FunctionStub>();
    for (const [k, stub] of stubs) {
      const index = k === 0 ? main : k;
      if (index === 0) continue;
      const id = this.#nextStub++;
      ids.set(index, id);
      byId.set(id, stub);
    }
    const around = main === 0 ? stubs.get(0) : undefined;
    return new RewiredExecutable(this.#linkage, { plain, program, ids, byId, around, compile: this.#compile });
  }
}

/** The program as it is compiled, and where its main function begins: one that takes the place of a function is made callable. */
function codeOf(program: VerifiedProgram): CallableProgram {
  return program.progType === BPF_PROG_TYPE.BPF_PROG_TYPE_EXT ? asFunction(program) : { program, start: 0 };
}

interface Wiring {
  readonly plain: Executable;
  readonly program: VerifiedProgram;
  /** Helpers that stand for functions, by the function's index; and what they do. */
  readonly ids: ReadonlyMap<number, number>;
  readonly byId: ReadonlyMap<number, FunctionStub>;
  /** What stands for the main function. */
  readonly around: FunctionStub | undefined;
  readonly compile: ProgramCompiler;
}

/**
 * A program some of whose functions have other code in their place. The main function keeps its code, where tail calls enter it: what
 * stands for it surrounds its runs.
 */
class RewiredExecutable implements Executable {
  /** The program as it was compiled first. */
  readonly plain: Executable;
  readonly slot: number;
  readonly run: Executable['run'];
  readonly runBatch: Executable['runBatch'];
  readonly #linkage: Linkage;
  readonly #inner: Executable;
  readonly #place: Rewired['place'];
  /** Helpers that stand for functions. */
  readonly #stubs = new Map<number, JsHelper>();
  /** Arguments and result of the main function; 0 when nothing stands for it. */
  readonly #frame: number;
  /** Code and program behind the slot before; undefined unless this one stands there. */
  #outer: { readonly code: CallableFunction | null; readonly program: Executable | undefined } | undefined;
  #live = true;

  constructor(linkage: Linkage, { plain, program, ids, byId, around, compile }: Wiring) {
    const { env, shim, stubs } = linkage;
    this.#linkage = linkage;
    this.plain = plain;
    this.slot = plain.slot;
    const rewired = rewire(program, ids);
    this.#place = rewired.place;
    for (const [k, id] of ids) {
      const start = rewired.originals.get(k) ?? 0;
      const original = (frame: number): void => shim.callFunction(this.#inner.functionSlot(start), frame);
      const stub = byId.get(id);
      if (stub !== undefined) this.#stubs.set(id, (frame) => stub(frame, original));
    }
    this.#frame = around === undefined ? 0 : env.alloc(FRAME_SIZE, 8);
    if (around !== undefined && this.#frame === 0)
      throw new RangeError('no memory for the frame of a program that others run around');
    for (const [id, stub] of this.#stubs) stubs.set(id, stub);
    const inner = compile(rewired.program);
    this.#inner = inner;
    this.run = around === undefined ? (ctx) => inner.run(ctx) : (ctx) => this.#surrounded(around, ctx);
    this.runBatch =
      around === undefined && inner.runBatch !== undefined ? (...batch) => inner.runBatch?.(...batch) : undefined;
  }

  get engine(): Executable['engine'] {
    return this.#inner.engine;
  }
  get retAddr(): number {
    return this.#frame === 0 ? this.#inner.retAddr : this.#frame + FRAME_R0;
  }
  get codeSize(): number {
    return this.#inner.codeSize;
  }
  get executed(): number | undefined {
    return this.#inner.executed;
  }
  get compiling(): Promise<void> | undefined {
    return this.#inner.compiling;
  }
  functionSlot(start: number): number {
    return this.#inner.functionSlot(this.#place(start));
  }

  /** A run of the main function, with what stands for it. */
  #surrounded(around: FunctionStub, ctx: number): number {
    const { env, stack } = this.#linkage;
    const { i32 } = env.mem;
    const [r0, r1] = [(this.#frame + FRAME_R0) >>> 2, (this.#frame + FRAME_R1) >>> 2];
    i32.fill(0, r0, (this.#frame + FRAME_SIZE) >>> 2);
    i32[r1] = ctx;
    const [sp, tailCalls] = [stack.sp.value as number, stack.tailCalls.value as number];
    stack.tailCalls.value = 0;
    try {
      around(this.#frame, () => {
        this.#inner.run(ctx);
        const from = this.#inner.retAddr >>> 2;
        i32[r0] = i32[from];
        i32[r0 + 1] = i32[from + 1];
      });
      return i32[r0] >>> 0;
    } finally {
      stack.sp.value = sp;
      stack.tailCalls.value = tailCalls;
    }
  }

  /** Tail calls find this code from now on. */
  enter(): void {
    const { table, programs } = this.#linkage;
    const stand = (): void => {
      if (this.#outer === undefined) return;
      table.set(this.slot, table.get(this.#inner.slot));
      programs.set(this.slot, this.#inner);
    };
    const look = (): void => {
      this.#outer = { code: table.get(this.slot), program: programs.get(this.slot) };
    };
    look();
    stand();
    // Compiled code takes over by itself, there and here.
    void this.plain.compiling?.then(() => {
      if (this.#outer === undefined) return;
      look();
      stand();
    });
    void this.#inner.compiling?.then(stand);
  }

  leave(): void {
    const { table, programs } = this.#linkage;
    const outer = this.#outer;
    this.#outer = undefined;
    if (outer === undefined) return;
    table.set(this.slot, outer.code);
    if (outer.program === undefined) programs.delete(this.slot);
    else programs.set(this.slot, outer.program);
  }

  /** Gives back what it has beside the program as it was. */
  end(): void {
    if (!this.#live) return;
    this.#live = false;
    this.leave();
    for (const id of this.#stubs.keys()) this.#linkage.stubs.delete(id);
    if (this.#frame !== 0) this.#linkage.env.free(this.#frame);
    this.#inner.dispose();
  }

  save(): Restore {
    const [live, outer] = [this.#live, this.#outer];
    const parts = [this.plain.save?.(), this.#inner.save?.()];
    return () => {
      this.#live = live;
      this.#outer = outer;
      if (live) for (const [id, stub] of this.#stubs) this.#linkage.stubs.set(id, stub);
      for (const restore of parts) restore?.();
    };
  }

  vanish(): void {
    this.#live = false;
    this.#outer = undefined;
    this.plain.vanish?.();
    this.#inner.vanish?.();
  }

  dispose(): void {
    this.end();
    this.plain.dispose();
  }
}
