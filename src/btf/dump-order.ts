/** The order in which types can be declared in C: what is embedded comes first, what is pointed to may follow. */
import { Budget } from '../util/budget.ts';
import { FormatError } from '../util/errors.ts';
import type { Btf } from './btf.ts';
import { type Routine, runRoutine } from './trampoline.ts';
import { BTF_KIND, type BtfType } from './types.ts';

/** Whether the type, as seen from there, must be complete: `strong` asks for a definition before, `weak` for a declaration. */
type Link = 'strong' | 'weak';

const ORDERING = 1;
const ORDERED = 2;

/** Weight of a step, in bytes. */
const STEP = 16;

/** Named definitions in an order that C accepts. Throws FormatError for types that contain themselves. */
export class DumpOrder {
  /** ORDERING and ORDERED by id. */
  readonly #state: Uint8Array;
  /** Types that another type refers to: anonymous enums among them are defined in place. */
  readonly #referenced: Uint8Array;
  #queue: number[] = [];
  readonly #budget: Budget;

  constructor(readonly btf: Btf) {
    this.#budget = new Budget('BTF', btf.bytes.length);
    this.#state = new Uint8Array(btf.nrTypes);
    this.#referenced = new Uint8Array(btf.nrTypes);
    for (let id = 1; id < btf.nrTypes; id++) markReferences(btf.type(id) as BtfType, this.#referenced);
  }

  /** The definitions that `id` needs and that no earlier call gave, itself last where it has a name. */
  definitions(id: number): number[] {
    if (this.#state[id] === ORDERED) return [];
    this.#queue = [];
    // Each type is met twice at most on one way, through a pointer and not: what nests deeper goes round.
    runRoutine(this.#visit(id, false), 2 * this.btf.nrTypes, () => {
      throw new FormatError('BTF', this.btf.typeOffset(id), `type ${id} contains itself`);
    });
    return this.#queue;
  }

  *#visit(id: number, throughPointer: boolean): Routine<Link> {
    this.#budget.spend(STEP, 'types that refer to each other');
    const t = this.btf.type(id);
    if (t === undefined) throw new FormatError('BTF', -1, `type ${id} does not exist`);
    const state = this.#state[id];
    if (state === ORDERED) return 'strong';
    const composite = t.kind === BTF_KIND.STRUCT || t.kind === BTF_KIND.UNION;
    if (state === ORDERING) {
      if (composite && throughPointer && t.name !== '') return 'weak';
      throw new FormatError('BTF', this.btf.typeOffset(id), `type ${id} (${t.name || 'anonymous'}) contains itself`);
    }
    switch (t.kind) {
      case BTF_KIND.PTR: {
        // Marked only afterwards: only what it leads to decides whether there is a loop.
        const link = yield this.#visit(t.type, true);
        this.#state[id] = ORDERED;
        return link;
      }
      case BTF_KIND.ARRAY:
        return this.#known(id, yield this.#visit(t.array?.elemType ?? 0, false));
      case BTF_KIND.VOLATILE:
      case BTF_KIND.CONST:
      case BTF_KIND.RESTRICT:
      case BTF_KIND.TYPE_TAG:
        return this.#known(id, yield this.#visit(t.type, throughPointer));
      case BTF_KIND.STRUCT:
      case BTF_KIND.UNION:
        if (throughPointer && t.name !== '') return 'weak';
        this.#state[id] = ORDERING;
        for (const m of t.members) if (this.#state[m.type] !== ORDERED) yield this.#visit(m.type, false);
        return this.#define(id, t.name !== '');
      case BTF_KIND.ENUM:
      case BTF_KIND.ENUM64:
      case BTF_KIND.FWD:
        return this.#define(id, t.name !== '' || this.#referenced[id] === 0);
      case BTF_KIND.TYPEDEF: {
        const link = yield this.#visit(t.type, throughPointer);
        if (throughPointer && link === 'weak') return 'weak';
        return this.#define(id, true);
      }
      case BTF_KIND.FUNC_PROTO: {
        let link = yield this.#visit(t.type, throughPointer);
        for (const { type } of t.params)
          if (this.#state[type] === ORDERED || (yield this.#visit(type, throughPointer)) === 'strong') link = 'strong';
        return this.#known(id, link);
      }
      default:
        this.#state[id] = ORDERED;
        return 'weak';
    }
  }

  /** What a derived type leads to is walked once when it is complete: chains of them may be asked for from every place. */
  #known(id: number, link: Link): Link {
    if (link === 'strong') this.#state[id] = ORDERED;
    return link;
  }

  #define(id: number, named: boolean): Link {
    if (named) this.#queue.push(id);
    this.#state[id] = ORDERED;
    return 'strong';
  }
}

function markReferences(t: BtfType, referenced: Uint8Array): void {
  referenced[t.type] = 1;
  for (const m of t.members) referenced[m.type] = 1;
  for (const p of t.params) referenced[p.type] = 1;
  for (const v of t.vars) referenced[v.type] = 1;
  if (t.array === undefined) return;
  referenced[t.array.elemType] = 1;
  referenced[t.array.indexType] = 1;
}
