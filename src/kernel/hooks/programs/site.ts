/** A function of a loaded program that others stand on: one that replaces it, or those that run around it (bpf_trampoline of a program). */
import { type Restore, saveAll, type Saved } from '../../mem/saved.ts';
import type { LoadedProg } from '../../object/prog.ts';
import { FRAME_R0, FRAME_R1 } from '../../run/env.ts';
import { HookPoint } from '../../world/hook-point.ts';
import type { AttachEnv } from '../env.ts';

/** Words of arguments that a function of a program has at most. */
export const MAX_ARGS = 5;

/** A call in progress: arguments as words in guest memory, the result behind them. */
export interface SiteCall {
  readonly args: number;
  readonly result: number;
}

/** The function that programs stand on. */
export interface SiteTarget {
  readonly prog: LoadedProg;
  /** Index of the function in the program, 0 the main one. */
  readonly index: number;
  /** FUNC in the program's BTF. */
  readonly typeId: number;
  /** Words of arguments, by its prototype; five when that is not to be trusted. */
  readonly words: number;
}

export class ProgramSite implements Saved {
  readonly target: SiteTarget;
  /** Called at its entry, and with its result; the newest first. */
  readonly entry = new HookPoint<SiteCall>({ idle: undefined, order: 'first' });
  readonly exit = new HookPoint<SiteCall>({ idle: undefined, order: 'first' });
  /** Calls what replaces it, with the frame of the arguments. */
  replacement: ((frame: number) => void) | undefined;
  readonly #env: AttachEnv;

  constructor(env: AttachEnv, target: SiteTarget) {
    this.#env = env;
    this.target = target;
  }

  /** Whether nothing stands on it. */
  get idle(): boolean {
    return this.entry.idle && this.exit.idle && this.replacement === undefined;
  }

  /** How many programs run around it. */
  get around(): number {
    return this.entry.size + this.exit.size;
  }

  /** Stands for the function: its arguments lie in the frame, and its result goes there. */
  call(frame: number, original: (frame: number) => void): void {
    if (this.replacement !== undefined) return this.replacement(frame);
    if (this.entry.idle && this.exit.idle) return original(frame);
    const { mem, words } = this.#env;
    const { i32 } = mem;
    const args = words.push(MAX_ARGS + 1);
    try {
      const count = this.target.words;
      const at = args >>> 2;
      // Below lie the function's address and the number of arguments, where helpers look for them.
      i32[at - 4] = this.target.prog.exe.slot;
      i32[at - 2] = count;
      i32.copyWithin(at, (frame + FRAME_R1) >>> 2, ((frame + FRAME_R1) >>> 2) + 2 * count);
      const call = { args, result: args + 8 * count };
      this.entry.run(call);
      original(frame);
      const result = call.result >>> 2;
      i32[result] = i32[(frame + FRAME_R0) >>> 2];
      i32[result + 1] = i32[((frame + FRAME_R0) >>> 2) + 1];
      this.exit.run(call);
    } finally {
      words.pop(args);
    }
  }

  save(): Restore {
    const { replacement } = this;
    const hooks = saveAll([this.entry, this.exit]);
    return () => {
      this.replacement = replacement;
      hooks();
    };
  }
}
