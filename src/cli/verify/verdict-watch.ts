/** Between loader and kernel: what became of one program's load, whichever kernel it was. */
import type { Btf } from '../../btf/btf.ts';
import { createVerifyingRuntime } from '../../kernel/boot/verify-only.ts';
import { unknownCallIn } from '../../lib/missing.ts';
import type { Accepted, Refused } from '../../kernel/verifier/result.ts';
import type { BpfAttrs, BpfSyscall, KernelTraits } from '../../uapi/attr/attr.ts';
import { BPF_CMD } from '../../uapi/cmd.ts';
import { ERRNO } from '../../uapi/errno.ts';

/** A verifier's verdict on a program. */
export interface Judged {
  readonly ok: boolean;
  /** Positive; 0 when accepted. */
  readonly errno: number;
  /** The last line that gives a reason. */
  readonly message: string;
  readonly source?: string;
  /** The fault and its remedy; the live kernel does not say. */
  readonly why?: string;
  /** Instruction at fault. */
  readonly insnIdx?: number | undefined;
  /** The kernel version accepts it through a hole of its own; the live kernel does not say. */
  readonly unsound?: Accepted['unsound'];
  /** The refusal with all that it takes to look into it; the live kernel gives none. */
  readonly refused?: Refused;
  readonly log: string;
  readonly stats: {
    readonly insnsProcessed: number;
    readonly totalStates: number;
    readonly peakStates: number;
    readonly timeUs: number;
  };
}

/** A kernel that loads, and what it last said. */
export interface JudgingKernel extends Disposable {
  readonly sys: BpfSyscall;
  /** PROG_LOAD: a descriptor or -errno, with the verdict when the verifier gave one. */
  load(attr: BpfAttrs[typeof BPF_CMD.BPF_PROG_LOAD]): { readonly result: number; readonly judged: Judged | undefined };
}

const LOG_BUFFER = 1 << 24;
const KERNEL_MEMORY = 1 << 24;
const NS_PER_MS = 1e6;
const BPF_LOG_PATH = 1;
const BPF_LOG_STATS = 4;

/** The verifier of this package. */
export function embeddedKernel(vmlinux: Btf, cpus: number, logLevel: number): JudgingKernel {
  let judged: Judged | undefined;
  const runtime = createVerifyingRuntime({
    kernelBtf: vmlinux,
    memory: KERNEL_MEMORY,
    // Node has this clock from its start; `performance` is made at its first use.
    stopwatch: () => Number(process.hrtime.bigint()) / NS_PER_MS,
    cpus,
    allowKnownHoles: true,
    onVerified(found) {
      judged = found.ok ? { ...found, errno: 0, message: '' } : { ...found, refused: found };
    },
  });
  // The log is read from the outcome; the buffer that bpf(2) wants with a level is only a formality.
  let buffer: Uint8Array | undefined;
  return {
    sys: runtime,
    load(attr) {
      judged = undefined;
      if (logLevel !== 0) buffer ??= new Uint8Array(LOG_BUFFER);
      const result = runtime.bpf(BPF_CMD.BPF_PROG_LOAD, buffer === undefined ? attr : { ...attr, log_buf: buffer });
      return { result, judged };
    },
    [Symbol.dispose]: () => runtime[Symbol.dispose](),
  };
}

/** The kernel of this machine, whose verdicts are read from its log. */
export function liveKernel(sys: BpfSyscall & Disposable, logLevel: number): JudgingKernel {
  const buffer = new Uint8Array(LOG_BUFFER);
  const ask = (attr: BpfAttrs[typeof BPF_CMD.BPF_PROG_LOAD], level: number): { result: number; log: string } => {
    buffer[0] = 0;
    const result = sys.bpf(BPF_CMD.BPF_PROG_LOAD, { ...attr, log_level: level, log_buf: buffer });
    return { result, log: new TextDecoder().decode(buffer.subarray(0, buffer.indexOf(0))) };
  };
  return {
    sys,
    load(attr) {
      let said = ask(attr, logLevel | BPF_LOG_STATS);
      // A log that does not fit hides the verdict; bare figures fit.
      if (said.result === -ERRNO.ENOSPC && logLevel !== 0) said = ask(attr, BPF_LOG_STATS);
      if (said.log === '') return { result: said.result, judged: undefined };
      const judged = judgedFromLog(said.result, said.log);
      // Statistics quote no source.
      return {
        result: said.result,
        judged: judged.ok ? judged : { ...judged, ...placeIn(ask(attr, BPF_LOG_PATH).log) },
      };
    },
    [Symbol.dispose]: () => sys[Symbol.dispose](),
  };
}

const placeIn = (log: string) => ({ ...sourceIn(log), insnIdx: unknownCallIn(log) });

/** The verdict that a kernel's log tells, statistics included. */
export function judgedFromLog(result: number, log: string): Judged {
  const figures = /^processed (\d+) insns .* total_states (\d+) peak_states (\d+)/m.exec(log);
  const ok = result >= 0;
  return {
    ok,
    errno: ok ? 0 : -result,
    message: ok ? '' : reasonIn(log),
    log,
    stats: {
      insnsProcessed: Number(figures?.[1] ?? 0),
      totalStates: Number(figures?.[2] ?? 0),
      peakStates: Number(figures?.[3] ?? 0),
      timeUs: Number(/verification time (\d+) usec/.exec(log)?.[1] ?? 0),
    },
  };
}

/** The last line of a log that gives no figures and no source: what the kernel says of a refusal. */
export function reasonIn(log: string): string {
  // The statistics may follow a message without a newline.
  const lines = log.replace(/verification time \d+ usec\n/, '\n').split('\n');
  return lines.findLast((line) => line !== '' && !/^(processed |; |stack depth )/.test(line)) ?? '';
}

/** The last source line that a log quotes, `foo.c:12: r = *p;`. */
export function sourceIn(log: string): { source?: string } {
  const quoted = log.split('\n').findLast((line) => line.startsWith('; '));
  return quoted === undefined ? {} : { source: quoted.slice(2).replace(/^(.*) @ (\S+:\d+)$/, '$2: $1') };
}

/** The door that the loader sees: the object's BTF is loaded once for all its programs, and each program once. */
export class VerdictWatch implements BpfSyscall, Disposable {
  judged: Judged | undefined;
  /** The result of PROG_LOAD; undefined when the loader never came so far. */
  loaded: number | undefined;
  readonly #kernel: JudgingKernel;
  /** Descriptor of the object's BTF, or -errno. */
  #btfFd: number | undefined;

  constructor(kernel: JudgingKernel) {
    this.#kernel = kernel;
  }

  get kernel(): KernelTraits {
    return this.#kernel.sys.kernel;
  }

  begin(): void {
    this.judged = undefined;
    this.loaded = undefined;
  }

  bpf<C extends keyof BpfAttrs>(cmd: C, attr: BpfAttrs[C]): number {
    const { sys } = this.#kernel;
    if (cmd === BPF_CMD.BPF_BTF_LOAD) {
      // A refusal is one of all programs, too; and nobody reads its log.
      this.#btfFd ??= sys.bpf(cmd, attr);
      return this.#btfFd;
    }
    if (cmd !== BPF_CMD.BPF_PROG_LOAD) return sys.bpf(cmd, attr);
    // Loaders ask again, for the log: one answer is enough.
    if (this.loaded === undefined) {
      const { result, judged } = this.#kernel.load(attr as BpfAttrs[typeof BPF_CMD.BPF_PROG_LOAD]);
      this.loaded = result;
      this.judged = judged;
    }
    return this.loaded;
  }

  close(fd: number): number {
    return fd === this.#btfFd ? 0 : this.#kernel.sys.close(fd);
  }

  [Symbol.dispose](): void {
    if (this.#btfFd !== undefined && this.#btfFd > 0) this.#kernel.sys.close(this.#btfFd);
    this.#kernel[Symbol.dispose]();
  }
}
