/** What the threads of one group share: the memory of their process. */
import { type Restore, saveAll, type Saved, saveMap } from '../../mem/saved.ts';
import { StructError } from '../struct-types.ts';
import type { StructEnv, Structs, StructView } from '../struct-view.ts';
import type { Namespaces, PidNamespace } from './namespaces.ts';
import { SIGNAL_RECORD_BYTES } from './signals.ts';
import { AddressSpace } from '../user/address-space.ts';

export class ThreadGroup implements Saved {
  readonly tgid: number;
  readonly memory: AddressSpace;
  /** Guest address of its signals. */
  readonly signals: number;
  /** The process's numbers, from the first namespace of pids down to its own. */
  readonly pids: readonly number[];
  readonly pidNamespace: PidNamespace;
  /** Threads that are there. */
  threads = 0;
  #mm: StructView | undefined;
  readonly #env: StructEnv;

  constructor(env: StructEnv, pidNamespace: PidNamespace, pids: readonly number[]) {
    [this.tgid] = pids;
    this.pids = pids;
    this.pidNamespace = pidNamespace;
    this.memory = new AddressSpace(env);
    this.signals = zeros(env, SIGNAL_RECORD_BYTES);
    this.#env = env;
  }

  /** Its struct mm_struct; what translates addresses of it lies where its pgd says. */
  mm(structs: Structs): StructView {
    this.#mm ??= structs.make('mm_struct', { pgd: this.memory.record });
    return this.#mm;
  }

  /** Its last thread has ended. */
  end(): void {
    this.#mm?.[Symbol.dispose]();
    this.#mm = undefined;
    this.memory[Symbol.dispose]();
    this.#env.rcu.call(() => this.#env.heap.free(this.signals));
  }

  save(): Restore {
    const [threads, mm, memory] = [this.threads, this.#mm, this.memory.save()];
    return () => {
      this.threads = threads;
      this.#mm = mm;
      memory();
    };
  }
}

/** Guest memory of a task, zero. Throws StructError when there is no room. */
export function zeros({ mem, heap }: StructEnv, bytes: number): number {
  const at = heap.alloc(bytes, 8);
  if (at === 0) throw new StructError('no-memory', 'task', `no memory for ${bytes} bytes`);
  mem.u8.fill(0, at, at + bytes);
  return at;
}

/** The processes of a world by the pid of their first thread. */
export class ThreadGroups implements Saved {
  readonly #env: StructEnv;
  readonly #byId = new Map<number, ThreadGroup>();
  readonly #namespaces: Namespaces;
  /** Called with each one whose last thread has ended. */
  whenEnded: (group: ThreadGroup) => void = () => {};

  constructor(env: StructEnv, namespaces: Namespaces) {
    this.#env = env;
    this.#namespaces = namespaces;
  }

  /**
   * A process has one thread more; the first one makes it.
   * @param wanted numbers of the process below the first namespace, which its leader asks for
   * @throws RangeError when the process has others, or lives in another namespace
   */
  enter(tgid: number, namespace: PidNamespace, wanted: readonly number[] | undefined): ThreadGroup {
    const known = this.#byId.get(tgid);
    if (known !== undefined) {
      if (known.pidNamespace !== namespace) throw new RangeError(`process ${tgid} lives in another namespace of pids`);
      if (wanted?.some((number, i) => number !== known.pids[i + 1]) === true)
        throw new RangeError(`process ${tgid} has the numbers ${known.pids.slice(1).join(', ')} in its namespaces`);
    }
    const group = known ?? new ThreadGroup(this.#env, namespace, this.#namespaces.take(tgid, namespace, wanted));
    this.#byId.set(tgid, group);
    group.threads++;
    return group;
  }

  /** A process by the pid of its first thread; undefined when there is none. */
  get(tgid: number): ThreadGroup | undefined {
    return this.#byId.get(tgid);
  }

  /** A thread of it has ended. */
  leave(group: ThreadGroup): void {
    if (--group.threads > 0) return;
    this.#byId.delete(group.tgid);
    this.whenEnded(group);
    this.#namespaces.free(group.pids, group.pidNamespace);
    group.end();
  }

  save(): Restore {
    return saveAll([{ save: () => saveMap(this.#byId) }, ...this.#byId.values()]);
  }
}
