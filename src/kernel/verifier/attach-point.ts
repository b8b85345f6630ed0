/** The kernel function, tracepoint or table entry that a program is attached to, by BTF (attach_func_proto, attach_func_name). */
import type { Btf } from '../../btf/btf.ts';
import { BTF_KIND, type BtfType } from '../../btf/types.ts';
import { BPF_ATTACH_TYPE } from '../../uapi/attach-types.ts';
import { BPF_PROG_TYPE } from '../../uapi/prog-types.ts';
import type { TargetProgram } from './result.ts';
import { LSM_UNTRUSTED } from '../rules/attach.ts';
import type { VerifierEnv } from './env.ts';
import { kernelBtf } from './kernel-btf.ts';

const { BPF_TRACE_ITER, BPF_TRACE_RAW_TP } = BPF_ATTACH_TYPE;
const { BPF_PROG_TYPE_LSM, BPF_PROG_TYPE_STRUCT_OPS, BPF_PROG_TYPE_TRACING } = BPF_PROG_TYPE;

export interface AttachPoint {
  /** Types of the kernel, or of the program whose function it is. */
  readonly btf: Btf;
  /** Function, tracepoint without its prefix, or member of the table. */
  readonly name: string;
  readonly proto: BtfType;
  /** Callers pass something else than the prototype says: arguments are five words that nobody knows. */
  readonly unreliable: boolean;
  /** The program whose function it is. */
  readonly target: TargetProgram | undefined;
  /** The prototype's first parameter is the tracepoint's own data pointer, which programs do not see. */
  readonly isTracepoint: boolean;
  /** Objects among the arguments are certainly alive (prog_args_trusted). */
  readonly trusted: boolean;
  /** Name of the iterator target. */
  readonly iter: string | undefined;
  /** Name of the kernel table. */
  readonly structOps: string | undefined;
}

/** The attach point; undefined when the program names none, or one without a prototype. */
export function attachPoint(env: VerifierEnv): AttachPoint | undefined {
  if (env.attachPoint === undefined) env.attachPoint = findAttachPoint(env) ?? null;
  return env.attachPoint ?? undefined;
}

function findAttachPoint(env: VerifierEnv): AttachPoint | undefined {
  const { attachBtfId: id, progType, expectedAttachType, target } = env.input;
  if (id === 0) return undefined;
  const btf = target === undefined ? kernelBtf(env) : target.btf;
  const type = btf?.type(id);
  if (btf === undefined || type === undefined) return undefined;
  const base = {
    btf,
    target,
    isTracepoint: false,
    trusted: false,
    iter: undefined,
    structOps: undefined,
    unreliable: false,
  };
  if (target !== undefined) {
    const proto = funcProto(btf, id);
    const unreliable = target.functions.some((fn) => fn.typeId === id && fn.unreliable);
    return proto && { ...base, name: type.name, proto, unreliable };
  }
  if (progType === BPF_PROG_TYPE_STRUCT_OPS) {
    const member = type.members[expectedAttachType];
    const proto = member && pointedProto(btf, member.type);
    return proto && { ...base, name: member.name, proto, trusted: true, structOps: type.name };
  }
  if (progType === BPF_PROG_TYPE_TRACING && expectedAttachType === BPF_TRACE_RAW_TP) {
    const name = type.name.replace(/^btf_trace_/, '');
    // The function that calls programs has the names of the parameters, which the typedef lacks.
    const proto = funcProto(btf, btf.find(`__bpf_trace_${name}`, BTF_KIND.FUNC)) ?? pointedProto(btf, type.type);
    return proto && { ...base, name, proto, isTracepoint: true, trusted: true };
  }
  const proto = funcProto(btf, id);
  if (proto === undefined) return undefined;
  const isIter = progType === BPF_PROG_TYPE_TRACING && expectedAttachType === BPF_TRACE_ITER;
  const trusted = isIter || (progType === BPF_PROG_TYPE_LSM && !LSM_UNTRUSTED.has(type.name));
  return { ...base, name: type.name, proto, trusted, iter: isIter ? type.name.replace(/^bpf_iter_/, '') : undefined };
}

function funcProto(btf: Btf, funcId: number): BtfType | undefined {
  const func = btf.type(funcId);
  const proto = func?.kind === BTF_KIND.FUNC ? btf.type(func.type) : undefined;
  return proto?.kind === BTF_KIND.FUNC_PROTO ? proto : undefined;
}

/** The prototype behind a pointer to a function (btf_type_resolve_func_ptr). */
export function pointedProto(btf: Btf, id: number): BtfType | undefined {
  const pointer = btf.type(btf.skipModifiers(id));
  const proto = pointer?.kind === BTF_KIND.PTR ? btf.type(btf.skipModifiers(pointer.type)) : undefined;
  return proto?.kind === BTF_KIND.FUNC_PROTO ? proto : undefined;
}

/** Prototype of the attach function; undefined when the program names none. */
export const attachFuncProto = (env: VerifierEnv): BtfType | undefined => attachPoint(env)?.proto;

/** The attach function returns nothing. */
export const attachReturnsVoid = (env: VerifierEnv): boolean => attachFuncProto(env)?.type === 0;
