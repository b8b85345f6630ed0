/** A loaded program in the hands of its host: runs on contexts and packets without going through bpf(2). */
import { inCall } from '../testrun/call.ts';
import type { HookEnv } from '../testrun/env.ts';
import type { LoadedProg } from '../object/prog.ts';
import {
  createPacketRunner,
  type PacketRunner,
  type PacketRunnerOptions,
  takesPackets,
} from '../testrun/packet-runner.ts';
import { BPF_PROG_TYPE } from '../../uapi/prog-types.ts';
import { perfEventContext, perfEventRoom } from '../testrun/perf-event-ctx.ts';
import type { VerifiedProgram, VerifierStats } from '../verifier/result.ts';

/** What a run on context bytes left. */
export interface ContextRun {
  /** r0 as two 32-bit halves. */
  readonly r0: readonly [lo: number, hi: number];
  /** The context as the program left it. */
  readonly ctx: Uint8Array;
}

export class RuntimeProgram {
  readonly #env: HookEnv;
  readonly #prog: LoadedProg;

  constructor(env: HookEnv, prog: LoadedProg) {
    this.#env = env;
    this.#prog = prog;
  }

  get id(): number {
    return this.#prog.id;
  }
  get name(): string {
    return this.#prog.name;
  }
  /** Which engine runs it now. */
  get engine(): 'jit' | 'interp' {
    const { exe } = this.#prog;
    return exe.compiling === undefined ? exe.engine : 'interp';
  }
  /** Waits until it is compiled, where the runtime was made with `compile: 'async'`; what the JIT refuses stays interpreted. */
  async compiled(): Promise<void> {
    await this.#prog.exe.compiling;
  }
  get verified(): VerifiedProgram {
    return this.#prog.verified;
  }
  get stats(): VerifierStats {
    return this.#prog.stats;
  }
  /** Bytes of generated code. */
  get codeSize(): number {
    return this.#prog.exe.codeSize;
  }
  /** Instructions that the interpreter has executed in all runs so far; undefined for compiled programs. */
  get executed(): number | undefined {
    return this.#prog.exe.executed;
  }
  /** Whether {@link runner} serves it. */
  get takesPackets(): boolean {
    return takesPackets(this.#prog.verified.progType);
  }

  /**
   * Runs on a copy of context bytes: pt_regs of a kprobe, a tracepoint's record, raw arguments, or
   * struct bpf_perf_event_data (the registers, then sample_period and addr).
   */
  runContext(ctx: Uint8Array): ContextRun {
    const { mem, heap } = this.#env;
    const perf = this.#prog.verified.progType === BPF_PROG_TYPE.BPF_PROG_TYPE_PERF_EVENT;
    const at = heap.alloc(Math.max(8, ctx.length) + (perf ? perfEventRoom(this.#env) : 0), 8);
    if (at === 0) throw new RangeError(`no memory for a context of ${ctx.length} bytes`);
    try {
      return inCall(this.#env, () => {
        mem.u8.set(ctx, at);
        this.#env.runProgram(this.#prog, perf ? perfEventContext(this.#env, at, ctx.length) : at);
        const ret = this.#prog.exe.retAddr >>> 2;
        return { r0: [mem.u32[ret], mem.u32[ret + 1]], ctx: mem.u8.slice(at, at + ctx.length) };
      });
    } finally {
      heap.free(at);
    }
  }

  /** The fast path over packets. Throws RangeError when the program type takes none. */
  runner(options?: PacketRunnerOptions): PacketRunner {
    return createPacketRunner(this.#env, this.#prog, options);
  }
}
