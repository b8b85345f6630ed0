/** Which types of parameters mean the program's context, by name (btf_is_prog_ctx_type) and by tag (btf_validate_prog_ctx_type). */
import type { Btf } from '../../../btf/btf.ts';
import { BTF_KIND, type BtfType } from '../../../btf/types.ts';
import { BPF_ATTACH_TYPE } from '../../../uapi/attach-types.ts';
import { BPF_PROG_TYPE as P } from '../../../uapi/prog-types.ts';
import { SUBPROG } from '../diag/catalogue/subprog.ts';
import { reject } from '../diag/reject.ts';
import type { ProgTypeOps } from '../../rules/prog-type.ts';
import type { VerifierEnv } from '../env.ts';
import { isStructKind } from '../../../btf/kinds.ts';

/** The one context whose name is a typedef, of struct pt_regs on x86_64. */
const PT_REGS = 'bpf_user_pt_regs_t';

/** Pairs of a context's UAPI struct and the kernel's (btf_is_projection_of). */
export const isProjectionOf = (uapi: string, kernel: string): boolean =>
  (uapi === '__sk_buff' && kernel === 'sk_buff') || (uapi === 'xdp_md' && kernel === 'xdp_buff');

/** Whether the first typedef behind modifiers is that of pt_regs. A typedef of it is another one. */
function isPtRegsTypedef(btf: Btf, pointee: number): boolean {
  let id = pointee;
  for (let i = 0; i < MAX_CHAIN && btf.kind(id) !== BTF_KIND.TYPEDEF; i++) {
    if (btf.skipModifiers(id) === id) return false;
    id = btf.ref(id);
  }
  return btf.kind(id) === BTF_KIND.TYPEDEF && btf.name(id) === PT_REGS;
}
const MAX_CHAIN = 32;

/** A parameter that points to `pointee` takes the context: a struct or union of its name, or of the kernel's for it. */
export const isProgCtxType = ({ ops }: VerifierEnv, btf: Btf, pointee: number): boolean =>
  isCtxTypeOf(ops, btf, pointee);

/** The same for programs of another type. */
export function isCtxTypeOf({ ctxStruct, type }: ProgTypeOps, btf: Btf, pointee: number): boolean {
  if (type === P.BPF_PROG_TYPE_KPROBE && isPtRegsTypedef(btf, pointee)) return true;
  const id = btf.skipModifiers(pointee);
  const name = btf.name(id);
  if (!isStructKind(btf.kind(id)) || name === '') return false;
  return name === ctxStruct || (ctxStruct === PT_REGS && name === 'pt_regs') || isProjectionOf(ctxStruct, name);
}

/** `arg:ctx` may stand at parameter `i`, a pointer to `pointee`, when that is typed as the context is written, or void. */
export function checkTaggedCtx(env: VerifierEnv, btf: Btf, pointee: number, i: number): void {
  const { ctxStruct, type } = env.ops;
  if (PT_REGS_TYPES.has(type) && isPtRegsTypedef(btf, pointee)) return;
  const t = btf.type(btf.skipModifiers(pointee));
  if (t === undefined || t.id === 0) return;
  if (t.name === '') reject(env, SUBPROG.CTX_UNNAMED, i);
  if (UNTYPED.has(type)) return;
  const struct = t.kind === BTF_KIND.STRUCT ? t.name : '';
  if (PT_REGS_TYPES.has(type) && struct === 'pt_regs') return;
  if (WORDS.has(type) && isWord(t)) return;
  if (type === P.BPF_PROG_TYPE_TRACING && isTracingCtx(env, t, struct)) return;
  if (ctxStruct === 'void') reject(env, SUBPROG.CTX_NO_VOID, i);
  const want = ctxStruct === PT_REGS ? 'pt_regs' : ctxStruct;
  if (struct === '' || struct !== want) reject(env, SUBPROG.CTX_TYPE, i, want);
}

const PT_REGS_TYPES: ReadonlySet<number> = new Set([P.BPF_PROG_TYPE_KPROBE, P.BPF_PROG_TYPE_PERF_EVENT]);
/** Contexts that have no type: anything that has a name. */
const UNTYPED: ReadonlySet<number> = new Set([P.BPF_PROG_TYPE_TRACEPOINT, P.BPF_PROG_TYPE_SYSCALL]);
/** Contexts that are arrays of arguments, 8 bytes each. */
const WORDS: ReadonlySet<number> = new Set([
  P.BPF_PROG_TYPE_RAW_TRACEPOINT,
  P.BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE,
  P.BPF_PROG_TYPE_LSM,
  P.BPF_PROG_TYPE_STRUCT_OPS,
]);

const isWord = (t: BtfType): boolean => t.kind === BTF_KIND.INT && t.size === 8;

/** What tp_btf programs share functions with raw_tp programs by. */
const RAW_TP_ARGS = 'bpf_raw_tracepoint_args';

function isTracingCtx(env: VerifierEnv, t: BtfType, struct: string): boolean {
  const attach = env.query.expectedAttachType;
  if (attach === BPF_ATTACH_TYPE.BPF_TRACE_ITER) return struct.startsWith('bpf_iter__');
  return isWord(t) || (attach === BPF_ATTACH_TYPE.BPF_TRACE_RAW_TP && struct === RAW_TP_ARGS);
}
