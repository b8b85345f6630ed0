/** A program in the interpreter: the reference engine, and the one for what the JIT refuses. */
import { BPF_FUNC, bpfFuncName } from '../../uapi/helper-ids.ts';
import { FRAME_R0, FRAME_R1, FRAME_SIZE } from '../run/env.ts';
import { type ProgramLink } from '../run/linkage.ts';
import { ProgramAbort } from '../../util/errors.ts';
import { countCallback, loopRefusal } from '../run/loop-rules.ts';
import { createJsEntries, type JsEntries } from '../run/shim.ts';
import type { Executable } from '../object/executable.ts';
import { LOOP_INLINED } from '../rules/rows/helpers/internal.ts';
import type { VerifiedProgram } from '../verifier/result.ts';
import type { GuardRegion } from './access.ts';
import { Activation } from './activation.ts';
import { type BoundHelper, bindHelper } from './call-helper.ts';
import { type CallSite, type Predecoded, predecode, REG_FRAME } from './predecode.ts';
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

/** Loads a program into the interpreter. */
export function interpret(program: InterpInput, link: ProgramLink, options: InterpOptions = {}): InterpProgram {
  return new InterpProgram(program, link, options);
}

export class InterpProgram implements Executable {
  readonly engine = 'interp';
  readonly codeSize = 0;
  readonly slot: number;
  readonly retAddr: number;
  readonly decoded: Predecoded;
  readonly helpers: readonly BoundHelper[];
  readonly link: ProgramLink;
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
  /** Slots of functions whose address is taken, and where those begin. */
  readonly #functions: { slot: number; start: number }[] = [];
  readonly #callxHelpers = new Map<number, BoundHelper>();
  #live = true;

  constructor(program: InterpInput, link: ProgramLink, options: InterpOptions) {
    const { guard } = options;
    this.link = link;
    this.observe = options.observe;
    this.#origin = program.origin;
    this.view = link.env.mem.view;
    const arena = program.usedMaps?.find((m) => m.type === BPF_MAP_TYPE_ARENA && m.valuesAddr !== 0);
    this.arenaAddr = arena?.valuesAddr ?? 0;
    this.arenaSize = (arena?.maxEntries ?? 0) * PAGE_SIZE;
    const { insns, subprogs } = program;
    this.decoded = predecode({ insns, subprogs, hasArena: arena !== undefined }, guard !== undefined);
    this.regions = guard?.regions ?? [];
    this.#fuel = guard?.fuel ?? Number.POSITIVE_INFINITY;
    this.#r2 = guard?.r2 ?? 0;
    this.retAddr = link.env.alloc(8, 8);
    this.helpers = this.decoded.calls.map((site) => this.#bind(site));
    this.slot = this.#enterTable();
  }

  /** Runs on a context address; the low half of r0. */
  run(ctx: number): number {
    const { link, view } = this;
    const { sp, tailCalls } = link.stack;
    const entrySp = sp.value as number;
    const outerTailCalls = view.getInt32(tailCalls, true);
    view.setInt32(tailCalls, 0, true);
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
      view.setInt32(tailCalls, outerTailCalls, true);
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
    act.begin(0, this.link.stack.sp.value as number);
    act.regs[2] = ctx;
    act.regs[4] = this.#r2;
    return act;
  }

  /** Gives back an activation that {@link start} made. */
  close(act: Activation): void {
    this.link.stack.sp.value = act.entrySp;
    this.#release(act);
  }

  /** Reserves the stack of one activation below `sp` and publishes it; returns the address of the helpers' frame. */
  reserveStack(sp: number): number {
    const frame = sp - this.decoded.reserve - FRAME_SIZE;
    if (frame < this.link.stack.limit) throw new ProgramAbort('stack-overflow', -1, 'the guest stack is exhausted');
    if (this.decoded.usesStack) this.link.stack.sp.value = frame;
    return frame;
  }

  /** Runs the program at a slot, of either engine, as the tail call of a function whose r10 was `sp`; r0 goes to `R`. */
  callProgram(slot: number, ctx: number, sp: number, R: Int32Array): void {
    const target = this.interpAt(slot);
    const global = this.link.stack.sp;
    const outer = global.value as number;
    if (target !== undefined) {
      target.#nested(0, sp, [ctx, 0, 0, 0, 0, 0, 0, 0, 0, 0], R);
    } else {
      global.value = sp;
      this.link.shim.callProgram(slot, ctx, this.retAddr);
      R[0] = this.view.getInt32(this.retAddr, true);
      R[1] = this.view.getInt32(this.retAddr + 4, true);
    }
    global.value = outer;
  }

  /** The program at a slot when this engine runs it. */
  interpAt(slot: number): InterpProgram | undefined {
    const target = this.link.programs.get(slot);
    return target instanceof InterpProgram ? target : undefined;
  }

  /** callx of guard mode: the helper whose id is in a register. */
  callx(id: number, R: Int32Array, slot: number): void {
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

  dispose(): void {
    if (!this.#live) return;
    this.#live = false;
    const { table, programs, env } = this.link;
    programs.delete(this.slot);
    table.free(this.slot);
    for (const f of this.#functions) table.free(f.slot);
    env.free(this.retAddr);
  }

  /** Runs an activation to its end, looking at fuel and deadline now and then. */
  #drive(act: Activation): void {
    try {
      for (let left = this.#fuel; ; left -= POLL) {
        const budget = left < POLL ? left : POLL;
        if (act.exec(budget)) return;
        if (left <= POLL) throw new ProgramAbort('fuel', act.pc, `the program ran for ${this.#fuel} instructions`);
        this.link.env.checkDeadline();
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
    const { stack, env, shim } = this.link;
    const own = this.#functions.find((f) => f.slot === slot);
    const frame = R[REG_FRAME] >>> 0;
    const result = new Int32Array(2);
    let i = 0;
    while (i < nr) {
      countCallback(env, stack);
      args[0] = i;
      if (own !== undefined) {
        this.#nested(own.start, frame, args, result);
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

  /** Takes slots for the program and for the functions whose address it takes. */
  #enterTable(): number {
    const { table, programs, env, stack } = this.link;
    const starts = [...new Set(this.decoded.funcRefs.map((f) => f.start))];
    const halves = new Int32Array(10);
    const result = new Int32Array(2);
    const runFunction = (frame: number, start: number): void => {
      for (let k = 0; k < 10; k++) halves[k] = this.view.getInt32(frame + FRAME_R1 + k * 4, true);
      const outer = stack.sp.value as number;
      this.#nested(start, outer, halves, result);
      stack.sp.value = outer;
      this.view.setInt32(frame + FRAME_R0, result[0], true);
      this.view.setInt32(frame + FRAME_R0 + 4, result[1], true);
    };
    const runProgram = (ctx: number): void => {
      const outer = stack.sp.value as number;
      this.#nested(0, outer, [ctx, 0, 0, 0, 0, 0, 0, 0, 0, 0], result);
      stack.sp.value = outer;
      this.view.setInt32(this.retAddr, result[0], true);
      this.view.setInt32(this.retAddr + 4, result[1], true);
    };
    const slot = table.alloc();
    const { retAddr: ret } = this;
    const entriesOf = (id: number): JsEntries =>
      createJsEntries(table, env.mem, stack.sp, { ret, id, program: runProgram, fn: runFunction });
    const entries = entriesOf(starts[0] ?? 0);
    table.set(slot, entries.program);
    programs.set(slot, this);
    for (const [k, start] of starts.entries()) {
      const own = k === 0 ? entries : entriesOf(start);
      const at = table.alloc();
      table.set(at, own.function);
      this.#functions.push({ slot: at, start });
    }
    for (const ref of this.decoded.funcRefs) {
      this.decoded.regs[ref.regsIndex] = this.#functions.find((f) => f.start === ref.start)?.slot ?? 0;
    }
    return slot;
  }

  /** The name of the missing implementation of a call. */
  #missing({ kfunc, id, fdIndex }: CallSite): string {
    if (!kfunc)
      return `${bpfFuncName(id).replace('BPF_FUNC_', 'bpf_')} (helper ${id}) is not implemented: see docs/SCOPE.md`;
    const name = fdIndex === 0 ? this.link.kfuncName?.(id) : undefined;
    return `kernel function ${name ? `${name} (BTF id ${id})` : id} is not implemented: see docs/SCOPE.md`;
  }

  #bind(site: CallSite): BoundHelper {
    if (!site.kfunc && site.id === BPF_FUNC.BPF_FUNC_loop) {
      const inlined = site.fdIndex === LOOP_INLINED;
      return (R) => this.#bpfLoop(R, inlined);
    }
    const impl = site.kfunc ? this.link.kfunc(site.id, site.fdIndex) : this.link.helper(site.id);
    if (impl !== undefined) return bindHelper(impl, this.view);
    const what = this.#missing(site);
    return () => {
      throw new ProgramAbort('unknown-helper', site.slot, what);
    };
  }
}
