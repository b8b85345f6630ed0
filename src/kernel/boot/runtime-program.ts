/** A loaded program in the hands of its host: runs on contexts and packets without going through bpf(2). */
import { inCall } from '../testrun/call.ts';
import type { HookEnv } from '../testrun/env.ts';
import type { LoadedProg } from '../object/prog.ts';
import { createPacketRunner, takesPackets } from '../testrun/packet-runner.ts';
import type {
  ContextRun,
  EmbeddedProgram,
  PacketRunner,
  PacketRunnerOptions,
  VerifierStats,
} from '../../uapi/embedded.ts';
import { contextSize, makeContext } from '../testrun/context-run.ts';
import type { VerifiedProgram } from '../verifier/result.ts';

/** The handle of {@link Runtime.program}. */
export class RuntimeProgram implements EmbeddedProgram {
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

  /** Bytes that {@link runContext} takes at least. Throws ProgramAbort when the type has no context here. */
  get contextSize(): number {
    return contextSize(this.#prog);
  }

  /**
   * Runs on a copy of context bytes in the layout of user space: pt_regs of a kprobe, a tracepoint's record, raw arguments, or the
   * type's struct (bpf_perf_event_data, bpf_sock_addr, bpf_sysctl ...), of which the kernel's own is made; the data of sockopt and
   * sk_msg programs follow the struct. Throws RangeError when there are too few bytes, ProgramAbort when the type has no context here.
   */
  runContext(ctx: Uint8Array): ContextRun {
    const { mem } = this.#env;
    const context = makeContext(this.#env, this.#prog, ctx);
    try {
      return inCall(this.#env, () => {
        this.#env.runProgram(this.#prog, context.addr);
        const ret = this.#prog.exe.retAddr >>> 2;
        return { r0: [mem.u32[ret], mem.u32[ret + 1]], ctx: context.left() };
      });
    } finally {
      context.dispose();
    }
  }

  /** The fast path over packets. Throws RangeError when the program type takes none. */
  runner(options?: PacketRunnerOptions): PacketRunner {
    return createPacketRunner(this.#env, this.#prog, options);
  }
}
