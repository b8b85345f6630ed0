/** Verifies each program of an object alone, as if only it were loaded, and tells what the verifier found as data. */
import type { Btf } from '../btf/btf.ts';
import type { Runtime } from '../kernel/assemble.ts';
import { createVerifyingRuntime } from '../kernel/verify-only.ts';
import type { VerifierOutcome } from '../kernel/verifier/result.ts';
import { loadCollection } from '../lib/collection.ts';
import type { CollectionSpec } from '../lib/collection-spec.ts';
import { BpfError } from '../lib/errors.ts';
import type { ProgramSpec } from '../lib/spec.ts';
import type { BpfAttrs, BpfSyscall } from '../uapi/attr.ts';
import { BPF_CMD } from '../uapi/cmd.ts';
import { errnoName } from '../uapi/errno.ts';
import { FormatError, InternalError } from '../util/errors.ts';
import type { KernelFacts } from './kernel-facts.ts';
import { attachTypeName, progTypeName } from './names.ts';

/** One line of `skep verify --json`. */
export interface ProgramVerdict {
  readonly object: string;
  readonly program: string;
  readonly section: string;
  readonly type: string;
  readonly attachType: string | null;
  readonly verdict: 'accept' | 'reject' | 'error';
  /** 0 when accepted. */
  readonly errno: number;
  /** `EACCES`; '' when accepted. */
  readonly code: string;
  /** The kernel's last log line, or why the loader gave up; '' when accepted. */
  readonly message: string;
  readonly insnsProcessed: number;
  readonly totalStates: number;
  readonly peakStates: number;
  /** Time in the verifier, microseconds. */
  readonly timeUs: number;
  /** Source line of a rejection, when the program has line information. */
  readonly source?: string;
  /** Sizes that the object leaves to its loader and that were taken instead: `map start: max_entries 1`. */
  readonly assumed?: readonly string[];
  readonly log?: string;
}

export interface VerifyOptions {
  readonly kernelBtf: Btf;
  /** What the log shows: 0 only the reason, 1 the path to it, 2 every state, 4 statistics. */
  readonly logLevel: number;
  /** Possible CPUs. */
  readonly cpus: number;
  readonly facts: KernelFacts;
}

/** Verifier logs are read from the outcome; the buffer that bpf(2) wants is only a formality. */
const LOG_BUFFER = 1 << 24;
const KERNEL_MEMORY = 1 << 24;

/**
 * Between loader and kernel: loads the object's BTF once for all its programs, asks for the whole log at once, and
 * keeps what became of the one program.
 */
class Watch implements BpfSyscall, Disposable {
  outcome: VerifierOutcome | undefined;
  /** What PROG_LOAD gave, undefined when the loader never came so far. */
  loaded: number | undefined;
  readonly #runtime: Runtime;
  #log: Uint8Array | undefined;
  readonly #logLevel: number;
  /** Descriptor of the object's BTF, or -errno. */
  #btfFd: number | undefined;

  constructor(options: VerifyOptions) {
    this.#logLevel = options.logLevel;
    this.#runtime = createVerifyingRuntime({
      vmlinux: options.kernelBtf,
      memory: KERNEL_MEMORY,
      cpus: options.cpus,
      onVerified: (outcome) => {
        this.outcome = outcome;
      },
    });
  }

  begin(): void {
    this.outcome = undefined;
    this.loaded = undefined;
  }

  bpf<C extends keyof BpfAttrs>(cmd: C, attr: BpfAttrs[C]): number {
    if (cmd === BPF_CMD.BPF_BTF_LOAD) {
      // A refusal is one of all programs, too; and nobody reads its log.
      this.#btfFd ??= this.#runtime.bpf(cmd, attr);
      return this.#btfFd;
    }
    if (cmd !== BPF_CMD.BPF_PROG_LOAD) return this.#runtime.bpf(cmd, attr);
    // Loaders ask again, for the log: one answer is enough.
    this.loaded ??= this.#runtime.bpf(cmd, this.#withLog(attr));
    return this.loaded;
  }

  #withLog<A>(attr: A): A {
    if (this.#logLevel === 0) return attr;
    this.#log ??= new Uint8Array(LOG_BUFFER);
    return { ...attr, log_buf: this.#log };
  }

  close(fd: number): number {
    return fd === this.#btfFd ? 0 : this.#runtime.close(fd);
  }

  [Symbol.dispose](): void {
    this.#runtime[Symbol.dispose]();
  }
}

/** Verifies the given programs of one object, in order. */
export function* verifyPrograms(
  object: string,
  spec: CollectionSpec,
  programs: readonly ProgramSpec[],
  options: VerifyOptions,
): Generator<ProgramVerdict> {
  const watch = new Watch(options);
  try {
    for (const program of programs) yield verifyOne(object, spec, program, watch, options);
  } finally {
    watch[Symbol.dispose]();
  }
}

function verifyOne(
  object: string,
  spec: CollectionSpec,
  program: ProgramSpec,
  watch: Watch,
  options: VerifyOptions,
): ProgramVerdict {
  watch.begin();
  let failure: unknown;
  try {
    const collection = loadCollection(spec, watch, {
      kernelBtf: options.kernelBtf,
      programs: [program.key],
      onError: 'collect',
      logLevel: options.logLevel,
      cpus: options.cpus,
      ...options.facts,
    });
    failure = collection.errors.get(program.key);
    collection.close();
  } catch (e) {
    failure = e;
  }
  return { ...identity(object, program), ...verdict(watch, failure, options.logLevel) };
}

/** The verdict on a program whose loading failed, from what the verifier said of it, or from the kernel's log. */
export function verdictOf(
  object: string,
  program: ProgramSpec,
  { outcome, error }: { readonly outcome: VerifierOutcome | undefined; readonly error: BpfError },
): ProgramVerdict {
  const none = { insnsProcessed: 0, totalStates: 0, peakStates: 0, timeUs: 0 };
  if (outcome?.ok === false)
    return { ...identity(object, program), ...verdict({ outcome, loaded: -outcome.errno }, error, 0) };
  const { errno, code, log } = error;
  return {
    ...identity(object, program),
    verdict: 'reject',
    errno,
    code,
    message: reason(log),
    ...sourceIn(log),
    ...none,
  };
}

const identity = (object: string, p: ProgramSpec) => ({
  object,
  program: p.key,
  section: p.section,
  type: progTypeName(p.type),
  attachType: attachTypeName(p.type, p.expectedAttachType),
});

type Findings = Omit<ProgramVerdict, keyof ReturnType<typeof identity>>;

function verdict({ outcome, loaded }: Pick<Watch, 'outcome' | 'loaded'>, failure: unknown, logLevel: number): Findings {
  const stats = outcome?.stats;
  const figures = {
    insnsProcessed: stats?.insnsProcessed ?? 0,
    totalStates: stats?.totalStates ?? 0,
    peakStates: stats?.peakStates ?? 0,
    timeUs: stats?.timeUs ?? 0,
    ...(logLevel > 0 && outcome !== undefined ? { log: outcome.log } : {}),
  };
  const ours = failure !== undefined && !(failure instanceof BpfError) && !(failure instanceof FormatError);
  if (ours || (loaded === undefined && failure !== undefined)) return { ...loaderFailure(failure), ...figures };
  if (outcome?.ok && failure === undefined) return { verdict: 'accept', errno: 0, code: '', message: '', ...figures };
  const errno = outcome?.ok === false ? outcome.errno : -(loaded ?? 0);
  return {
    verdict: 'reject',
    errno,
    code: errnoName(errno),
    message: outcome?.ok === false ? outcome.message : '',
    ...(outcome?.ok === false && outcome.source !== undefined ? { source: outcome.source } : {}),
    ...figures,
  };
}

/** The last line of a log that gives no figures and no source: what the kernel says of a refusal. */
function reason(log: string): string {
  const lines = log.split('\n');
  for (let i = lines.length - 1; i >= 0; i--) {
    if (lines[i] !== '' && !/^(processed |; |verification time |stack depth )/.test(lines[i])) return lines[i];
  }
  return '';
}

/** The last source line that a log quotes, `foo.c:12: r = *p;`. */
function sourceIn(log: string): { source?: string } {
  const quoted = log.split('\n').findLast((line) => line.startsWith('; '));
  return quoted === undefined ? {} : { source: quoted.slice(2).replace(/^(.*) @ (\S+:\d+)$/, '$2: $1') };
}

function loaderFailure(failure: unknown): Pick<ProgramVerdict, 'verdict' | 'errno' | 'code' | 'message'> {
  if (failure instanceof BpfError)
    return { verdict: 'error', errno: failure.errno, code: failure.code, message: failure.message };
  const text = failure instanceof Error ? failure.message : String(failure);
  if (failure instanceof FormatError) return { verdict: 'error', errno: 0, code: 'FORMAT', message: text };
  const broken = failure instanceof InternalError ? text : `${(failure as Error)?.name}: ${text}`;
  return { verdict: 'error', errno: 0, code: 'INTERNAL', message: `fault of skep itself, please report it: ${broken}` };
}
