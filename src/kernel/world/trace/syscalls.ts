/** System calls of the simulated kernel: entry, the function that serves the call, return, with everything that is attached to any of them. */
import type { Btf } from '../../../btf/btf.ts';
import { syscallNumber } from '../../../uapi/syscall-numbers.ts';
import type { StructView } from '../struct-view.ts';
import type { UserBytes } from '../user/address-space.ts';
import type { TraceEvent } from './event.ts';
import { serviceOf } from './events.ts';
import type { TraceEnv } from './env.ts';
import type { TracedFunction } from './function.ts';
import type { Tracepoint } from './tracepoint.ts';
import { UnknownTarget } from './unknown-target.ts';

/** Registers of x86_64 that arguments of system calls are passed in. */
const ARGUMENTS = ['di', 'si', 'dx', 'r10', 'r8', 'r9'];

/** What system calls are looked up in. */
interface Names {
  readonly btf: Btf;
  function(name: string): TracedFunction;
  tracepoint(name: string): Tracepoint;
  event(name: string): TraceEvent;
}

export class Syscalls {
  readonly #trace: Names;
  readonly #env: TraceEnv;
  /** Addresses of registers of calls that run. */
  readonly #inside = new Set<number>();

  constructor(trace: Names, env: TraceEnv) {
    this.#trace = trace;
    this.#env = env;
  }

  /**
   * A system call of the current task: the tracepoint sys_enter with its event, `__x64_sys_NAME` with everything attached to it, the
   * tracepoint sys_exit with its event. Gives what the call returned.
   * @param name `openat`
   * @param args up to six, as the registers hold them; text is the address of a copy that lives as long as the call
   * @param original what the call does: gives its result, or -errno. Without one it is 0
   * @throws UnknownTarget when the kernel has no such call
   */
  run(name: string, args: readonly (number | bigint | string)[] = [], original?: () => number | bigint): bigint {
    const texts: UserBytes[] = [];
    const { section } = this.#env;
    section.begin();
    try {
      return this.#run(
        name,
        args.map((value) => this.#word(value, texts)),
        original,
      );
    } finally {
      for (const text of texts) text[Symbol.dispose]();
      section.end();
    }
  }

  #word(value: number | bigint | string, texts: UserBytes[]): bigint {
    if (typeof value !== 'string') return BigInt.asUintN(64, BigInt(value));
    const text = this.#env.userSpace().map(value);
    texts.push(text);
    return text.addr;
  }

  /** Fills the registers of an entry. A call inside of a call of the same task gives back those of the outer one. */
  #enter(regs: StructView, values: Readonly<Record<string, bigint | number>>): Disposable {
    const { u8 } = this.#env.structs.env.mem;
    const { addr, size } = regs;
    const before = this.#inside.has(addr) ? u8.slice(addr, addr + size) : undefined;
    this.#inside.add(addr);
    u8.fill(0, addr, addr + size);
    regs.set(values);
    return {
      [Symbol.dispose]: () => {
        if (before === undefined) this.#inside.delete(addr);
        else u8.set(before, addr);
      },
    };
  }

  #run(name: string, words: readonly bigint[], original: (() => number | bigint) | undefined): bigint {
    const number = syscallNumber(name);
    const service = this.#trace.function(serviceOf(this.#trace.btf, name));
    if (number === undefined) throw new UnknownTarget(name, 'its number is not known');
    if (words.length > ARGUMENTS.length) throw new RangeError(`${name}: ${words.length} arguments are more than six`);
    const named = Object.fromEntries(words.map((value, i) => [ARGUMENTS[i], value]));
    const regs = this.#env.entry();
    using _ = this.#enter(regs, { ...named, orig_ax: number });
    const enter = { event: this.#trace.event(`sys_enter_${name}`), values: { id: number, args: words } };
    this.#trace.tracepoint('sys_enter').hit({ regs, id: number }, enter);
    const run = (): bigint => BigInt.asIntN(64, BigInt(original?.() ?? 0));
    const result = BigInt.asIntN(
      64,
      BigInt(service.call(service.signature.params.length === 0 ? {} : [regs], run) as number | bigint),
    );
    regs.set({ ax: BigInt.asUintN(64, result) });
    const exit = { event: this.#trace.event(`sys_exit_${name}`), values: { id: number, ret: result } };
    this.#trace.tracepoint('sys_exit').hit({ regs, ret: result }, exit);
    return result;
  }
}
