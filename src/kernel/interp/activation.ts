/** One run of a program in the interpreter: registers, call frames, tail calls and may_goto. */
import { MAX_CALL_FRAMES, MAX_TAIL_CALL_CNT } from '../rules/limits.ts';
import { MAY_GOTO_EXPIRED, MAY_GOTO_TICK, mayGotoTick } from '../run/may-goto.ts';
import { execute } from './loop.ts';
import { FRAME_WORDS, R10, REG_CONSTANTS, REG_FRAME, SLOT_WORDS } from './predecode.ts';
import type { InterpProgram } from './program.ts';
import type { CallFrame, Stepper } from './stepper.ts';

/** State of one activation; engines reuse them. */
export class Activation implements Stepper {
  program: InterpProgram;
  /** Register file, lo and hi of r0 first (predecode.ts). */
  regs: Int32Array;
  /** Program counter in words. */
  p = 0;
  depth = 0;
  done = false;
  /** Stack pointer at entry: r10 of the outermost frame. */
  entrySp = 0;
  /** Instructions executed so far. */
  steps = 0;
  /** Callers' words: return p, halves of r6 to r9, r10, may_goto budget. */
  readonly saved = new Int32Array(MAX_CALL_FRAMES * FRAME_WORDS);
  /** Jumps by may_goto in the current frame. */
  mayGoto = 0;
  readonly #mayGotoStates = new Int32Array(MAX_CALL_FRAMES);

  constructor(program: InterpProgram) {
    this.program = program;
    this.regs = program.takeRegs();
  }

  /** Begins at slot `start` with r10 = `sp`; all other registers are 0 until the caller sets arguments. */
  begin(start: number, sp: number): void {
    this.steps = 0;
    this.enter(start, sp);
  }

  /** Sets up the outermost frame. */
  private enter(start: number, sp: number): void {
    const { regs, program } = this;
    this.p = start * SLOT_WORDS;
    this.depth = 0;
    this.done = false;
    this.entrySp = sp;
    this.mayGoto = 0;
    regs.fill(0, 0, REG_CONSTANTS);
    regs[R10] = sp;
    regs[REG_FRAME] = program.reserveStack(sp);
  }

  /** Slot of the next instruction. */
  get pc(): number {
    return this.p / SLOT_WORDS;
  }

  get origin(): number {
    return this.program.originOf(this.pc);
  }

  get frames(): readonly CallFrame[] {
    const out: CallFrame[] = [];
    const { saved, program } = this;
    for (let f = 0; f < this.depth * FRAME_WORDS; f += FRAME_WORDS) {
      const regs = new Int32Array(R10);
      regs.set(saved.subarray(f + 1, f + 9), 12);
      // The frame goes on behind its call.
      out.push({ at: program.originOf(saved[f] / SLOT_WORDS - 1), regs, from: 6, fp: saved[f + 9] >>> 0 });
    }
    const { regs } = this;
    out.push({ at: this.origin, regs: regs.subarray(0, R10), from: 0, fp: regs[R10] >>> 0 });
    return out;
  }

  /** A register as hi and lo halves. */
  reg(n: number): [hi: number, lo: number] {
    return [this.regs[n * 2 + 1], this.regs[n * 2]];
  }

  /** Executes one instruction; true when the program has returned. */
  step(): boolean {
    return this.exec(1);
  }

  /** Continues for at most `budget` instructions; true when the program has returned. */
  exec(budget: number): boolean {
    const { observe } = this.program;
    if (observe === undefined) return execute(this, budget);
    for (let n = 0; n < budget; n++) {
      observe(this);
      if (execute(this, 1)) return true;
    }
    return false;
  }

  /** BPF_JCOND | MAY_GOTO: true once the function has used up its time. */
  mayGotoExpired(): boolean {
    if ((++this.mayGoto & MAY_GOTO_TICK) !== 0) return false;
    const { program, depth } = this;
    const states = this.#mayGotoStates;
    // The first tick of this call of the function: what is there is another call's.
    const state = this.mayGoto === MAY_GOTO_TICK + 1 ? 0 : states[depth];
    states[depth] = mayGotoTick(program.linkage.env, state);
    if (states[depth] !== MAY_GOTO_EXPIRED) return false;
    // From now on every jump asks again.
    this.mayGoto = 2 * MAY_GOTO_TICK + 1;
    return true;
  }

  /**
   * bpf_tail_call from the function of the current frame, which ends there. False when the call fails and the program
   * goes on. Otherwise the target either took over this activation (outermost frame, same engine) or ran to its end.
   */
  tailCall(): boolean {
    const { program, regs } = this;
    const { linkage } = program;
    const { tailCalls } = linkage.stack;
    const count = tailCalls.value as number;
    if (count >= MAX_TAIL_CALL_CNT) return false;
    const slot = linkage.tailCallTarget(regs[4], regs[6] >>> 0);
    if (slot === 0) return false;
    tailCalls.value = count + 1;
    const target = this.depth === 0 ? program.interpAt(slot) : undefined;
    const ctx = regs[2];
    if (target !== undefined) {
      this.#become(target, ctx);
      return true;
    }
    program.callProgram(slot, ctx, regs[R10], regs);
    this.#leave();
    return true;
  }

  /** Goes on as the program that was tail-called. */
  #become(target: InterpProgram, ctx: number): void {
    this.program.giveRegs(this.regs);
    this.program = target;
    this.regs = target.takeRegs();
    this.enter(0, this.entrySp);
    this.regs[2] = ctx;
  }

  /** Returns from the current frame. */
  #leave(): void {
    if (this.depth === 0) {
      this.done = true;
      return;
    }
    const { saved: F, regs: R } = this;
    const f = --this.depth * FRAME_WORDS;
    for (let k = 0; k < 9; k++) R[12 + k] = F[f + 1 + k];
    this.mayGoto = F[f + 10];
    this.p = F[f];
  }
}
