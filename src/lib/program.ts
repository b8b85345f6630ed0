/** A loaded program: its file descriptor, and test runs. */
import type { BpfSyscall, TestRunAttr } from '../uapi/attr.ts';
import { BPF_CMD } from '../uapi/cmd.ts';
import { BPF_PROG_TYPE } from '../uapi/prog-types.ts';
import { BpfError } from './errors.ts';
import type { ProgramSpec } from './spec.ts';

export interface TestRunInput {
  readonly data?: Uint8Array;
  readonly ctx?: Uint8Array;
  readonly repeat?: number;
  readonly flags?: number;
  readonly cpu?: number;
  readonly batchSize?: number;
  /** Room for the data that the program leaves; 512 bytes more than it got unless said. */
  readonly dataOut?: number;
}

export interface TestRunOutput {
  /** Low 32 bits of r0, unsigned. */
  readonly retval: number;
  /** The packet afterwards. */
  readonly data: Uint8Array;
  /** The context afterwards. */
  readonly ctx: Uint8Array;
  /** Mean of one run, nanoseconds. */
  readonly durationNs: number;
}

/** Types whose test runs take a context and no room for one: what a syscall program writes goes back into its input. */
const PLAIN_CTX: ReadonlySet<number> = new Set([
  BPF_PROG_TYPE.BPF_PROG_TYPE_RAW_TRACEPOINT,
  BPF_PROG_TYPE.BPF_PROG_TYPE_SYSCALL,
]);

export class Program implements Disposable {
  constructor(
    private readonly sys: BpfSyscall,
    readonly fd: number,
    readonly spec: ProgramSpec,
    /** Verifier log, when one was asked for. */
    readonly log: string,
  ) {}

  get name(): string {
    return this.spec.name;
  }

  /** Runs the program once, or `repeat` times, on given data (BPF_PROG_TEST_RUN). */
  testRun(input: TestRunInput = {}): TestRunOutput {
    const { data } = input;
    const plain = PLAIN_CTX.has(this.spec.type);
    const ctx = plain ? input.ctx?.slice() : input.ctx;
    const test: TestRunAttr['test'] = {
      prog_fd: this.fd,
      repeat: input.repeat ?? 0,
      flags: input.flags ?? 0,
      cpu: input.cpu ?? 0,
      batch_size: input.batchSize ?? 0,
      ...(data ? { data_in: data, data_out: new Uint8Array(input.dataOut ?? data.length + 512) } : {}),
      ...(ctx ? { ctx_in: ctx } : {}),
      ...(ctx && !plain ? { ctx_out: new Uint8Array(ctx.length) } : {}),
    };
    const r = this.sys.bpf(BPF_CMD.BPF_PROG_TEST_RUN, { test });
    if (r < 0) throw new BpfError({ errno: -r, op: `test run of ${this.name}`, detail: test.aborted ?? '' });
    return {
      retval: (test.retval ?? 0) >>> 0,
      data: (test.data_out ?? new Uint8Array(0)).subarray(0, test.data_size_out ?? 0),
      ctx: plain ? (ctx ?? new Uint8Array(0)) : (test.ctx_out ?? new Uint8Array(0)).subarray(0, test.ctx_size_out ?? 0),
      durationNs: test.duration ?? 0,
    };
  }

  close(): void {
    this.sys.close(this.fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
