/** The parameters of a function by its BTF prototype and its `arg:` tags (btf_prepare_func_args). */
import type { Btf } from '../../../btf/btf.ts';
import { essentialName } from '../../../btf/name-index.ts';
import { BTF_KIND } from '../../../btf/types.ts';
import {
  ARG_ANYTHING,
  ARG_PTR_TO_ARENA,
  ARG_PTR_TO_BTF_ID,
  ARG_PTR_TO_CTX,
  ARG_PTR_TO_DYNPTR,
  ARG_PTR_TO_MEM,
  MEM_RDONLY,
  PTR_MAYBE_NULL,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
} from '../../rules/reg-types.ts';
import { SUBPROG } from '../diag/catalogue/subprog.ts';
import { reject } from '../diag/reject.ts';
import { checkTaggedCtx, isProgCtxType } from '../access/ctx-type.ts';
import type { Subprog, SubprogArg, VerifierEnv } from '../env.ts';

const KIND_NAMES = [
  'UNKNOWN', 'INT', 'PTR', 'ARRAY', 'STRUCT', 'UNION', 'ENUM', 'FWD', 'TYPEDEF', 'VOLATILE', 'CONST', 'RESTRICT',
  'FUNC', 'FUNC_PROTO', 'VAR', 'DATASEC', 'FLOAT', 'DECL_TAG', 'TYPE_TAG', 'ENUM64',
]; // biome-ignore format: btf_kind_str[]

const isScalarKind = (kind: number): boolean =>
  kind === BTF_KIND.INT || kind === BTF_KIND.ENUM || kind === BTF_KIND.ENUM64;

/**
 * Fills `sub.args` once. Returns false when a static function's prototype cannot be used, which is no error;
 * rejects what is wrong with a global one's.
 */
export function prepareFuncArgs(env: VerifierEnv, sub: Subprog): boolean {
  if (sub.args !== undefined) return true;
  const { btf } = env.input;
  const func = btf?.type(sub.typeId);
  if (btf === undefined || func === undefined || func.kind !== BTF_KIND.FUNC) return false;
  const proto = btf.type(func.type);
  if (proto === undefined) return false;
  const { params } = proto;
  if (params.length > 5) {
    if (!sub.isGlobal) return false;
    reject(env, SUBPROG.TOO_MANY_ARGS, func.name, params.length);
  }
  if (!isScalarKind(btf.kind(btf.skipModifiers(proto.type)))) {
    if (!sub.isGlobal) return false;
    reject(env, SUBPROG.RETURN_TYPE, func.name);
  }
  const args: SubprogArg[] = [];
  for (let i = 0; i < params.length; i++) {
    const arg = prepareArg(env, btf, sub, i, params[i].type);
    if (arg === undefined) return false;
    args.push(arg);
  }
  sub.args = args;
  return true;
}

const TAGS = new Set(['ctx', 'trusted', 'untrusted', 'nonnull', 'nullable', 'arena']);

function argTags(env: VerifierEnv, btf: Btf, sub: Subprog, i: number): Set<string> {
  const tags = new Set<string>();
  for (const tag of btf.declTags(sub.typeId, i)) {
    if (!tag.startsWith('arg:')) continue;
    if (!sub.isGlobal) reject(env, SUBPROG.STATIC_TAG, i);
    const name = tag.slice(4);
    if (!TAGS.has(name)) reject(env, SUBPROG.UNKNOWN_TAG, i);
    tags.add(name);
  }
  return tags;
}

const others = (tags: Set<string>, ...known: string[]): boolean => [...tags].some((t) => !known.includes(t));
const plain = (argType: number, memSize = 0, btfId = 0): SubprogArg => ({ argType, memSize, btfId });

function prepareArg(env: VerifierEnv, btf: Btf, sub: Subprog, i: number, typeId: number): SubprogArg | undefined {
  const tags = argTags(env, btf, sub, i);
  const id = btf.skipModifiers(typeId);
  const t = btf.type(id);
  const kind = t?.kind ?? 0;
  if (t === undefined || kind !== BTF_KIND.PTR) {
    if (tags.size > 0) reject(env, SUBPROG.TAG_NO_POINTER, i);
    if (isScalarKind(kind)) return plain(ARG_ANYTHING);
    if (!sub.isGlobal) return undefined;
    reject(env, SUBPROG.ARG_UNSUPPORTED, i, KIND_NAMES[kind], btf.name(sub.typeId));
  }
  const pointee = btf.skipModifiers(t.type);
  if (tags.has('ctx') || isProgCtxType(env, btf, t.type)) {
    if (others(tags, 'ctx')) reject(env, SUBPROG.TAG_COMBINATION, i);
    if (tags.has('ctx')) checkTaggedCtx(env, btf, t.type, i);
    return plain(ARG_PTR_TO_CTX);
  }
  if (btf.kind(pointee) === BTF_KIND.STRUCT && btf.name(pointee) === 'bpf_dynptr') {
    if (tags.size > 0) reject(env, SUBPROG.TAG_COMBINATION, i);
    return plain(ARG_PTR_TO_DYNPTR | MEM_RDONLY);
  }
  if (tags.has('trusted')) {
    if (tags.has('nonnull')) reject(env, SUBPROG.TAG_COMBINATION, i);
    const nullable = tags.has('nullable') ? PTR_MAYBE_NULL : 0;
    return plain(ARG_PTR_TO_BTF_ID | PTR_TRUSTED | nullable, 0, kernelTypeId(env, btf, pointee, i));
  }
  if (tags.has('untrusted')) {
    if (others(tags, 'untrusted')) reject(env, SUBPROG.TAG_UNTRUSTED, i);
    const k = btf.kind(pointee);
    if (pointee === 0 || isScalarKind(k)) return plain(ARG_PTR_TO_MEM | MEM_RDONLY | PTR_UNTRUSTED);
    return plain(ARG_PTR_TO_BTF_ID | PTR_UNTRUSTED, 0, kernelTypeId(env, btf, pointee, i));
  }
  if (tags.has('arena')) {
    if (others(tags, 'arena')) reject(env, SUBPROG.TAG_ARENA, i);
    return plain(ARG_PTR_TO_ARENA);
  }
  // A pointer of a static function is whatever its callers pass.
  if (!sub.isGlobal) return undefined;
  if (tags.has('nullable')) reject(env, SUBPROG.TAG_COMBINATION, i);
  const size = btf.resolveSize(pointee);
  if (size < 0 || pointee === 0) {
    reject(env, SUBPROG.ARG_SIZE, i, KIND_NAMES[btf.kind(pointee)], btf.name(pointee));
  }
  return plain(ARG_PTR_TO_MEM | (tags.has('nonnull') ? 0 : PTR_MAYBE_NULL), size);
}

/** btf_get_ptr_to_btf_id: the one kernel type of that kind and name, flavours (`___x`) aside. */
function kernelTypeId(env: VerifierEnv, btf: Btf, pointee: number, i: number): number {
  const name = btf.name(pointee);
  const kind = btf.kind(pointee);
  if (name === '') reject(env, SUBPROG.ARG_UNNAMED, i, KIND_NAMES[kind]);
  const kernel = env.input.vmlinux();
  const found = kernel?.withEssentialName(essentialName(name)).filter((id) => kernel.kind(id) === kind) ?? [];
  if (found.length === 0) reject(env, SUBPROG.ARG_KERNEL_TYPE, i, KIND_NAMES[kind], name);
  if (found.length > 1) reject(env, SUBPROG.ARG_AMBIGUOUS, i, KIND_NAMES[kind], name);
  return found[0];
}
