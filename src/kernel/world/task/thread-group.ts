/** What the threads of one group share: the memory of their process. */
import { type Restore, saveAll, type Saved, saveMap } from '../../mem/saved.ts';
import type { StructEnv, Structs, StructView } from '../struct-view.ts';
import { AddressSpace } from '../user/address-space.ts';

export class ThreadGroup implements Saved {
  readonly tgid: number;
  readonly memory: AddressSpace;
  /** Threads that are there. */
  threads = 0;
  #mm: StructView | undefined;

  constructor(env: StructEnv, tgid: number) {
    this.tgid = tgid;
    this.memory = new AddressSpace(env);
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
