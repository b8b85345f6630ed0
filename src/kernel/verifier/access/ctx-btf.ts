/** A context that is an array of arguments, typed by the prototype of what the program is attached to (btf_ctx_access). */
import type { Btf } from '../../../btf/btf.ts';
import { BTF_KIND, type BtfType } from '../../../btf/types.ts';
import { BPF_ATTACH_TYPE } from '../../../uapi/attach-types.ts';
import {
  MEM_PERCPU,
  MEM_RDONLY,
  MEM_USER,
  PTR_MAYBE_NULL,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TRUSTED,
  SCALAR_VALUE,
} from '../../rules/reg-types.ts';
import { type IterArg, iterArgs, tracepointArgMayBeNull } from '../../rules/attach.ts';
import { type AttachPoint, attachPoint } from '../attach-point.ts';
import { btfKindName, isScalarKind, isStructKind } from '../../../btf/kinds.ts';
import { ACCESS } from '../diag/catalogue/access.ts';
import { reject } from '../diag/reject.ts';
import { isCtxTypeOf } from './ctx-type.ts';
import { kernelBtf } from '../kernel-btf.ts';
import type { TargetProgram } from '../result.ts';
import type { VerifierEnv } from '../env.ts';

const { BPF_LSM_CGROUP, BPF_LSM_MAC, BPF_MODIFY_RETURN, BPF_TRACE_FEXIT } = BPF_ATTACH_TYPE;

/** The list of packets to be freed: programs see a struct of its own, and hand it on. */
const QDISC_FREE_LIST = { of: 'Qdisc_ops.enqueue', arg: 2, seenAs: 'bpf_sk_buff_ptr' } as const;

export interface CtxArgument {
  /** SCALAR_VALUE, PTR_TO_BTF_ID or PTR_TO_BUF with flags. */
  readonly regType: number;
  /** Kernel struct of a PTR_TO_BTF_ID. */
  readonly btfId: number;
  /** The value that the hooked function returned, or would return. */
  readonly isRetval: boolean;
  /** The reference that the program holds on it, 0 without. */
  readonly refObjId?: number;
}

const SCALAR: CtxArgument = { regType: SCALAR_VALUE, btfId: 0, isRetval: false };
const RETVAL: CtxArgument = { ...SCALAR, isRetval: true };

/** The result of a load of `size` bytes at `off`; undefined when the attach point has no such argument, which the log explains. */
export function btfCtxAccess(env: VerifierEnv, off: number, size: number): CtxArgument | undefined {
  const at = attachPoint(env);
  // Without a prototype every slot is a number.
  if (at === undefined) return SCALAR;
  const say = (text: string): undefined => env.log.line(`func '${at.name}' ${text}`) as undefined;
  if (off % 8 !== 0) return say(`offset ${off} is not multiple of 8`);
  if (at.unreliable) return unknownArgument(env, off, say);
  const { btf, proto } = at;
  const index = argIndex(btf, proto, off);
  const params = at.isTracepoint ? proto.params.slice(1) : proto.params;
  if (index > params.length) return say(`doesn't have ${index + 1}-th argument`);
  const isRetval = index === params.length;
  if (isRetval && !hasRetval(env.input.expectedAttachType)) return say(`doesn't have ${index + 1}-th argument`);
  const type = btf.skipModifiers(isRetval ? proto.type : params[index].type);
  const kind = btf.kind(type);
  if (isRetval && env.input.expectedAttachType === BPF_MODIFY_RETURN && kind !== BTF_KIND.INT)
    return say(`ret type ${btfKindName(btf, type)} not allowed for fmod_ret`);
  if (isScalarKind(kind) || (isStructKind(kind) && !isRetval))
    return isRetval && env.input.expectedAttachType === BPF_LSM_MAC ? RETVAL : SCALAR;
  if (kind !== BTF_KIND.PTR)
    return say(`arg${index} '${btf.name(type)}' has type ${btfKindName(btf, type)}. Only pointer access is allowed`);
  if (size !== 8) return say(`size ${size} must be 8`);
  return pointerArgument(env, at, { off, index }, type, isRetval ? '' : params[index].name);
}

/** An argument of a function whose prototype is not to be trusted. */
function unknownArgument(env: VerifierEnv, off: number, say: (text: string) => undefined): CtxArgument | undefined {
  const index = off >>> 3;
  const isThere = index < UNKNOWN_ARGS || (index === UNKNOWN_ARGS && hasRetval(env.input.expectedAttachType));
  return isThere ? SCALAR : say(`doesn't have ${index + 1}-th argument`);
}

/** MAX_BPF_FUNC_REG_ARGS */
const UNKNOWN_ARGS = 5;

/** Which attach types show programs what the function returns. */
const hasRetval = (attachType: number): boolean =>
  attachType === BPF_TRACE_FEXIT ||
  attachType === BPF_MODIFY_RETURN ||
  attachType === BPF_LSM_MAC ||
  attachType === BPF_LSM_CGROUP;

/** btf_ctx_arg_idx: arguments by value take as many words as they need; the result follows the last of them. */
function argIndex(btf: Btf, proto: BtfType, off: number): number {
  let end = 0;
  for (let i = 0; i < proto.params.length; i++) {
    end += slotSize(btf, proto.params[i].type);
    if (off < end) return i;
  }
  end += proto.type === 0 ? 0 : slotSize(btf, proto.type);
  return off < end ? proto.params.length : proto.params.length + 1;
}

const slotSize = (btf: Btf, type: number): number => (Math.max(0, btf.sizeOf(type)) + 7) & ~7;

function pointerArgument(
  env: VerifierEnv,
  at: AttachPoint,
  { off, index }: { readonly off: number; readonly index: number },
  pointer: number,
  param: string,
): CtxArgument | undefined {
  const { btf, name } = at;
  if (`${at.structOps}.${name}` === QDISC_FREE_LIST.of && index === QDISC_FREE_LIST.arg)
    return {
      regType: PTR_TO_BTF_ID | PTR_TRUSTED,
      btfId: btf.find(QDISC_FREE_LIST.seenAs, BTF_KIND.STRUCT),
      isRetval: false,
    };
  const iterArg = at.iter === undefined ? undefined : iterArgs(at.iter)?.[index];
  if (iterArg === 'buf' || iterArg === 'rdonly-buf') {
    const rdonly = iterArg === 'buf' ? 0 : MEM_RDONLY;
    return { regType: PTR_TO_BUF | PTR_MAYBE_NULL | rdonly, btfId: 0, isRetval: false };
  }
  const ref = btf.type(pointer)?.type ?? 0;
  const struct = btf.skipModifiers(ref);
  // Pointers to void and to numbers lead nowhere that the verifier knows.
  if (struct === 0 || btf.kind(struct) === BTF_KIND.INT) return SCALAR;
  if (at.target !== undefined) return contextOf(env, at.target, ref);
  if (stubParam(at, index)?.endsWith(REF_SUFFIX)) return heldArgument(env, off, index, struct);
  const declared = declaredFlags(at, index, iterArg);
  if (declared !== undefined) return { regType: PTR_TO_BTF_ID | declared, btfId: struct, isRetval: false };
  if (!isStructKind(btf.kind(struct))) {
    env.log.line(`func '${name}' arg${index} type ${btfKindName(btf, struct)} is not a struct`);
    return undefined;
  }
  let regType = PTR_TO_BTF_ID | tagFlags(btf, ref);
  if (at.trusted) regType |= PTR_TRUSTED;
  if (param.endsWith('__nullable') || (at.isTracepoint && tracepointArgMayBeNull(name, index)))
    regType |= PTR_MAYBE_NULL;
  const kind = btfKindName(btf, struct);
  env.log.line(`func '${name}' arg${index} has btf_id ${struct} type ${kind} '${btf.name(struct) || '(anon)'}'`);
  return { regType, btfId: promoted(at, struct), isRetval: false };
}

/** Of the pointers that functions of programs take, tracing programs see the context alone: as the kernel's struct behind it. */
function contextOf(env: VerifierEnv, { resolvedType, btf }: TargetProgram, pointee: number): CtxArgument | undefined {
  const { rules } = env.input;
  const ops = rules.prog(resolvedType);
  const row = rules.progRow(resolvedType);
  if (ops === undefined || row === undefined || btf === undefined || !isCtxTypeOf(ops, btf, pointee)) return undefined;
  const kernel = kernelBtf(env);
  const contexts = kernel?.type(kernel.find('bpf_ctx_convert', BTF_KIND.STRUCT))?.members;
  const btfId = contexts?.find((m) => m.name === `${row.name}_kern`)?.type ?? 0;
  return btfId === 0 ? undefined : { regType: PTR_TO_BTF_ID, btfId, isRetval: false };
}

/** Flags of an argument that the kernel describes apart from its prototype (ctx_arg_info), or undefined. */
function declaredFlags(at: AttachPoint, index: number, iterArg: IterArg | undefined): number | undefined {
  if (iterArg !== undefined) return PTR_MAYBE_NULL | (iterArg === 'trusted' ? PTR_TRUSTED : 0);
  return stubParam(at, index)?.endsWith('__nullable') ? PTR_MAYBE_NULL | PTR_TRUSTED : undefined;
}

/** Ends the names of arguments that come with a reference, which the program must give away. */
export const REF_SUFFIX = '__ref';

/** The kernel's stub of a table entry says by the names of its parameters what may be NULL, and what comes with a reference. */
const stubParam = (at: AttachPoint, index: number): string | undefined => stubParams(at)[index]?.name;

export function stubParams({ btf, structOps, name }: AttachPoint): BtfType['params'] {
  const stub = structOps === undefined ? undefined : btf.type(btf.find(`${structOps}__${name}`, BTF_KIND.FUNC));
  return (stub === undefined ? undefined : btf.type(stub.type)?.params) ?? [];
}

/** An argument that comes with a reference, until that is given away. */
function heldArgument(env: VerifierEnv, off: number, index: number, struct: number): CtxArgument {
  const refObjId = env.argRefs.get(index) ?? 0;
  if (!env.state.refs.some((ref) => ref.id === refObjId)) reject(env, ACCESS.CTX_RELEASED, off);
  return { regType: PTR_TO_BTF_ID | PTR_TRUSTED, btfId: struct, isRetval: false, refObjId };
}

function tagFlags(btf: Btf, id: number): number {
  if (btf.kind(id) !== BTF_KIND.TYPE_TAG || btf.type(id)?.kindFlag) return 0;
  const tag = btf.name(id);
  return tag === 'user' ? MEM_USER : tag === 'percpu' ? MEM_PERCPU : 0;
}

/** The sockets of congestion control are TCP sockets, whatever the prototype says. */
function promoted(at: AttachPoint, struct: number): number {
  if (at.structOps !== 'tcp_congestion_ops' || at.btf.name(struct) !== 'sock') return struct;
  return at.btf.find('tcp_sock', BTF_KIND.STRUCT) || struct;
}
