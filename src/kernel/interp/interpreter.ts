/** What the interpreted programs of one linkage share: helpers bound to registers, and the functions behind their table entries. */
import type { Restore } from '../mem/saved.ts';
import { createJsEntry, type JsEntryKind } from '../run/shim.ts';
import type { HelperImpl, Linkage } from '../run/linkage.ts';
import { type BoundHelper, bindHelper } from './call-helper.ts';
import type { InterpProgram } from './program.ts';

/** A function of a program whose address is taken. */
interface TakenFunction {
  readonly program: InterpProgram;
  /** The slot of the instruction that it begins with. */
  readonly start: number;
}

export class Interpreter {
  readonly linkage: Linkage;
  readonly #bound = new Map<HelperImpl, BoundHelper>();
  /** By slot of the code table. */
  readonly #programs = new Map<number, InterpProgram>();
  readonly #functions = new Map<number, TakenFunction>();
  readonly #enter = {
    program: (ctx: number, slot: number): void => this.#programs.get(slot)?.enter(ctx),
    function: (frame: number, slot: number): void => {
      const taken = this.#functions.get(slot);
      taken?.program.enterFunction(taken.start, frame);
    },
  };

  constructor(linkage: Linkage) {
    this.linkage = linkage;
  }

  /** A helper as the loop calls it. */
  bound(impl: HelperImpl): BoundHelper {
    let bound = this.#bound.get(impl);
    if (bound === undefined) {
      bound = bindHelper(impl, this.linkage.env.mem.view);
      this.#bound.set(impl, bound);
    }
    return bound;
  }

  /** Takes a slot of the code table for a program; `ret` is where compiled callers find its r0. */
  addProgram(program: InterpProgram): number {
    const { table, programs } = this.linkage;
    const slot = table.alloc();
    table.set(slot, this.#entry('program', slot, program.retAddr));
    programs.set(slot, program);
    this.#programs.set(slot, program);
    return slot;
  }

  /** Takes a slot for a function of a program whose address it takes. */
  addFunction(program: InterpProgram, start: number): number {
    const { table } = this.linkage;
    const slot = table.alloc();
    table.set(slot, this.#entry('function', slot, program.retAddr));
    this.#functions.set(slot, { program, start });
    return slot;
  }

  /** Gives a slot back. */
  remove(slot: number): void {
    if (this.#programs.delete(slot)) this.linkage.programs.delete(slot);
    this.#functions.delete(slot);
    this.linkage.table.free(slot);
  }

  /** For snapshots: the entries of these slots. */
  saveSlots(slots: readonly number[]): Restore {
    const saved = slots.map((slot) => ({ slot, program: this.#programs.get(slot), taken: this.#functions.get(slot) }));
    return () => {
      for (const { slot, program, taken } of saved) {
        if (program !== undefined) this.#programs.set(slot, program);
        if (taken !== undefined) this.#functions.set(slot, taken);
      }
    };
  }

  /** Their program has vanished with its slots: others have them. */
  forget(slots: readonly number[]): void {
    for (const slot of slots) {
      this.#programs.delete(slot);
      this.#functions.delete(slot);
    }
  }

  /** The function that begins at a slot of the code table, when it is the program's own. */
  functionOf(program: InterpProgram, slot: number): number | undefined {
    const taken = this.#functions.get(slot);
    return taken?.program === program ? taken.start : undefined;
  }

  #entry(kind: JsEntryKind, id: number, ret: number): CallableFunction {
    const { table, env, stack } = this.linkage;
    return createJsEntry(table, env.mem, stack.sp, { kind, id, ret, js: this.#enter[kind] });
  }
}
