/** One run on given bytes: BPF_PROG_TEST_RUN where the program's type has one, otherwise a call on the context. */
import { ProgramAbort } from '../../util/errors.ts';
import type { EmbeddedProgram } from '../../uapi/embedded.ts';
import type { Collection } from '../../lib/collection.ts';
import { BpfError } from '../../lib/errors.ts';
import type { ProgramSpec } from '../../lib/spec.ts';
import type { TestRunAttr } from '../../uapi/attr/attr.ts';
import { BPF_CMD } from '../../uapi/cmd.ts';
import { errnoName } from '../../uapi/errno.ts';
import { BPF_PROG_TYPE as T } from '../../uapi/prog-types.ts';
import { InputError, UnsupportedError } from '../shell/exit.ts';
import { grouped } from '../verify/verdict-text.ts';
import { hexText } from '../shell/json-text.ts';
import type { RunReport } from './run-report.ts';
import type { Session } from '../session/session.ts';
import { verdictWords } from './verdict-names.ts';

export interface OnceInput {
  readonly session: Session;
  readonly collection: Collection;
  readonly program: ProgramSpec;
  readonly repeat: number;
  readonly packets: boolean;
  readonly data: Uint8Array | undefined;
  readonly ctx: Uint8Array | undefined;
}

interface OnceResult {
  readonly program: ProgramSpec;
  readonly retval: number;
  readonly dataOut: Uint8Array | undefined;
  readonly ctxOut: Uint8Array | undefined;
  readonly durationNs: number;
}

/** Smallest packet of the wire: what programs see when nothing else is given. */
const DEFAULT_PACKET = 64;
/** PERF_MAX_TRACE_SIZE: the longest context that a program of these types may read; what is not given is zero. */
const LONGEST_CTX = 8192;

/** struct bpf_perf_event_data of x86_64: pt_regs, sample_period, addr. */
const PERF_EVENT_DATA = 184;

/** Types that run by a plain call on the bytes of their context: registers, records, raw arguments, structs. */
const BY_CALL: ReadonlySet<number> = new Set([
  T.BPF_PROG_TYPE_KPROBE,
  T.BPF_PROG_TYPE_TRACEPOINT,
  T.BPF_PROG_TYPE_RAW_TRACEPOINT,
  T.BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE,
  T.BPF_PROG_TYPE_PERF_EVENT,
  T.BPF_PROG_TYPE_CGROUP_DEVICE,
  T.BPF_PROG_TYPE_CGROUP_SOCK,
  T.BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
  T.BPF_PROG_TYPE_CGROUP_SYSCTL,
  T.BPF_PROG_TYPE_CGROUP_SOCKOPT,
  T.BPF_PROG_TYPE_SOCK_OPS,
  T.BPF_PROG_TYPE_SK_MSG,
  T.BPF_PROG_TYPE_SK_LOOKUP,
]);
/** Those of them that the real kernel has test runs for. */
const KERNEL_RUNS_CTX: ReadonlySet<number> = new Set([T.BPF_PROG_TYPE_RAW_TRACEPOINT, T.BPF_PROG_TYPE_SYSCALL]);

export function runOnce(input: OnceInput): OnceResult {
  const { collection, program } = input;
  if (!BY_CALL.has(program.type)) return testRun(input);
  const live = collection.program(program.key).embedded;
  if (live !== undefined) return callOnContext(live, input);
  if (!KERNEL_RUNS_CTX.has(program.type)) throw new UnsupportedError(`running ${program.section} in the real kernel`);
  return testRun(input);
}

function callOnContext(live: EmbeddedProgram, { program, ctx, repeat }: OnceInput): OnceResult {
  if (ctx !== undefined && ctx.length > LONGEST_CTX)
    throw new InputError('', `the context has ${ctx.length} bytes, and ${LONGEST_CTX} are the most`);
  // Perf events end with two numbers of their own, behind the registers.
  if (ctx !== undefined && program.type === T.BPF_PROG_TYPE_PERF_EVENT && ctx.length > PERF_EVENT_DATA)
    throw new InputError(
      '',
      `the context has ${ctx.length} bytes, and struct bpf_perf_event_data has ${PERF_EVENT_DATA}`,
    );
  try {
    const bytes = ctx ?? new Uint8Array(live.contextSize);
    const started = performance.now();
    let run = live.runContext(bytes);
    for (let i = 1; i < repeat; i++) run = live.runContext(bytes);
    const durationNs = Math.round(((performance.now() - started) * 1e6) / repeat);
    return {
      program,
      retval: run.r0[0] >>> 0,
      dataOut: undefined,
      ctxOut: ctx && run.ctx.slice(0, ctx.length),
      durationNs,
    };
  } catch (e) {
    if (e instanceof RangeError) throw new InputError('', `program ${program.key}: ${e.message}`);
    if (e instanceof ProgramAbort) throw new InputError('', `program ${program.key} was stopped: ${e.message}`);
    throw e;
  }
}

function testRun(input: OnceInput): OnceResult {
  const { collection, program, packets, data, ctx, repeat } = input;
  const loaded = collection.program(program.key);
  const packet = packets ? (data ?? new Uint8Array(DEFAULT_PACKET)) : undefined;
  if (packet === undefined && KERNEL_RUNS_CTX.has(program.type)) return runOnBytes(input, loaded.fd);
  try {
    const out = loaded.testRun({
      ...(packet ? { data: packet } : {}),
      ...(packet && repeat > 1 ? { repeat } : {}),
      ...(ctx ? { ctx } : {}),
    });
    return {
      program,
      retval: out.retval,
      dataOut: packet && out.data,
      ctxOut: packet && ctx ? out.ctx : undefined,
      durationNs: out.durationNs,
    };
  } catch (e) {
    if (!(e instanceof BpfError)) throw e;
    throw new InputError('', `${e.op}: ${e.code}: ${e.detail || (WHY[e.code] ?? 'the kernel refused')}`, { cause: e });
  }
}

/** Test runs that take a context and nothing else, not even room for it to come back in. */
function runOnBytes({ session, program, ctx }: OnceInput, fd: number): OnceResult {
  const ctxIn = ctx?.slice();
  const test: TestRunAttr['test'] = { prog_fd: fd, ...(ctxIn ? { ctx_in: ctxIn } : {}) };
  const result = session.sys.bpf(BPF_CMD.BPF_PROG_TEST_RUN, { test });
  if (result < 0) {
    const code = errnoName(-result);
    throw new InputError(
      '',
      `test run of ${program.key}: ${code}: ${test.aborted ?? WHY[code] ?? 'the kernel refused'}`,
    );
  }
  return { program, retval: (test.retval ?? 0) >>> 0, dataOut: undefined, ctxOut: ctxIn, durationNs: 0 };
}

const WHY: Readonly<Record<string, string>> = {
  EINVAL: 'the packet or context does not fit the program type',
  ENOTSUPP: 'programs of this type have no test run',
  EOPNOTSUPP: 'test runs of this type are not supported yet: see docs/SCOPE.md',
  EINTR: 'the program ran too long and was stopped',
};

export function onceReport(result: OnceResult): RunReport {
  const { retval, dataOut, ctxOut, durationNs, program } = result;
  const verdict = verdictWords(program.type)?.name(retval);
  return {
    json: {
      retval,
      ...(verdict === undefined ? {} : { verdict }),
      ...(dataOut ? { dataOut: hexText(dataOut) } : {}),
      ...(ctxOut ? { ctxOut: hexText(ctxOut) } : {}),
      durationNs,
    },
    print(io) {
      const named = verdict === undefined || verdict === String(retval) ? '' : ` ${verdict}`;
      const time = durationNs > 0 ? io.style('dim', `, ${grouped(durationNs)} ns a run`) : '';
      io.out(`${io.style('bold', `returned ${retval | 0}${named}`)}${time}\n`);
      if (dataOut) io.out(hexDump(dataOut));
    },
  };
}

/** Bytes that a dump shows. */
const DUMPED = 512;

/** Sixteen bytes a line, as tcpdump -xx shows them. */
function hexDump(bytes: Uint8Array): string {
  let out = '';
  for (let at = 0; at < Math.min(bytes.length, DUMPED); at += 16) {
    const line = hexText(bytes.subarray(at, Math.min(at + 16, DUMPED)));
    out += `  ${at.toString(16).padStart(4, '0')}  ${line.replace(/(....)(?=.)/g, '$1 ')}\n`;
  }
  return bytes.length > DUMPED ? `${out}  and ${bytes.length - DUMPED} bytes more\n` : out;
}
