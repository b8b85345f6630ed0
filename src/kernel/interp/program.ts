/** A program in the interpreter: the reference engine, and the one for what the JIT refuses. */
import { BPF_FUNC, bpfFuncName } from '../../uapi/helper-ids.ts';
import { FRAME_R0, FRAME_R1, FRAME_SIZE } from '../run/env.ts';
import { type Linkage } from '../run/linkage.ts';
import { ProgramAbort } from '../../util/errors.ts';
import { countCallback, loopRefusal } from '../run/loop-rules.ts';
import type { Restore } from '../mem/saved.ts';
import type { Executable } from '../object/executable.ts';
import { LOOP_INLINED } from '../rules/internal-helpers.ts';
import type { VerifiedProgram } from '../verifier/result.ts';
import type { GuardRegion } from './access.ts';
import { Activation } from './activation.ts';
import type { BoundHelper } from './call-helper.ts';
import { Interpreter } from './interpreter.ts';
import { type CallSite, type Code, predecode, REG_FRAME } from './predecode.ts';
import type { Stepper } from './stepper.ts';
import { BPF_MAP_TYPE } from '../../uapi/map-types.ts';

const { BPF_MAP_TYPE_ARENA } = BPF_MAP_TYPE;

/** The interpreter's part of a program: a VerifiedProgram has it, and so has a bare list of instructions. */
export type InterpInput = Pick<VerifiedProgram, 'insns' | 'subprogs'> &
  Partial<Pick<VerifiedProgram, 'usedMaps' | 'origin'>>;

/** Running a program that nobody verified. */
export interface InterpGuard {
  /** Memory that it may touch besides its stack. */
  readonly regions: readonly GuardRegion[];
  /** Instructions that one run may execute. */
  readonly fuel: number;
  /** Value of r2 at entry. */
  readonly r2?: number;
}

export interface InterpOptions {
  readonly guard?: InterpGuard;
  /** Called before each instruction, of the program and of its callbacks. */
  readonly observe?: (run: Stepper) => void;
}

const PAGE_SIZE = 4096;
/** Instructions between two looks at the deadline. */
const POLL = 1 << 16;

/** Loads a program into an interpreter; a linkage whose programs are many has one for all of them. */
export function interpret(program: InterpInput, on: Linkage | Interpreter, options: InterpOptions = {}): InterpProgram {
  return new InterpProgram(program, on instanceof Interpreter ? on : new Interpreter(on), options);
}

export class InterpProgram implements Executable {
  readonly engine = 'interp';
  readonly codeSize = 0;
  readonly slot: number;
  readonly retAddr: number;
  readonly decoded: Code;
  readonly helpers: readonly BoundHelper[];
  readonly linkage: Linkage;
  readonly view: DataView;
  /** Storage of its arena map; 0 without. */
  readonly arenaAddr: number;
  readonly arenaSize: number;
  /** Instructions executed in all runs so far. */
  executed = 0;
  readonly observe: ((run: Stepper) => void) | undefined;
  readonly #origin: Int32Array | undefined;
  regions: readonly GuardRegion[];
  #fuel: number;
  #r2: number;
  readonly #idle: Activation[] = [];
  readonly #regs: Int32Array[] = [];
  readonly #interpreter: Interpreter;
  /** Slots of functions whose address is taken. */
  readonly #functions: readonly number[];
  /** Where they begin, in the same order. */
  readonly #starts: readonly number[];
  #callxHelpers: Map<number, BoundHelper> | undefined;
  #live = true;

  constructor(program: InterpInput, interpreter: Interpreter, options: InterpOptions) {
    const { guard } = options;
    const { linkage } = interpreter;
    this.#interpreter = interpreter;
    this.linkage = linkage;
    this.observe = options.observe;
    this.#origin = program.origin;
    this.view = linkage.env.mem.view;
    const arena = program.usedMaps?.find((m) => m.type === BPF_MAP_TYPE_ARENA && m.valuesAddr !== 0);
    this.arenaAddr = arena?.valuesAddr ?? 0;
    this.arenaSize = (arena?.maxEntries ?? 0) * PAGE_SIZE;
    const { insns, subprogs } = program;
    const { calls, funcRefs, code } = predecode(
      { insns, subprogs, hasArena: arena !== undefined },
      guard !== undefined,
    );
    this.decoded = code;
    this.regions = guard?.regions ?? [];
    this.#fuel = guard?.fuel ?? Number.POSITIVE_INFINITY;
    this.#r2 = guard?.r2 ?? 0;
    this.retAddr = linkage.env.alloc(8, 8);
    this.helpers = calls.map((site) => this.#bind(site));
    this.slot = interpreter.addProgram(this);
    const starts = [...new Set(funcRefs.map((f) => f.start))];
    this.#starts = starts;
    this.#functions = starts.map((start) => interpreter.addFunction(this, start));
    for (const ref of funcRefs) code.regs[ref.regsIndex] = this.#functions[starts.indexOf(ref.start)];
  }

  functionSlot(start: number): number {
    return this.#functions[this.#starts.indexOf(start)] ?? 0;
  }

  /** Runs on a context address; the low half of r0. */
  run(ctx: number): number {
    const { linkage, view } = this;
    const { sp, tailCalls } = linkage.stack;
    const entrySp = sp.value as number;
    const counts = this.decoded.tailCalls;
    const outerTailCalls = counts ? (tailCalls.value as number) : 0;
    if (counts) tailCalls.value = 0;
    const act = this.#idle.pop() ?? new Activation(this);
    try {
      act.begin(0, entrySp);
      act.regs[2] = ctx;
      act.regs[4] = this.#r2;
      this.#drive(act);
      const r0 = act.regs[0];
      view.setInt32(this.retAddr, r0, true);
      view.setInt32(this.retAddr + 4, act.regs[1], true);
      return r0 >>> 0;
    } finally {
      if (counts) tailCalls.value = outerTailCalls;
      if (this.decoded.usesStack) sp.value = entrySp;
      this.#release(act);
    }
  }

  /** In guard mode: new fuel, r2 and regions for the runs that follow. */
  arm(guard: InterpGuard): void {
    this.regions = guard.regions;
    this.#fuel = guard.fuel;
    this.#r2 = guard.r2 ?? 0;
  }

  /** Instruction of the original program that a slot comes from; the slot itself where nothing was rewritten. */
  originOf(slot: number): number {
    return this.#origin?.[slot] ?? slot;
  }

  /** A run in single steps: the debugger's view. Its stack stays reserved until the activation is closed. */
  start(ctx: number): Activation {
    const act = this.#idle.pop() ?? new Activation(this);
    act.begin(0, this.linkage.stack.sp.value as number);
    act.regs[2] = ctx;
    act.regs[4] = this.#r2;
    return act;
  }

  /** Gives back an activation that {@link start} made. */
  close(act: Activation): void {
    this.linkage.stack.sp.value = act.entrySp;
    this.#release(act);
  }

  /** Reserves the stack of one activation below `sp` and publishes it; returns the address of the helpers' frame. */
  reserveStack(sp: number): number {
    const frame = sp - this.decoded.reserve - FRAME_SIZE;
    if (frame < this.linkage.stack.limit) throw new ProgramAbort('stack-overflow', -1, 'the guest stack is exhausted');
    if (this.decoded.usesStack) this.linkage.stack.sp.value = frame;
    return frame;
  }

  /** Runs the program at a slot, of either engine, as the tail call of a function whose r10 was `sp`; r0 goes to `R`. */
  callProgram(slot: number, ctx: number, sp: number, R: Int32Array): void {
    const target = this.interpAt(slot);
    const global = this.linkage.stack.sp;
    const outer = global.value as number;
    if (target !== undefined) {
      target.#nested(0, sp, [ctx, 0, 0, 0, 0, 0, 0, 0, 0, 0], R);
    } else {
      global.value = sp;
      this.linkage.shim.callProgram(slot, ctx, this.retAddr);
      R[0] = this.view.getInt32(this.retAddr, true);
      R[1] = this.view.getInt32(this.retAddr + 4, true);
    }
    global.value = outer;
  }

  /** The program at a slot when this engine runs it. */
  interpAt(slot: number): InterpProgram | undefined {
    const target = this.linkage.programs.get(slot);
    return target instanceof InterpProgram ? target : undefined;
  }

  /** callx of guard mode: the helper whose id is in a register. */
  callx(id: number, R: Int32Array, slot: number): void {
    this.#callxHelpers ??= new Map();
    let bound = this.#callxHelpers.get(id);
    if (bound === undefined) {
      bound = this.#bind({ kfunc: false, id, fdIndex: 0, slot });
      this.#callxHelpers.set(id, bound);
    }
    bound(R);
  }

  takeRegs(): Int32Array {
    return this.#regs.pop() ?? this.decoded.regs.slice();
  }

  giveRegs(regs: Int32Array): void {
    this.#regs.push(regs);
  }

  save(): Restore {
    const live = this.#live;
    const { executed } = this;
    const slots = this.#interpreter.saveSlots([this.slot, ...this.#functions]);
    return () => {
      slots();
      this.#live = live;
      this.executed = executed;
    };
  }

  vanish(): void {
    this.#live = false;
    this.#interpreter.forget([this.slot, ...this.#functions]);
  }

  dispose(): void {
    if (!this.#live) return;
    this.#live = false;
    this.#interpreter.remove(this.slot);
    for (const slot of this.#functions) this.#interpreter.remove(slot);
    this.linkage.env.free(this.retAddr);
  }

  /** Runs an activation to its end, looking at fuel and deadline now and then. */
  #drive(act: Activation): void {
    try {
      for (let left = this.#fuel; ; left -= POLL) {
        const budget = left < POLL ? left : POLL;
        if (act.exec(budget)) return;
        if (left <= POLL) throw new ProgramAbort('fuel', act.pc, `the program ran for ${this.#fuel} instructions`);
        this.linkage.env.checkDeadline();
      }
    } catch (e) {
      // The end of the guest memory is the second wall: what a verified program must never reach.
      if (!(e instanceof RangeError) || !e.message.includes('DataView')) throw e;
      throw new ProgramAbort('out-of-bounds', act.pc, 'access outside the guest memory');
    }
  }

  #release(act: Activation): void {
    this.executed += act.steps;
    if (act.program !== this) {
      act.program.giveRegs(act.regs);
      act.program = this;
      act.regs = this.takeRegs();
    }
    this.#idle.push(act);
  }

  /** The program as a table entry: runs on a context below what is on the stack; r0 goes to `retAddr`. */
  enter(ctx: number): void {
    const { stack } = this.linkage;
    const outer = stack.sp.value as number;
    const r0 = new Int32Array(2);
    this.#nested(0, outer, [ctx, 0, 0, 0, 0, 0, 0, 0, 0, 0], r0);
    stack.sp.value = outer;
    this.view.setInt32(this.retAddr, r0[0], true);
    this.view.setInt32(this.retAddr + 4, r0[1], true);
  }

  /** A function as a table entry: takes r1 to r5 from a helper's frame and leaves r0 there. */
  enterFunction(start: number, frame: number): void {
    const { view } = this;
    const { sp } = this.linkage.stack;
    const outer = sp.value as number;
    const act = this.#idle.pop() ?? new Activation(this);
    try {
      act.begin(start, outer);
      for (let k = 0; k < 10; k++) act.regs[2 + k] = view.getInt32(frame + FRAME_R1 + k * 4, true);
      this.#drive(act);
      view.setInt32(frame + FRAME_R0, act.regs[0], true);
      view.setInt32(frame + FRAME_R0 + 4, act.regs[1], true);
    } finally {
      this.#release(act);
    }
    sp.value = outer;
  }

  /** Runs from a slot on its own activation, arguments given as halves; r0 goes to `out`. */
  #nested(start: number, sp: number, args: ArrayLike<number>, out: Int32Array): void {
    const act = this.#idle.pop() ?? new Activation(this);
    try {
      act.begin(start, sp);
      for (let k = 0; k < 10; k++) act.regs[2 + k] = args[k];
      this.#drive(act);
      out[0] = act.regs[0];
      out[1] = act.regs[1];
    } finally {
      this.#release(act);
    }
  }

  /** bpf_loop(nr, callback, ctx, flags), without leaving the engine when the callback is this program's own. */
  #bpfLoop(R: Int32Array, inlined: boolean): void {
    // More than 32 bits are too many where they are looked at.
    const nr = inlined && R[3] !== 0 ? 0xffff_ffff : R[2] >>> 0;
    const slot = R[4];
    const args = new Int32Array(10);
    args[2] = R[6];
    args[3] = R[7];
    const refused = loopRefusal(nr, R[8], R[9]);
    R[1] = refused < 0 && !inlined ? -1 : 0;
    if (refused < 0) {
      R[0] = refused;
      return;
    }
    const { stack, env, shim } = this.linkage;
    const own = this.#interpreter.functionOf(this, slot);
    const frame = R[REG_FRAME] >>> 0;
    const result = new Int32Array(2);
    let i = 0;
    while (i < nr) {
      countCallback(env, stack);
      args[0] = i;
      if (own !== undefined) {
        this.#nested(own, frame, args, result);
        stack.sp.value = frame;
      } else {
        for (let k = 0; k < 10; k++) this.view.setInt32(frame + FRAME_R1 + k * 4, args[k], true);
        shim.callFunction(slot, frame);
        result[0] = this.view.getInt32(frame + FRAME_R0, true);
        result[1] = this.view.getInt32(frame + FRAME_R0 + 4, true);
      }
      i++;
      if ((result[0] | result[1]) !== 0) break;
    }
    R[0] = i;
  }

  /** The name of the missing implementation of a call. */
  #missing({ kfunc, id, fdIndex }: CallSite): string {
    if (!kfunc)
      return `${bpfFuncName(id).replace('BPF_FUNC_', 'bpf_')} (helper ${id}) is not implemented: see docs/SCOPE.md`;
    const name = fdIndex === 0 ? this.linkage.kfuncName?.(id) : undefined;
    return `kernel function ${name ? `${name} (BTF id ${id})` : id} is not implemented: see docs/SCOPE.md`;
  }

  #bind(site: CallSite): BoundHelper {
    if (!site.kfunc && site.id === BPF_FUNC.BPF_FUNC_loop) {
      const inlined = site.fdIndex === LOOP_INLINED;
      return (R) => this.#bpfLoop(R, inlined);
    }
    const impl = site.kfunc ? this.linkage.kfunc(site.id, site.fdIndex) : this.linkage.helper(site.id);
    if (impl !== undefined) return this.#interpreter.bound(impl);
    const what = this.#missing(site);
    return () => {
      throw new ProgramAbort('unknown-helper', site.slot, what);
    };
  }
}
