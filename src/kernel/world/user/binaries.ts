/** The binaries of the simulated host by their paths. */
import { type Restore, saveAll, type Saved, saveMap } from '../../mem/saved.ts';
import type { TraceEnv } from '../trace/env.ts';
import { Binary, type BinarySpec } from './binary.ts';

export class Binaries implements Saved {
  readonly #env: TraceEnv;
  readonly #byPath = new Map<string, Binary>();

  constructor(env: TraceEnv) {
    this.#env = env;
  }

  /** A new binary. Throws RangeError for a path that is taken, and for symbols outside of it. */
  add(path: string, spec: BinarySpec): Binary {
    if (this.#byPath.has(path)) throw new RangeError(`${path} is there already`);
    const made = new Binary(this.#env, path, spec);
    this.#byPath.set(path, made);
    return made;
  }

  /** A binary by its path; undefined when there is none. */
  get(path: string): Binary | undefined {
    return this.#byPath.get(path);
  }

  save(): Restore {
    return saveAll([{ save: () => saveMap(this.#byPath) }, ...this.#byPath.values()]);
  }
}
