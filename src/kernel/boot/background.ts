/** A program that runs in the interpreter while the host compiles it in the background, and as compiled code from then on. */
import type { Linkage } from '../run/linkage.ts';
import type { InterpProgram } from '../interp/index.ts';
import type { JitResult } from '../jit/index.ts';
import type { Restore } from '../mem/saved.ts';
import type { Executable } from '../object/executable.ts';

export class BackgroundExecutable implements Executable {
  /** The engine it belongs to from the start: a prog array holds programs of one engine only. */
  engine: 'jit' | 'interp' = 'jit';
  readonly slot: number;
  compiling: Promise<void> | undefined;
  run: Executable['run'];
  runBatch: Executable['runBatch'];
  #current: Executable;
  readonly #interp: InterpProgram;
  #live = true;

  constructor(
    interp: InterpProgram,
    readonly linkage: Linkage,
    compiled: Promise<JitResult>,
  ) {
    this.slot = interp.slot;
    this.#interp = interp;
    this.#current = interp;
    this.run = (ctx) => interp.run(ctx);
    this.compiling = compiled.then((result) => this.#take(result));
  }

  get retAddr(): number {
    return this.#current.retAddr;
  }
  functionSlot(start: number): number {
    return this.#current.functionSlot(start);
  }
  get codeSize(): number {
    return this.#current.codeSize;
  }
  get executed(): number | undefined {
    return this.#current.executed;
  }

  /** Compiled code takes over, under the slot that prog arrays know; what V8 refused stays where it is. */
  #take(result: JitResult): void {
    this.compiling = undefined;
    if (!result.ok) {
      this.engine = 'interp';
      return;
    }
    const { executable } = result;
    if (!this.#live) {
      executable.dispose();
      return;
    }
    const { table, programs } = this.linkage;
    table.set(this.slot, table.get(executable.slot));
    programs.set(this.slot, executable);
    this.#current = executable;
    this.run = executable.run;
    this.runBatch = executable.runBatch;
  }

  /** Once it is compiled; a runtime that compiles is not saved. */
  save(): Restore {
    const live = this.#live;
    const engines = [this.#interp.save(), this.#current.save?.()];
    return () => {
      this.#live = live;
      for (const restore of engines) restore?.();
    };
  }

  vanish(): void {
    this.#live = false;
    this.#interp.vanish();
    this.#current.vanish?.();
  }

  dispose(): void {
    if (!this.#live) return;
    this.#live = false;
    if (this.#current !== this.#interp) this.#current.dispose();
    this.#interp.dispose();
  }
}
