/** What the threads of one group share: the memory of their process. */
import { type Restore, saveAll, type Saved, saveMap } from '../../mem/saved.ts';
import { StructError } from '../struct-types.ts';
import type { StructEnv, Structs, StructView } from '../struct-view.ts';
import { SIGNAL_RECORD_BYTES } from './signals.ts';
import { AddressSpace } from '../user/address-space.ts';

export class ThreadGroup implements Saved {
  readonly tgid: number;
  readonly memory: AddressSpace;
  /** Guest address of its signals. */
  readonly signals: number;
  /** Threads that are there. */
  threads = 0;
  #mm: StructView | undefined;
  readonly #env: StructEnv;

  constructor(env: StructEnv, tgid: number) {
    this.tgid = tgid;
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

  constructor(env: StructEnv) {
    this.#env = env;
  }

  /** A process has one thread more; the first one makes it. */
  enter(tgid: number): ThreadGroup {
    const group = this.#byId.get(tgid) ?? new ThreadGroup(this.#env, tgid);
    this.#byId.set(tgid, group);
    group.threads++;
    return group;
  }

  /** A thread of it has ended. */
  leave(group: ThreadGroup): void {
    if (--group.threads > 0) return;
    this.#byId.delete(group.tgid);
    group.end();
  }

  save(): Restore {
    return saveAll([{ save: () => saveMap(this.#byId) }, ...this.#byId.values()]);
  }
}
