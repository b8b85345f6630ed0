/** Structs that many events share: each is made when it is first named, and keeps its address. */
import { type Restore, saveMap, type Saved } from '../mem/saved.ts';
import { StructError } from './struct-types.ts';
import type { Structs, StructView } from './struct-view.ts';

export class KeptStructs implements Saved {
  readonly #structs: Structs;
  readonly #byName = new Map<string, StructView>();

  constructor(structs: Structs) {
    this.#structs = structs;
  }

  /** The struct of a name, of a type. Throws StructError when it is of another one. */
  at(name: string, type: string): StructView {
    const known = this.#byName.get(name);
    if (known === undefined) {
      const made = this.#structs.make(type);
      this.#byName.set(name, made);
      return made;
    }
    if (known.name !== type) throw new StructError('wrong-type', `${type} ${name}`, `it is a struct ${known.name}`);
    return known;
  }

  save(): Restore {
    return saveMap(this.#byName);
  }
}
