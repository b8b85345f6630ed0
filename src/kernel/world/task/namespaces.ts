/** Namespaces of the simulated kernel: those of pids, which number their tasks, those of users, and one of each other kind. */
import { BTF_KIND } from '../../../btf/types.ts';
import { type Restore, saveAll, type Saved, saveMap } from '../../mem/saved.ts';
import type { StructInput, Structs, StructView } from '../struct-view.ts';

/** Device that namespaces' inodes lie on: what stat(2) of /proc/PID/ns/pid tells of it in a process of this kernel. */
export const NSFS_DEVICE = 4;
/** Inode numbers of those that a kernel begins with (PROC_*_INIT_INO), and the first of others. */
const INIT_PID = 0xefff_fffc;
const INIT_USER = 0xefff_fffd;
const FIRST_INODE = 0xf000_0000;
const OTHERS: readonly (readonly [member: string, struct: string, inum: number])[] = [
  ['uts_ns', 'uts_namespace', 0xefff_fffe],
  ['ipc_ns', 'ipc_namespace', 0xefff_ffff],
  ['mnt_ns', 'mnt_namespace', 0xefff_fff8],
  ['net_ns', 'net', 0xefff_fff9],
  ['time_ns', 'time_namespace', 0xefff_fffa],
  ['cgroup_ns', 'cgroup_namespace', 0xefff_fffb],
];
/** MAX_PID_NS_LEVEL, and as deep are those of users. */
const DEEPEST = 32;

/** A namespace of users. */
export class UserNamespace {
  /** Its inode number. */
  readonly inode: number;
  readonly parent: UserNamespace | undefined;
  /** Steps from the first one. */
  readonly level: number;
  /** Who made it, as ids of the first namespace. */
  readonly owner: { readonly uid: number; readonly gid: number };

  constructor(inode: number, parent: UserNamespace | undefined, owner: { readonly uid: number; readonly gid: number }) {
    this.inode = inode;
    this.parent = parent;
    this.level = parent === undefined ? 0 : parent.level + 1;
    this.owner = owner;
  }
}

/** A namespace of pids: its tasks have a number in it, and in each one above. */
export class PidNamespace implements Saved {
  /** Its inode number, and the device that the inode lies on: what bpf_get_ns_current_pid_tgid is asked with. */
  readonly inode: number;
  readonly device = NSFS_DEVICE;
  readonly parent: PidNamespace | undefined;
  readonly level: number;
  readonly userNamespace: UserNamespace;
  readonly #taken = new Set<number>();
  #last = 0;

  constructor(inode: number, parent: PidNamespace | undefined, userNamespace: UserNamespace) {
    this.inode = inode;
    this.parent = parent;
    this.level = parent === undefined ? 0 : parent.level + 1;
    this.userNamespace = userNamespace;
  }

  /** Takes a number: the one that is wanted, or the next. Throws RangeError when it is in use. */
  take(wanted: number | undefined): number {
    const number = wanted ?? this.#next();
    if (this.#taken.has(number)) throw new RangeError(`pid ${number} of namespace ${this.inode} is in use`);
    this.#taken.add(number);
    if (wanted === undefined) this.#last = number;
    return number;
  }

  /** Whether another one is itself or lies in it. */
  holds(other: PidNamespace): boolean {
    return pathOf(other)[this.level] === this;
  }

  free(number: number): void {
    this.#taken.delete(number);
  }

  #next(): number {
    let number = this.#last + 1;
    while (this.#taken.has(number)) number++;
    return number;
  }

  save(): Restore {
    const [taken, last] = [[...this.#taken], this.#last];
    return () => {
      this.#taken.clear();
      for (const number of taken) this.#taken.add(number);
      this.#last = last;
    };
  }
}

/** From the first one down to a namespace. */
function pathOf(namespace: PidNamespace): readonly PidNamespace[] {
  return namespace.parent === undefined ? [namespace] : [...pathOf(namespace.parent), namespace];
}

export class Namespaces implements Saved {
  readonly firstUser = new UserNamespace(INIT_USER, undefined, { uid: 0, gid: 0 });
  readonly firstPid = new PidNamespace(INIT_PID, undefined, this.firstUser);
  readonly #structs: Structs;
  readonly #pids = new Map<number, PidNamespace>([[INIT_PID, this.firstPid]]);
  readonly #users = new Map<number, UserNamespace>([[INIT_USER, this.firstUser]]);
  readonly #made = new Map<unknown, StructView | null>();
  #nextInode = FIRST_INODE;

  constructor(structs: Structs) {
    this.#structs = structs;
  }

  /** A new one. Throws RangeError for one that is too deep, and for an inode number that another one has. */
  makePid(spec: PidNamespaceSpec = {}): PidNamespace {
    const { parent = this.firstPid, userNamespace = parent.userNamespace } = spec;
    const made = new PidNamespace(this.#inode(spec.inode, parent), parent, userNamespace);
    this.#pids.set(made.inode, made);
    return made;
  }

  /** A new one. Throws as {@link makePid}. */
  makeUser({ parent = this.firstUser, uid = 0, gid = 0, inode }: UserNamespaceSpec = {}): UserNamespace {
    const made = new UserNamespace(this.#inode(inode, parent), parent, { uid, gid });
    this.#users.set(made.inode, made);
    return made;
  }

  /** A namespace of pids by its inode number; undefined when there is none. */
  findPid(inode: number): PidNamespace | undefined {
    return this.#pids.get(inode);
  }

  findUser(inode: number): UserNamespace | undefined {
    return this.#users.get(inode);
  }

  #inode(wanted: number | undefined, parent: { readonly level: number }): number {
    if (parent.level + 1 > DEEPEST) throw new RangeError(`namespaces are at most ${DEEPEST} deep`);
    const used = (inode: number): boolean => this.#pids.has(inode) || this.#users.has(inode);
    if (wanted !== undefined) {
      if (!Number.isInteger(wanted) || wanted < 1 || wanted > 0xffff_ffff)
        throw new RangeError(`${String(wanted)} is no inode number of a namespace`);
      if (used(wanted)) throw new RangeError(`another namespace has the inode number ${wanted}`);
      return wanted;
    }
    while (used(this.#nextInode)) this.#nextInode++;
    return this.#nextInode++;
  }

  /**
   * Numbers of a task, from the first namespace down to its own.
   * @param wanted those below the first one; left out, the next ones
   * @throws RangeError when one is in use, or there are more than namespaces
   */
  take(pid: number, namespace: PidNamespace, wanted: readonly number[] = []): readonly number[] {
    if (wanted.length > namespace.level)
      throw new RangeError(`task ${pid} is ${namespace.level} namespaces deep, and has ${wanted.length} numbers there`);
    for (const number of wanted)
      if (!Number.isInteger(number) || number < 1) throw new RangeError(`${String(number)} is no pid`);
    const taken = [pid];
    const [, ...below] = pathOf(namespace);
    try {
      for (const [i, ns] of below.entries()) taken.push(ns.take(wanted[i]));
    } catch (error) {
      this.free(taken, namespace);
      throw error;
    }
    return taken;
  }

  free(numbers: readonly number[], namespace: PidNamespace): void {
    for (const [i, ns] of pathOf(namespace).entries()) if (i > 0 && i < numbers.length) ns.free(numbers[i]);
  }

  /** struct pid of a task. Throws MissingTypes. */
  pidStruct(numbers: readonly number[], namespace: PidNamespace): StructView {
    const { btf } = this.#structs.types('upid');
    const size = btf.sizeOf(this.#structs.typeId('upid'));
    const made = this.#structs.make('pid', { level: namespace.level }, numbers.length * size);
    const first = made.addressOf('numbers');
    for (const [i, ns] of pathOf(namespace).entries())
      this.#structs.at('upid', first + i * size).set({ nr: numbers[i], ns: this.pidNamespaceStruct(ns) });
    return made;
  }

  /** Its struct, made once. Throws MissingTypes. */
  pidNamespaceStruct(of: PidNamespace): StructView {
    return this.#kept(of, 'pid_namespace', () => ({
      ns: { inum: of.inode },
      level: of.level,
      parent: of.parent === undefined ? null : this.pidNamespaceStruct(of.parent),
      user_ns: this.userNamespaceStruct(of.userNamespace),
    }))!;
  }

  userNamespaceStruct(of: UserNamespace): StructView {
    return this.#kept(of, 'user_namespace', () => ({
      ns: { inum: of.inode },
      level: of.level,
      parent: of.parent === undefined ? null : this.userNamespaceStruct(of.parent),
      owner: { val: of.owner.uid },
      group: { val: of.owner.gid },
    }))!;
  }

  /** Members of struct nsproxy that all tasks have in common; kinds that the kernel lacks are left out. */
  others(): Record<string, StructView> {
    const out: Record<string, StructView> = {};
    for (const [member, struct, inum] of OTHERS) {
      const view = this.#kept(member, struct, () => ({ ns: { inum } }));
      if (view !== null) out[member] = view;
    }
    return out;
  }

  #kept(key: unknown, struct: string, values: () => { readonly [member: string]: StructInput }): StructView | null {
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const there = this.#structs.types(struct).btf.find(struct, BTF_KIND.STRUCT) !== 0;
    const made = there ? this.#structs.make(struct, values()) : null;
    this.#made.set(key, made);
    return made;
  }

  save(): Restore {
    const maps = [this.#pids, this.#users, this.#made].map((map: Map<unknown, unknown>) => ({
      save: () => saveMap(map),
    }));
    const restore = saveAll([...maps, ...this.#pids.values()]);
    const next = this.#nextInode;
    return () => {
      restore();
      this.#nextInode = next;
    };
  }
}

/** A new namespace of pids. */
export interface PidNamespaceSpec {
  /** The one that it lies in. Default: the first. */
  readonly parent?: PidNamespace;
  /** Default: the parent's. */
  readonly userNamespace?: UserNamespace;
  /** Default: the next that is free. */
  readonly inode?: number;
}

/** A new namespace of users. */
export interface UserNamespaceSpec {
  /** The one that it lies in. Default: the first. */
  readonly parent?: UserNamespace;
  /** Who makes it. Default: 0. */
  readonly uid?: number;
  readonly gid?: number;
  /** Default: the next that is free. */
  readonly inode?: number;
}
