/** Kernel objects: reference counts, ids by kind, and the table that knows them all (bpf_map_inc, bpf_prog_put, *_idr). */
import { InternalError } from '../../util/errors.ts';
import { Rcu } from '../mem/rcu.ts';
import { type Restore, saveMap, type Saved } from '../mem/saved.ts';
import type { BtfObject } from './btf.ts';
import type { DirectoryObject, IterObject, StatsObject } from './handle.ts';
import type { LinkObject } from './link.ts';
import type { MapObject } from './map.ts';
import type { PerfEventObject } from './perf-event.ts';
import type { LoadedProg } from './prog.ts';

/** The kinds of objects: a new kind is a row here, and its `kind` says which one an object is. */
export interface ObjectsByKind {
  map: MapObject;
  prog: LoadedProg;
  btf: BtfObject;
  link: LinkObject;
  perf_event: PerfEventObject;
  directory: DirectoryObject;
  stats: StatsObject;
  iter: IterObject;
}
export type ObjectKind = keyof ObjectsByKind;
export type KernelObject = ObjectsByKind[ObjectKind];

/** Something with an id that file descriptors and other objects keep alive: what all kinds have. */
export interface ObjectBase<K extends ObjectKind> {
  readonly kind: K;
  /** Unique among living and dead objects of its kind; 0 until it is registered. */
  readonly id: number;
  /** References from descriptors and other objects. */
  refs: number;
  /** Its last reference has gone: what nobody may find any more ends here, while running programs may still reach the rest. */
  dying?(): void;
  /** Gives back what the object holds; called once, when the last reference has gone and no running program can reach it. */
  release(): void;
  /** A descriptor was opened on it, or closed; maps count their users by them. */
  fdOpened?(): void;
  fdClosed?(): void;
  /** For snapshots: what it is beside its references. */
  save?(): Restore;
  /** It was made after the snapshot that has been restored: nothing of it is there, and nothing is to be given back. */
  vanish?(): void;
}

/** All objects of one runtime. */
export class ObjectTable implements Saved {
  readonly #kinds: { readonly [K in ObjectKind]: { next: number; readonly live: Map<number, ObjectsByKind[K]> } } = {
    map: { next: 1, live: new Map() },
    prog: { next: 1, live: new Map() },
    btf: { next: 1, live: new Map() },
    link: { next: 1, live: new Map() },
    perf_event: { next: 1, live: new Map() },
    directory: { next: 1, live: new Map() },
    stats: { next: 1, live: new Map() },
    iter: { next: 1, live: new Map() },
  };

  readonly #rcu: Rcu;

  /** @param rcu whose sections keep dying objects as they are */
  constructor(rcu = new Rcu()) {
    this.#rcu = rcu;
  }

  /** The id that the next object of a kind is to take; ids grow and are not used twice. */
  newId(kind: ObjectKind): number {
    return this.#kinds[kind].next++;
  }

  /** Makes an object findable by its id. Its creator holds the first reference. */
  register<K extends ObjectKind>(object: ObjectsByKind[K] & ObjectBase<K>): void {
    this.#kinds[object.kind].live.set(object.id, object);
  }

  byId<K extends ObjectKind>(kind: K, id: number): ObjectsByKind[K] | undefined {
    return this.#kinds[kind].live.get(id);
  }

  /** The smallest living id above `after`, or undefined (idr_get_next). */
  nextId(kind: ObjectKind, after: number): number | undefined {
    const { next, live } = this.#kinds[kind];
    if (next - after > live.size) {
      let best: number | undefined;
      for (const id of live.keys()) if (id > after && (best === undefined || id < best)) best = id;
      return best;
    }
    for (let id = after + 1; id < next; id++) if (live.has(id)) return id;
    return undefined;
  }

  count(kind: ObjectKind): number {
    return this.#kinds[kind].live.size;
  }

  /** All objects, their ids and references; those that are made afterwards vanish, and those that die come back. */
  save(): Restore {
    const tables: readonly { next: number; readonly live: Map<number, KernelObject> }[] = Object.values(this.#kinds);
    const kinds = tables.map((kind) => ({ kind, next: kind.next, live: saveMap(kind.live) }));
    const all = tables.flatMap(({ live }) => [...live.values()]);
    const saved = new Map(all.map((object) => [object, { refs: object.refs, restore: object.save?.() }] as const));
    return () => {
      for (const { live } of tables) {
        for (const object of live.values()) {
          if (saved.has(object)) continue;
          object.refs = 0;
          object.vanish?.();
        }
      }
      for (const { kind, next, live } of kinds) {
        kind.next = next;
        live();
      }
      for (const [object, { refs, restore }] of saved) {
        object.refs = refs;
        restore?.();
      }
    };
  }

  /** Takes a reference. */
  get<T extends KernelObject>(object: T): T {
    object.refs++;
    return object;
  }

  /** Drops a reference. With the last one the object can no longer be found; it is released after all running programs (call_rcu). */
  put(object: KernelObject): void {
    if (object.refs <= 0) throw new InternalError(`${object.kind} ${object.id} is put more often than it was got`);
    if (--object.refs > 0) return;
    this.#kinds[object.kind].live.delete(object.id);
    object.dying?.();
    this.#rcu.call(() => object.release());
  }
}
