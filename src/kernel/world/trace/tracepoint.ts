/** A tracepoint of the kernel: whoever is attached is called with the arguments, in the order of attachment. */
import type { Restore, Saved } from '../../mem/saved.ts';
import { HookPoint } from '../hook-point.ts';
import { type Arguments, writeArguments } from './arguments.ts';
import type { TraceEnv } from './env.ts';
import type { Signature } from './signature.ts';

/** One hit in progress: the guest address of its arguments, one 64-bit word each. */
export interface TracepointHit {
  readonly target: Tracepoint;
  readonly args: number;
}

export class Tracepoint implements Saved {
  readonly name: string;
  readonly signature: Signature;
  /** Called with each hit. */
  readonly hooks = new HookPoint<TracepointHit>({ idle: undefined });
  readonly #env: TraceEnv;

  constructor(env: TraceEnv, found: { readonly name: string; readonly signature: Signature }) {
    this.#env = env;
    this.name = found.name;
    this.signature = found.signature;
  }

  get idle(): boolean {
    return this.hooks.idle;
  }

  /** It is passed. Throws StructError for arguments that do not fit its types, and what a hook throws. */
  hit(args: Arguments = {}): void {
    if (!this.hooks.idle) this.#hit(args);
  }

  #hit(given: Arguments): void {
    const { words, structs, section } = this.#env;
    const { signature } = this;
    section.begin();
    const args = words.push(signature.words);
    try {
      const made = writeArguments(structs, { signature, what: this.name, addr: args }, given);
      try {
        this.hooks.run({ target: this, args });
      } finally {
        for (const temporary of made) temporary[Symbol.dispose]();
      }
    } finally {
      words.pop(args);
      section.end();
    }
  }

  save(): Restore {
    return this.hooks.save();
  }
}
