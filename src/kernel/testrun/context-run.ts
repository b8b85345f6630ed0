/** Runs on context bytes: what each program type takes, and the kernel memory that stands behind it. */
import { bpfProgTypeName, BPF_PROG_TYPE as T } from '../../uapi/prog-types.ts';
import { ProgramAbort } from '../../util/errors.ts';
import { BPF_CGROUP_DEV_CTX, BPF_PERF_EVENT_DATA, LIRC_CTX, PT_REGS } from '../rules/rows/ctx/system.ts';
import type { CtxStruct } from '../rules/rows/ctx/row.ts';
import { ctxConversion } from '../verifier/rewrite/ctx-access.ts';
import type { HookEnv } from './env.ts';
import { KernelContext } from './kernel-context.ts';
import type { LoadedProg } from '../object/prog.ts';
import { perfEventContext, perfEventRoom } from './perf-event-ctx.ts';

/** A context in kernel memory, made for one run. */
export interface RunContext {
  readonly addr: number;
  /** The context as it is now, in the layout of user space. */
  left(): Uint8Array;
  dispose(): void;
}

/** Types whose context is a struct as it is; the others without conversion get as much as the program reads. */
const PLAIN: Readonly<Record<number, CtxStruct>> = {
  [T.BPF_PROG_TYPE_KPROBE]: PT_REGS,
  [T.BPF_PROG_TYPE_CGROUP_DEVICE]: BPF_CGROUP_DEV_CTX,
  [T.BPF_PROG_TYPE_LIRC_MODE2]: LIRC_CTX,
  [T.BPF_PROG_TYPE_PERF_EVENT]: BPF_PERF_EVENT_DATA,
};

/** Converted types whose kernel structs are made of a context's fields; the others stand on a packet. */
const OF_FIELDS: ReadonlySet<number> = new Set([
  T.BPF_PROG_TYPE_CGROUP_SOCK,
  T.BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
  T.BPF_PROG_TYPE_SOCK_OPS,
  T.BPF_PROG_TYPE_SK_MSG,
  T.BPF_PROG_TYPE_SK_LOOKUP,
  T.BPF_PROG_TYPE_CGROUP_SYSCTL,
  T.BPF_PROG_TYPE_CGROUP_SOCKOPT,
]);

/** Bytes that a context has at least. Throws ProgramAbort when one of this type cannot be made here. */
export function contextSize({ verified: { progType, maxCtxOffset } }: LoadedProg): number {
  const type = bpfProgTypeName(progType);
  if (progType === T.BPF_PROG_TYPE_NETFILTER)
    throw new ProgramAbort('unsupported', -1, `${type} needs a struct nf_hook_state, which is not made yet`);
  const plain = PLAIN[progType];
  const conversion = ctxConversion(progType);
  if (conversion === undefined || plain !== undefined) return plain?.size ?? maxCtxOffset;
  if (OF_FIELDS.has(progType)) return conversion.struct.size;
  throw new ProgramAbort('unsupported', -1, `${type} runs on packets: give it to a packet runner or a test run`);
}

/**
 * Puts a context where a program of this type finds it. Throws RangeError when it is too short, or has what the kernel's struct does not
 * hold, and ProgramAbort when the type's context cannot be made here.
 */
export function makeContext(env: HookEnv, prog: LoadedProg, bytes: Uint8Array): RunContext {
  const { progType } = prog.verified;
  const least = contextSize(prog);
  const conversion = OF_FIELDS.has(progType) ? ctxConversion(progType) : undefined;
  if (bytes.length < least) {
    const struct = conversion?.struct ?? PLAIN[progType];
    const what = struct === undefined ? 'what the program reads of its context' : `struct ${struct.name}`;
    throw new RangeError(`${what} takes ${least} bytes, and ${bytes.length} were given`);
  }
  if (conversion !== undefined) return new KernelContext(env, conversion, prog.verified, bytes);
  return plainContext(env, bytes, progType === T.BPF_PROG_TYPE_PERF_EVENT);
}

function plainContext(env: HookEnv, bytes: Uint8Array, perf: boolean): RunContext {
  const { mem, heap } = env;
  const at = heap.alloc(Math.max(8, bytes.length) + (perf ? perfEventRoom(env) : 0), 8);
  if (at === 0) throw new RangeError(`no memory for a context of ${bytes.length} bytes`);
  mem.u8.set(bytes, at);
  return {
    addr: perf ? perfEventContext(env, at, bytes.length) : at,
    left: () => mem.u8.slice(at, at + bytes.length),
    dispose: () => heap.free(at),
  };
}
