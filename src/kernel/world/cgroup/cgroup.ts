/** Control groups of the simulated kernel: a tree of names, each with the id that programs see. */
import { type Restore, saveMap, type Saved } from '../../mem/saved.ts';
import type { Structs, StructView } from '../struct-view.ts';
import { makeCgroupRecord } from './cgroup-record.ts';

/** The root of the hierarchy has this id. */
const ROOT_ID = 1n;

/** A control group: its place and its id never change. */
export class Cgroup {
  readonly id: bigint;
  /** From the root on, with a slash before each name: `/system.slice/ssh.service`; `/` is the root. */
  readonly path: string;
  readonly parent: Cgroup | undefined;
  /** Steps from the root. */
  readonly level: number;
  /** Guest address of what helpers read of it (cgroup-record.ts). */
  readonly record: number;
  readonly #structOf: (cgroup: Cgroup) => StructView | undefined;

  constructor(
    found: Pick<Cgroup, 'id' | 'path' | 'parent' | 'record'>,
    structOf: (cgroup: Cgroup) => StructView | undefined,
  ) {
    this.id = found.id;
    this.path = found.path;
    this.parent = found.parent;
    this.record = found.record;
    this.level = found.parent === undefined ? 0 : found.parent.level + 1;
    this.#structOf = structOf;
  }

  /** The last name of its path. */
  get name(): string {
    return this.path.slice(this.path.lastIndexOf('/') + 1);
  }

  /** The group that it lies in, `level` steps from the root; undefined when it is not that deep. */
  ancestor(level: number): Cgroup | undefined {
    if (this.level === level) return this;
    let at = this.parent;
    while (at !== undefined && at.level > level) at = at.parent;
    return at?.level === level ? at : undefined;
  }

  /** Its struct cgroup in guest memory; undefined when the kernel has no types to make one by. */
  get struct(): StructView | undefined {
    return this.#structOf(this);
  }
}

export class Cgroups implements Saved {
  readonly #structs: Structs;
  readonly #byPath = new Map<string, Cgroup>();
  readonly #made = new Map<Cgroup, StructView>();
  #nextId = ROOT_ID + 1n;
  readonly root: Cgroup;
  /** Called with each new group. */
  whenMade: (group: Cgroup) => void = () => {};

  constructor(structs: Structs) {
    this.#structs = structs;
    this.root = this.#add('/', ROOT_ID, undefined);
  }

  /**
   * The group at a path, made with all above it when it is not there. Throws RangeError for a path that does not begin with a slash, and
   * for an id that another group has.
   * @param id what programs see as its id; the next free one by default
   */
  at(path: string, id?: bigint): Cgroup {
    if (!path.startsWith('/')) throw new RangeError(`${path}: paths of control groups begin with a slash`);
    const names = path.split('/').filter((name) => name !== '');
    let group = this.root;
    for (const [i, name] of names.entries()) {
      const below = `${group.level === 0 ? '' : group.path}/${name}`;
      const last = i === names.length - 1;
      group = this.#byPath.get(below) ?? this.#add(below, last ? id : undefined, group);
    }
    if (id !== undefined && group.id !== id) throw new RangeError(`${path} has the id ${group.id}`);
    return group;
  }

  /** The group of an id: one that is there, or one below the root that is named by it. */
  ofId(id: bigint): Cgroup {
    return this.find(id) ?? this.at(`/${id}`, id);
  }

  /** The group of an id; undefined when there is none. */
  find(id: bigint): Cgroup | undefined {
    for (const group of this.#byPath.values()) if (group.id === id) return group;
    return undefined;
  }

  #add(path: string, wanted: bigint | undefined, parent: Cgroup | undefined): Cgroup {
    const used = new Set([...this.#byPath.values()].map((group) => group.id));
    while (wanted === undefined && used.has(this.#nextId)) this.#nextId++;
    const id = wanted ?? this.#nextId++;
    if (used.has(id)) throw new RangeError(`${path}: another control group has the id ${id}`);
    const { mem, heap } = this.#structs.env;
    const record = makeCgroupRecord(mem, heap, id, parent?.record ?? 0);
    const group = new Cgroup({ id, path, parent, record }, (of) => this.#structOf(of));
    this.#byPath.set(path, group);
    this.whenMade(group);
    return group;
  }

  /** All groups, each behind those that it lies in. */
  get all(): readonly Cgroup[] {
    return [...this.#byPath.values()];
  }

  /** Removes a group in which there is nothing any more; who holds it keeps it as it was. */
  remove(group: Cgroup): void {
    this.#byPath.delete(group.path);
  }

  #structOf(group: Cgroup): StructView | undefined {
    const known = this.#made.get(group);
    if (known !== undefined || this.#structs.env.btf() === undefined) return known;
    const above = group.parent === undefined ? undefined : this.#structOf(group.parent);
    const view = this.#structs.make('cgroup', { level: group.level });
    this.#made.set(group, view);
    const parent = above === undefined ? null : this.#structs.at('cgroup_subsys_state', above.addressOf('self'));
    view.set({ self: { cgroup: view, parent }, kn: this.#node(group) });
    return view;
  }

  /** The group's folder. */
  #node(group: Cgroup): StructView {
    const parent = group.parent === undefined ? null : (this.#structOf(group.parent)?.follow('kn') ?? null);
    const members = this.#structs.types('kernfs_node').members(this.#structs.typeId('kernfs_node'));
    // 6.15 renamed it.
    const up = members?.has('__parent') === true ? '__parent' : 'parent';
    return this.#structs.make('kernfs_node', { id: group.id, name: group.name, [up]: parent });
  }

  save(): Restore {
    const byPath = saveMap(this.#byPath);
    const made = saveMap(this.#made);
    const nextId = this.#nextId;
    return () => {
      byPath();
      made();
      this.#nextId = nextId;
    };
  }
}
