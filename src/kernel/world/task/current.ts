/** The task that a CPU runs, as helpers read it: a block of guest memory, so that every thread sees the same. */
import type { KernelMemory } from '../../mem/memory.ts';

/** TASK_COMM_LEN: bytes of a name with its NUL. */
export const COMM_LENGTH = 16;
/** Words of the block. */
const PID = 0;
const TGID = 1;
const UID = 2;
const GID = 3;
const CGROUP = 4;
const COMM = 6;
const STRUCT = COMM + COMM_LENGTH / 4;
const GROUP = STRUCT + 1;
const SPACE = GROUP + 1;
const FLAGS = SPACE + 1;
const SIGNALS = FLAGS + 1;
const GROUP_SIGNALS = SIGNALS + 1;
const NAMESPACE = GROUP_SIGNALS + 1;
const NS_PID = NAMESPACE + 1;
const NS_TGID = NS_PID + 1;
const WORDS = NS_TGID + 1;
export const CURRENT_BYTES = WORDS * 4;

/** What identifies a task. */
export interface TaskIds {
  readonly pid: number;
  /** The process: the pid of its first thread. */
  readonly tgid: number;
  readonly uid: number;
  readonly gid: number;
  readonly comm: string;
  readonly cgroupId: bigint;
}

/** What helpers find of a task by guest addresses, and its flags. */
export interface TaskPlaces {
  /** Its task_struct; 0 when it is made once it is asked for. */
  readonly struct: number;
  /** Its control group's record. */
  readonly group: number;
  /** The record of its address space; 0 without memory of its own. */
  readonly space: number;
  /** PF_*. */
  readonly flags: number;
  /** Records of the signals of the task, and of its thread group (signals.ts). */
  readonly threadSignals: number;
  readonly groupSignals: number;
  /** Inode number of its namespace of pids, its number there and its process's. */
  readonly namespace: number;
  readonly nsPid: number;
  readonly nsTgid: number;
}

/** Bits of task_struct.flags. */
export const PF = { EXITING: 0x4, KTHREAD: 0x20_0000 } as const;

const NOWHERE: TaskPlaces = {
  struct: 0,
  group: 0,
  space: 0,
  flags: 0,
  threadSignals: 0,
  groupSignals: 0,
  namespace: 0,
  nsPid: 0,
  nsTgid: 0,
};

export class CurrentTask {
  readonly #mem: KernelMemory;
  readonly #at: number;
  /** Makes the task_struct of a task that has none yet; its guest address. */
  #make: (() => number) | undefined;

  /**
   * @param at guest address of {@link CURRENT_BYTES} bytes that are its own
   * @param ids the task that runs at first; without, the block is one that another thread fills
   */
  constructor(mem: KernelMemory, at: number, ids?: TaskIds) {
    this.#mem = mem;
    this.#at = at;
    if (ids !== undefined) this.set(ids, NOWHERE);
  }

  /** Called when a program asks for a task_struct that was not made. */
  whenAsked(make: () => number): void {
    this.#make = make;
  }

  /** Another task runs from now on. */
  set(ids: TaskIds, places: TaskPlaces): void {
    const { i32, u8 } = this.#mem;
    const at = this.#at >>> 2;
    i32[at + PID] = ids.pid;
    i32[at + TGID] = ids.tgid;
    i32[at + UID] = ids.uid;
    i32[at + GID] = ids.gid;
    i32[at + CGROUP] = Number(BigInt.asIntN(32, ids.cgroupId));
    i32[at + CGROUP + 1] = Number(BigInt.asIntN(32, ids.cgroupId >> 32n));
    i32[at + STRUCT] = places.struct;
    i32[at + GROUP] = places.group;
    i32[at + SPACE] = places.space;
    i32[at + FLAGS] = places.flags;
    i32[at + SIGNALS] = places.threadSignals;
    i32[at + GROUP_SIGNALS] = places.groupSignals;
    i32[at + NAMESPACE] = places.namespace;
    i32[at + NS_PID] = places.nsPid;
    i32[at + NS_TGID] = places.nsTgid;
    const comm = this.#at + COMM * 4;
    u8.fill(0, comm, comm + COMM_LENGTH);
    u8.set(commBytes(ids.comm), comm);
  }

  get pid(): number {
    return this.#mem.i32[(this.#at >>> 2) + PID];
  }

  get tgid(): number {
    return this.#mem.i32[(this.#at >>> 2) + TGID];
  }

  get uid(): number {
    return this.#mem.i32[(this.#at >>> 2) + UID];
  }

  get gid(): number {
    return this.#mem.i32[(this.#at >>> 2) + GID];
  }

  /** Halves of the control group's id. */
  get cgroup(): readonly [lo: number, hi: number] {
    const at = (this.#at >>> 2) + CGROUP;
    return [this.#mem.i32[at], this.#mem.i32[at + 1]];
  }

  /** Guest address of its control group's record (cgroup-record.ts); 0 for a task of no world. */
  get group(): number {
    return this.#mem.u32[(this.#at >>> 2) + GROUP];
  }

  /** Guest address of a word with that of its address space's record, which is 0 for a kernel thread. */
  get spaceWord(): number {
    return this.#at + SPACE * 4;
  }

  /** PF_*. */
  get flags(): number {
    return this.#mem.i32[(this.#at >>> 2) + FLAGS];
  }

  /** Guest address of the record of its own signals. */
  get threadSignals(): number {
    return this.#mem.u32[(this.#at >>> 2) + SIGNALS];
  }

  /** Guest address of the record of its thread group's. */
  get groupSignals(): number {
    return this.#mem.u32[(this.#at >>> 2) + GROUP_SIGNALS];
  }

  /** Inode number of its namespace of pids. */
  get namespace(): number {
    return this.#mem.u32[(this.#at >>> 2) + NAMESPACE];
  }

  /** Its number there. */
  get nsPid(): number {
    return this.#mem.i32[(this.#at >>> 2) + NS_PID];
  }

  get nsTgid(): number {
    return this.#mem.i32[(this.#at >>> 2) + NS_TGID];
  }

  /** Guest address of {@link COMM_LENGTH} bytes of its name, with NULs behind it. */
  get comm(): number {
    return this.#at + COMM * 4;
  }

  /** Guest address of its task_struct; 0 when the kernel has no types to make one by. */
  get struct(): number {
    const at = (this.#at >>> 2) + STRUCT;
    const { i32 } = this.#mem;
    if (i32[at] === 0 && this.#make !== undefined) i32[at] = this.#make();
    return i32[at];
  }
}

/** A name as the kernel keeps it: 15 bytes at most. */
export function commBytes(comm: string): Uint8Array {
  return new TextEncoder().encode(comm).subarray(0, COMM_LENGTH - 1);
}
