/** Processes that scenarios ask to do things: of the simulated host, or real ones (actor.py). What they answer must be the same. */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Runtime } from '../../../src/kernel/boot/runtime.ts';
import type { UserBytes } from '../../../src/kernel/world/user/address-space.ts';
import type { SignalSpec } from '../../../src/kernel/world/task/signals.ts';
import type { Task } from '../../../src/kernel/world/task/task.ts';

/** What a process begins with. */
export interface ActorSpec {
  /** Signals that it blocks. Default: all. */
  readonly blocked?: readonly number[];
  /** Default: 0. */
  readonly uid?: number;
  readonly gid?: number;
  /** New ones of its own. */
  readonly namespaces?: readonly ('pid' | 'user')[];
}

export interface Actor extends Disposable {
  /** Its number, as programs see it. */
  readonly pid: number;
  /** Puts text at an address of its own, in so many pages. */
  map(at: number, text: string, area?: { readonly pages?: number; readonly readOnly?: boolean }): void;
  unmap(at: number, pages?: number): void;
  read(at: number, size: number): string;
  /** Calls access(2) with an address and a mode, in a new thread if said so: signals that wait then, of the thread that called. */
  access(at: number, mode: number, thread?: boolean): readonly number[];
  pending(): readonly number[];
  /** Goes into the control group of a directory. */
  enter(path: string): void;
  /** Device and inode of its namespace of pids or users. */
  namespace(name: 'pid' | 'user'): readonly [device: number, inode: number];
  /** Takes the signal that comes next; 0 when there is none. */
  take(): number;
}

export const ALL_SIGNALS: readonly number[] = Array.from({ length: 64 }, (_, i) => i + 1);
/** Signals that can be blocked. Two of the first real-time ones are the C library's. */
const BLOCKABLE = ALL_SIGNALS.filter((signal) => ![9, 19, 32, 33].includes(signal));

const PAGE = 4096;

/** A task of the simulated host. */
export class SimulatedActor implements Actor {
  readonly #runtime: Runtime;
  #task: Task;
  readonly #signals: SignalSpec;
  readonly #areas = new Map<number, UserBytes>();

  constructor(runtime: Runtime, { blocked = BLOCKABLE, uid = 0, gid = 0, namespaces = [] }: ActorSpec) {
    this.#runtime = runtime;
    const { world } = runtime;
    const pid = 100 + world.tasks.pids.length * 2;
    this.#signals = { blocked };
    // Whoever has made a namespace has all capabilities there.
    const userNamespace = namespaces.includes('user') ? world.userNamespace({ uid, gid }) : undefined;
    const pidNamespace = namespaces.includes('pid')
      ? world.pidNamespace(userNamespace === undefined ? {} : { userNamespace })
      : undefined;
    this.#task = world.task({
      ...{ pid, comm: 'actor', signals: this.#signals, uid, gid },
      ...(userNamespace === undefined ? {} : { userNamespace, capabilities: (1n << 41n) - 1n }),
      ...(pidNamespace === undefined ? {} : { pidNamespace }),
    });
  }

  get pid(): number {
    return this.#task.pid;
  }

  map(at: number, text: string, { pages = 1, readOnly = false } = {}): void {
    const content = new Uint8Array(pages * PAGE);
    content.set(new TextEncoder().encode(text));
    this.#areas.set(at, this.#task.memory.map(content, { at: BigInt(at), readOnly }));
  }

  unmap(at: number): void {
    this.#areas.get(at)?.[Symbol.dispose]();
  }

  read(at: number, size: number): string {
    return new TextDecoder().decode(this.#task.memory.read(BigInt(at), size));
  }

  access(at: number, mode: number, thread = false): readonly number[] {
    const call = (task: Task): readonly number[] => {
      task.run(() => this.#runtime.world.trace.syscalls.run('access', [at, mode], () => -14));
      return sorted(task);
    };
    if (!thread) return call(this.#task);
    using made = this.#runtime.world.task({
      pid: this.pid + 1,
      tgid: this.pid,
      parent: this.#task,
      signals: this.#signals,
    });
    return call(made);
  }

  namespace(name: 'pid' | 'user'): readonly [number, number] {
    const { pidNamespace, userNamespace } = this.#task;
    return [pidNamespace.device, (name === 'pid' ? pidNamespace : userNamespace).inode];
  }

  enter(path: string): void {
    const { world } = this.#runtime;
    const cgroup = world.cgroup(path.slice('/sys/fs/cgroup'.length) || '/');
    this.#task = world.tasks.replace(this.#task, { cgroup });
  }

  pending(): readonly number[] {
    return sorted(this.#task);
  }

  take(): number {
    // All are blocked here, and taken from among those that wait, as sigwait does.
    return this.#task.signals.wait(ALL_SIGNALS)?.signal ?? 0;
  }

  [Symbol.dispose](): void {
    this.#task[Symbol.dispose]();
  }
}

/** Sets of signals have each number once. */
function sorted({ signals }: Task): readonly number[] {
  return [...new Set(signals.pending.map(({ signal }) => signal))].sort((a, b) => a - b);
}

/** A process of this machine. */
export class RealActor implements Actor {
  readonly #folder = mkdtempSync(join(tmpdir(), 'actor-'));
  readonly #asked: number;
  readonly #told: number;
  readonly pid: number;

  /** @param script actor.py */
  constructor(script: string, { blocked = BLOCKABLE, uid = 0, gid = 0, namespaces = [] }: ActorSpec) {
    const [asked, told] = ['asked', 'told'].map((name) => join(this.#folder, name));
    execFileSync('mkfifo', [asked, told]);
    const args = [script, JSON.stringify({ blocked, uid, gid, namespaces }), asked, told];
    spawn('/usr/bin/python3', ['-I', '-S', ...args], { stdio: ['ignore', 'inherit', 'inherit'] }).unref();
    this.#asked = openSync(asked, 'w');
    this.#told = openSync(told, 'r');
    this.pid = this.#ask({ what: 'pid' }) as number;
  }

  #ask(question: Readonly<Record<string, unknown>>): unknown {
    writeSync(this.#asked, `${JSON.stringify(question)}\n`);
    let text = '';
    const chunk = new Uint8Array(4096);
    while (!text.endsWith('\n')) {
      const n = readSync(this.#told, chunk);
      if (n === 0) throw new Error(`the actor has ended at ${JSON.stringify(question)}`);
      text += new TextDecoder().decode(chunk.subarray(0, n));
    }
    return JSON.parse(text);
  }

  map(at: number, text: string, { pages = 1, readOnly = false } = {}): void {
    this.#ask({ what: 'map', at, text, pages, readOnly });
  }

  unmap(at: number, pages = 1): void {
    this.#ask({ what: 'unmap', at, pages });
  }

  read(at: number, size: number): string {
    return this.#ask({ what: 'read', at, size }) as string;
  }

  access(at: number, mode: number, thread = false): readonly number[] {
    return this.#ask({ what: 'access', at, mode, thread }) as number[];
  }

  enter(path: string): void {
    this.#ask({ what: 'cgroup', path });
  }

  pending(): readonly number[] {
    return this.#ask({ what: 'pending' }) as number[];
  }

  namespace(name: 'pid' | 'user'): readonly [number, number] {
    return this.#ask({ what: 'namespace', name }) as [number, number];
  }

  take(): number {
    return this.#ask({ what: 'take' }) as number;
  }

  [Symbol.dispose](): void {
    closeSync(this.#asked);
    closeSync(this.#told);
    rmSync(this.#folder, { recursive: true });
  }
}
