/** Where scenarios are played: one kernel behind its door, embedded or real, and the transcript of what was seen. */
import { readFileSync } from 'node:fs';
import type { Actor, ActorSpec } from './actor.ts';
import type { AttachOptions } from '../../../src/lib/attach/attach.ts';
import type { Link } from '../../../src/lib/attach/link.ts';
import type { Collection } from '../../../src/lib/collection.ts';
import type { CollectionSpec } from '../../../src/lib/collection-spec.ts';
import { BpfError } from '../../../src/lib/errors.ts';
import { parseObject } from '../../../src/lib/parse-object.ts';
import type { BpfSyscall } from '../../../src/uapi/attr/attr.ts';
import { BPF_CMD } from '../../../src/uapi/cmd.ts';
import { errnoName } from '../../../src/uapi/errno.ts';

const FIXTURES = new URL('../../fixtures/hooks/', import.meta.url);

/** What the session of probe.c notes as its number. */
const SESSION = 23;

/** What programs note: number, argument and cookie. */
export interface Note {
  readonly id: number;
  readonly arg: number;
  readonly cookie: bigint;
}

/** A note in short. */
export const noteText = ({ id, arg, cookie }: Note): string => `${id}(${arg}${cookie === 0n ? '' : `, ${cookie}`})`;

/** The kernel, and the folder that compiled fixtures lie in. */
export interface Ground {
  readonly sys: BpfSyscall;
  /** Objects by name, as bytes. */
  object(name: string): Uint8Array;
  /** A new process. */
  actor(spec: ActorSpec): Actor;
}

export const fixtures = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(`${name}.o`, FIXTURES)));

/** One scenario's stage: everything that it opens is closed with it. */
export class Stage implements Disposable {
  readonly sys: BpfSyscall;
  readonly said: string[] = [];
  readonly #ground: Ground;
  readonly #objects = new Map<string, Collection>();
  readonly #links = new Map<string, Link>();
  readonly #owned: Disposable[] = [];
  readonly #actors: Actor[] = [];
  readonly #ends: (() => void)[] = [];

  constructor(ground: Ground) {
    this.#ground = ground;
    this.sys = ground.sys;
  }

  /** An object, not loaded. */
  spec(object: string): CollectionSpec {
    return parseObject(this.#ground.object(object));
  }

  /** Closes something with the stage, before what was opened before. */
  own<T extends Disposable>(opened: T): T {
    this.#owned.push(opened);
    return opened;
  }

  /** Loads programs of an object, once. */
  load(object: string, ...programs: string[]): Collection {
    let loaded = this.#objects.get(object);
    if (loaded === undefined) {
      loaded = this.spec(object).load(this.sys, { programs });
      this.#objects.set(object, loaded);
    }
    return loaded;
  }

  /** What a step gave, or the error's code. */
  tell(what: string, step: () => unknown): void {
    try {
      const result = step();
      const text = typeof result === 'number' && result < 0 ? errnoName(-result) : String(result ?? 'done');
      this.said.push(`${what}: ${text}`);
    } catch (error) {
      if (!(error instanceof BpfError)) throw error;
      this.said.push(`${what}: ${error.code}`);
    }
  }

  /** Attaches a program of an object, under a name. */
  attach(object: string, program: string, options: AttachOptions = {}, name = program): void {
    this.tell(`attach ${name}`, () => {
      const link = this.load(object).program(program).attach(options);
      this.#links.set(name, link);
      return 'attached';
    });
  }

  /** A process, until the stage ends. */
  actor(spec: ActorSpec = {}): Actor {
    const actor = this.#ground.actor(spec);
    this.#actors.push(actor);
    return actor;
  }

  /** Called when the stage ends, after its processes have. */
  atEnd(call: () => void): void {
    this.#ends.push(call);
  }

  link(name: string): Link {
    const link = this.#links.get(name);
    if (link === undefined) throw new Error(`no link ${name}`);
    return link;
  }

  close(name: string): void {
    this.link(name).close();
    this.#links.delete(name);
  }

  /** Lets the kernel call its test functions by a test run of a program, and tells who was called. */
  call(object: string, program: string): void {
    this.tell(`run ${program}`, () => {
      const test = { prog_fd: this.load(object).program(program).fd, retval: 0 };
      const result = this.sys.bpf(BPF_CMD.BPF_PROG_TEST_RUN, { test });
      return result < 0 ? result : test.retval;
    });
    this.notes(object);
  }

  /** Tells what programs noted since the last time: number, argument and cookie each. */
  notes(object: string): void {
    const loaded = this.load(object);
    const count = Number(loaded.variable('count').getVariable('count'));
    const seen = (loaded.variable('seen').getVariable('seen') as unknown as Note[]).slice(0, count);
    loaded.variable('count').setVariable('count', 0);
    // What a session's entry finds in the register of the result is nobody's.
    this.said.push(seen.map((note) => (note.id === SESSION ? String(note.id) : noteText(note))).join(' '));
  }

  [Symbol.dispose](): void {
    for (const opened of this.#owned.reverse()) opened[Symbol.dispose]();
    for (const link of this.#links.values()) link.close();
    for (const actor of this.#actors) actor[Symbol.dispose]();
    for (const object of this.#objects.values()) object.close();
    for (const end of this.#ends.reverse()) end();
  }
}
