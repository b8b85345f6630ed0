/** The kind of a pointer parameter of a kernel function, by its type, its name and the register (get_kfunc_ptr_arg_type). */
import type { Btf } from '../../../btf/btf.ts';
import { BTF_KIND, type BtfParam } from '../../../btf/types.ts';
import { PTR_TO_BTF_ID, SCALAR_VALUE, baseType } from '../../rules/reg-types.ts';
import { KFUNC } from '../diag/catalogue/kfunc.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { REG_STRUCTS } from '../state/pointer.ts';
import { TYPE } from '../state/row.ts';
import { regIsNull } from '../state/regs.ts';
import { regRow } from '../state/state.ts';
import { isProgCtxType } from '../access/ctx-type.ts';
import { type KfuncMeta } from './kfunc-meta.ts';
import { btfKindName, isScalarKind, isStructKind } from '../../../btf/kinds.ts';

export type KfuncArgKind =
  | 'ctx'
  | 'null'
  | 'alloc'
  | 'refcounted'
  | 'dynptr'
  | 'iter'
  | 'list_head'
  | 'list_node'
  | 'rb_root'
  | 'rb_node'
  | 'const_str'
  | 'map'
  | 'wq'
  | 'task_work'
  | 'irq_flag'
  | 'res_spin_lock'
  | 'btf_id'
  | 'callback'
  | 'mem'
  | 'mem_size';

/** Kinds by the struct that the parameter points to. */
const BY_STRUCT: Readonly<Record<string, KfuncArgKind>> = {
  bpf_list_head: 'list_head',
  bpf_list_node: 'list_node',
  bpf_rb_root: 'rb_root',
  bpf_rb_node: 'rb_node',
  bpf_wq: 'wq',
  bpf_task_work: 'task_work',
  bpf_res_spin_lock: 'res_spin_lock',
};

/** btf_param_match_suffix. */
export const hasSuffix = (param: BtfParam, suffix: string): boolean =>
  param.name.length >= suffix.length && param.name.endsWith(suffix);

/** Whether the parameter after `i` is the size of the memory that it points to. */
export function isMemSizeArg(env: VerifierEnv, meta: KfuncMeta, i: number): boolean {
  const param = meta.params[i];
  if (param === undefined || !isScalarKind(meta.btf.kind(meta.btf.skipModifiers(param.type)))) return false;
  if (env.state.frame.rows[regRow(i + 1) + TYPE] !== SCALAR_VALUE) return false;
  return hasSuffix(param, '__sz') || hasSuffix(param, '__szk');
}

/** get_kfunc_ptr_arg_type: parameter `i`, a pointer (type `ptr`) to `ref`. */
export function kfuncArgKind(env: VerifierEnv, meta: KfuncMeta, i: number, ptr: number, ref: number): KfuncArgKind {
  const { btf } = meta;
  const param = meta.params[i];
  if (meta.row.makes === 'kern-ctx') return 'ctx';
  const memSize = isMemSizeArg(env, meta, i + 1);
  const { rows } = env.state.frame;
  const r = regRow(i + 1);
  if (isProgCtxType(env, btf, btf.ref(ptr))) return 'ctx';
  if (hasSuffix(param, '__nullable') && regIsNull(rows, r) && !memSize) return 'null';
  if (hasSuffix(param, '__alloc')) return 'alloc';
  if (hasSuffix(param, '__refcounted_kptr')) return 'refcounted';
  const struct = btf.kind(ref) === BTF_KIND.STRUCT ? btf.name(ref) : '';
  if (struct === 'bpf_dynptr' || struct === 'bpf_dynptr_kern') return 'dynptr';
  if (meta.isIter ? i === 0 : hasSuffix(param, '__iter')) return 'iter';
  const graph = BY_STRUCT[struct];
  if (graph !== undefined && graph.startsWith('list')) return graph;
  if (graph !== undefined && graph.startsWith('rb')) return graph;
  if (hasSuffix(param, '__str')) return 'const_str';
  if (hasSuffix(param, '__map')) return 'map';
  if (graph === 'wq' || graph === 'task_work') return graph;
  if (hasSuffix(param, '__irq_flag')) return 'irq_flag';
  if (graph === 'res_spin_lock') return graph;
  const base = baseType(rows[r + TYPE]);
  if (base === PTR_TO_BTF_ID || REG_STRUCTS[base] !== undefined) {
    if (!isStructKind(btf.kind(ref))) {
      reject(env, KFUNC.BTF_ARG_KIND, meta.name, i, btfKindName(btf, ref), btf.name(ref));
    }
    return 'btf_id';
  }
  if (btf.kind(ref) === BTF_KIND.FUNC_PROTO) return 'callback';
  const plain = isScalarKind(btf.kind(ref)) || isScalarStruct(env, btf, ref) || (memSize && ref === 0);
  if (!plain) reject(env, KFUNC.MEM_KIND, i, btfKindName(btf, ref), btf.name(ref), memSize ? 'void, ' : '');
  return memSize ? 'mem_size' : 'mem';
}

/** __btf_type_is_scalar_struct: a struct of numbers, arrays of numbers, and such structs, four levels deep. */
export function isScalarStruct(env: VerifierEnv, btf: Btf, id: number, depth = 0): boolean {
  const type = btf.type(id);
  if (type === undefined || !isStructKind(type.kind)) return false;
  for (const member of type.members) {
    const mid = btf.skipModifiers(member.type);
    const kind = btf.kind(mid);
    if (isStructKind(kind)) {
      if (depth >= 3) {
        env.notes.add(KFUNC.NESTING);
        env.log.line(KFUNC.NESTING.text());
        return false;
      }
      if (!isScalarStruct(env, btf, mid, depth + 1)) return false;
      continue;
    }
    if (kind === BTF_KIND.ARRAY) {
      const array = btf.type(mid)?.array;
      if (!array?.nelems || !isScalarKind(btf.kind(btf.skipModifiers(array.elemType)))) return false;
      continue;
    }
    if (!isScalarKind(kind)) return false;
  }
  return true;
}
