/** A loaded program: its file descriptor, and test runs. */
import type { BpfSyscall, TestRunAttr } from '../uapi/attr/attr.ts';
import { BPF_CMD } from '../uapi/cmd.ts';
import { BPF_PROG_TYPE } from '../uapi/prog-types.ts';
import type { ContextRun, EmbeddedProgram, PacketRunner, PacketRunnerOptions } from '../uapi/embedded.ts';
import { readObjInfo } from '../uapi/obj-info.ts';
import { BpfError, loaderError } from './errors.ts';
import { type AttachOptions, attachProgram } from './attach/attach.ts';
import type { Link } from './attach/link.ts';
import { PinnedAt } from './pin/pin.ts';
import type { ProgramSpec } from './spec.ts';

/** The input of a test run. */
export interface TestRunInput {
  /** The packet. */
  readonly data?: Uint8Array;
  /** The context in the layout of user space. */
  readonly ctx?: Uint8Array;
  /** Number of runs. Default: 1. */
  readonly repeat?: number;
  /** BPF_F_TEST_*. Default: 0. */
  readonly flags?: number;
  /** CPU to run on, with BPF_F_TEST_RUN_ON_CPU. */
  readonly cpu?: number;
  /** Packets a batch, with BPF_F_TEST_XDP_LIVE_FRAMES. */
  readonly batchSize?: number;
  /** Bytes of room for the data that the program leaves. Default: 512 more than it got. */
  readonly dataOut?: number;
}

/** The outcome of a test run. */
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

/** The kernel's information on a loaded program (struct bpf_prog_info). */
export interface ProgramInfo {
  readonly id: number;
  /** BPF_PROG_TYPE_*. */
  readonly type: number;
  /** At most 15 bytes of the name. */
  readonly name: string;
  /** Hash of the instructions, 8 bytes in hexadecimal. */
  readonly tag: string;
  /** Instruction slots after the verifier's rewriting; 0 when the caller may not see them. */
  readonly insns: number;
  /** Instructions that the verifier walked, over all paths. */
  readonly verifiedInsns: number;
  /** Bytes of compiled code: machine code, or WebAssembly. */
  readonly jitedBytes: number;
  /** Nanoseconds after boot. */
  readonly loadTime: bigint;
  /** Ids of the maps that it uses. */
  readonly mapIds: readonly number[];
  /** Id of its BTF, 0 without. */
  readonly btfId: number;
}

/** A loaded program: the one handle for its runs and for what the kernel says of it. Closing it closes its descriptor. */
export class Program implements Disposable {
  readonly #pinned: PinnedAt;

  constructor(
    private readonly sys: BpfSyscall,
    readonly fd: number,
    readonly spec: ProgramSpec,
    /** Verifier log, when one was asked for. */
    readonly log: string,
  ) {
    this.#pinned = new PinnedAt(sys, `program ${spec.name}`);
  }

  /** Name of its function in the object. */
  get name(): string {
    return this.spec.name;
  }

  /** The kernel's id of it. Throws BpfError when the kernel does not say. */
  get id(): number {
    return this.info().id;
  }

  /** Asks the kernel (BPF_OBJ_GET_INFO_BY_FD). Throws BpfError when it refuses. */
  info(): ProgramInfo {
    const found = readObjInfo(this.sys, 'prog', this.fd, ['map_ids']);
    if (typeof found === 'number') throw new BpfError({ errno: -found, op: `info of ${this.name}` });
    const { values, buffers } = found;
    const number = (field: string): number => Number(values[field] ?? 0);
    const ids = buffers.map_ids;
    const view = new DataView(ids.buffer, ids.byteOffset, ids.byteLength);
    return {
      id: number('id'),
      type: number('type'),
      name: String(values.name ?? ''),
      tag: hex(values.tag as Uint8Array),
      insns: number('xlated_prog_len') / 8,
      verifiedInsns: number('verified_insns'),
      jitedBytes: number('jited_prog_len'),
      loadTime: BigInt(values.load_time as bigint),
      mapIds: Array.from({ length: ids.length >>> 2 }, (_, i) => view.getUint32(4 * i, true)),
      btfId: number('btf_id'),
    };
  }

  /** The program inside an embedded kernel: its engine, code and verifier's effort. Undefined behind the real kernel. */
  get embedded(): EmbeddedProgram | undefined {
    return this.sys.program?.(this.fd);
  }

  /**
   * The fast path over packets, without the cost of a test run for each. Throws BpfError (EOPNOTSUPP) behind a real kernel, which has no
   * such call, and RangeError when the program's type takes no packets.
   */
  runner(options?: PacketRunnerOptions): PacketRunner {
    return this.#inside('a packet runner').runner(options);
  }

  /**
   * One run on a copy of context bytes in the layout of user space: pt_regs of a kprobe, a tracepoint's record, raw arguments, or the
   * type's struct. Throws BpfError (EOPNOTSUPP) behind a real kernel, RangeError when there are too few bytes, ProgramAbort when the run
   * is stopped or the type has no context here.
   */
  run(ctx: Uint8Array): ContextRun {
    return this.#inside('a run on a context').runContext(ctx);
  }

  /**
   * Attaches it where its section or the options say, as libbpf does: probes, trace events, raw tracepoints, and programs of BTF-typed
   * tracing and LSM to the target that they were loaded for. Throws BpfError: EOPNOTSUPP for types that nothing here attaches, and for
   * kernels without the hook, each by name.
   */
  attach(options: AttachOptions = {}): Link {
    return attachProgram(this.sys, this, options);
  }

  #inside(what: string): EmbeddedProgram {
    const { embedded } = this;
    if (embedded !== undefined) return embedded;
    const lacking = this.sys.program === undefined ? 'only an embedded kernel has it: use testRun' : 'it was closed';
    throw loaderError(`${what} of ${this.name}`, this.sys.program ? 'EBADF' : 'EOPNOTSUPP', lacking);
  }

  /**
   * Runs the program once, or `repeat` times, on given data (BPF_PROG_TEST_RUN). Throws BpfError: EINVAL when data or context do not fit
   * the type, ENOTSUPP when it has no test runs, EINTR when it was stopped.
   */
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

  /** Where its file is; undefined when it is not pinned. */
  get pinPath(): string | undefined {
    return this.#pinned.path;
  }

  /** Keeps it alive by a file of a BPF file system; the last directory of the path is made where it is missing. Throws BpfError. */
  pin(path: string): void {
    this.#pinned.pin(this.fd, path);
  }

  /** Removes the file of {@link pin}; does nothing when it is not pinned. Throws BpfError. */
  unpin(): void {
    this.#pinned.unpin();
  }

  /** Closes the descriptor. The program lives on while something else holds it. */
  close(): void {
    this.sys.close(this.fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
