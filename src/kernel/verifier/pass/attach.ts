/** Whether the program fits what it wants to be attached to, as far as the kernel's BTF decides (check_attach_btf_id). */
import type { Btf } from '../../../btf/btf.ts';
import { BTF_KIND, type BtfType } from '../../../btf/types.ts';
import { BPF_ATTACH_TYPE as A } from '../../../uapi/attach-types.ts';
import { BPF_PROG_TYPE as P } from '../../../uapi/prog-types.ts';
import {
  LSM_DISABLED,
  LSM_SLEEPABLE,
  NORETURN,
  iterArgs,
  structOpsMemberSupported,
  traceMayModify,
  traceMaySleep,
} from '../../rules/attach.ts';
import { checkProgramTarget } from './attach-program.ts';
import { attachPoint, pointedProto } from '../attach-point.ts';
import { ATTACH } from '../diag/catalogue/attach.ts';
import { STRUCTURE } from '../diag/catalogue/structure.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { kernelBtf } from '../kernel-btf.ts';

const RAW_TP_PREFIX = 'btf_trace_';
const ITER_PREFIX = 'bpf_iter_';
const LSM_PREFIX = 'bpf_lsm_';
/** Every struct that programs may implement has a value type of this name (bpf_struct_ops_<name>). */
const STRUCT_OPS_PREFIX = 'bpf_struct_ops_';

/** Functions that the tracing machinery itself runs (btf_id_deny). */
const DENIED: ReadonlySet<string> = new Set([
  'migrate_disable',
  'migrate_enable',
  '__bpf_prog_enter_recur',
  '__bpf_prog_exit_recur',
  'preempt_count_add',
  'preempt_count_sub',
  '__rcu_read_lock',
  '__rcu_read_unlock',
  'rcu_read_unlock_strict',
]);

/** Checks sleepability and the attach target. */
export function checkAttachBtfId(env: VerifierEnv): void {
  const { progType } = env.input;
  const { sleepable } = env.query;
  if (progType === P.BPF_PROG_TYPE_SYSCALL) {
    if (!sleepable) reject(env, ATTACH.SYSCALL_SLEEPABLE);
    return;
  }
  if (sleepable && !canBeSleepable(env)) reject(env, ATTACH.NOT_SLEEPABLE_TYPE);
  if (progType === P.BPF_PROG_TYPE_STRUCT_OPS) checkStructOps(env);
  else if (env.input.target !== undefined || progType === P.BPF_PROG_TYPE_EXT) checkProgramTarget(env);
  else if (progType === P.BPF_PROG_TYPE_TRACING || progType === P.BPF_PROG_TYPE_LSM) checkTarget(env);
  const at = attachPoint(env);
  if (at === undefined) return;
  const attachBtfName = at.structOps === undefined ? env.query.attachBtfName : `${at.structOps}.${at.name}`;
  env.query = { ...env.query, attachBtfName, attachReturnsVoid: at.proto.type === 0 };
}

/** can_be_sleepable(). */
function canBeSleepable(env: VerifierEnv): boolean {
  const allowed = env.ops.sleepable;
  return allowed === 'may' || allowed?.includes(env.input.expectedAttachType) === true;
}

/** bpf_check_attach_target for targets in the kernel. */
function checkTarget(env: VerifierEnv): void {
  const { attachBtfId: id, expectedAttachType, progType } = env.input;
  if (id === 0) reject(env, ATTACH.NO_BTF_ID);
  const btf = kernelBtf(env);
  if (btf === undefined) reject(env, STRUCTURE.NO_KERNEL_BTF);
  const target = btf.type(id);
  if (target === undefined) reject(env, ATTACH.INVALID_ID, id);
  if (progType === P.BPF_PROG_TYPE_LSM) {
    checkFunction(env, btf, target);
    return checkLsmHook(env, btf, target);
  }
  switch (expectedAttachType) {
    case A.BPF_TRACE_RAW_TP:
      if (target.kind !== BTF_KIND.TYPEDEF) reject(env, ATTACH.NOT_TYPEDEF, id);
      if (!target.name.startsWith(RAW_TP_PREFIX)) reject(env, ATTACH.WRONG_NAME, id, target.name);
      return;
    case A.BPF_TRACE_ITER:
      checkFunction(env, btf, target);
      if (!target.name.startsWith(ITER_PREFIX)) reject(env, ATTACH.UNSUPPORTED_ITER);
      if (iterArgs(target.name.slice(ITER_PREFIX.length)) === undefined) reject(env, ATTACH.UNSUPPORTED_ITER);
      break;
    case A.BPF_TRACE_FENTRY:
    case A.BPF_TRACE_FEXIT:
    case A.BPF_MODIFY_RETURN:
      checkFunction(env, btf, target);
      return checkTraced(env, target);
    default:
      reject(env, ATTACH.UNSUPPORTED_TYPE);
  }
}

/** Functions that fentry, fexit and fmod_ret programs run around. */
function checkTraced(env: VerifierEnv, target: BtfType): void {
  const { name } = target;
  const { expectedAttachType } = env.input;
  if (env.query.sleepable) {
    if (!traceMaySleep(name)) reject(env, ATTACH.NOT_SLEEPABLE, name);
  } else if (expectedAttachType === A.BPF_MODIFY_RETURN && !traceMayModify(name)) {
    reject(env, ATTACH.NOT_MODIFIABLE, name);
  }
  if (DENIED.has(name)) reject(env, ATTACH.DENIED, name);
  if (expectedAttachType !== A.BPF_TRACE_FENTRY && NORETURN.has(name)) reject(env, ATTACH.NORETURN, name);
}

/** bpf_lsm_verify_prog, and the sleepability of the hook. */
function checkLsmHook(env: VerifierEnv, btf: Btf, target: BtfType): void {
  const { id, name } = target;
  if (env.query.sleepable && !LSM_SLEEPABLE.has(name)) reject(env, ATTACH.NOT_SLEEPABLE, name);
  if (!env.query.gplCompatible) reject(env, ATTACH.LSM_NOT_GPL);
  if (LSM_DISABLED.has(name)) reject(env, ATTACH.LSM_DISABLED, id, name);
  if (!isLsmHook(btf, name)) reject(env, ATTACH.WRONG_NAME, id, name);
}

/** The kernel lists its hooks as the members of one union; functions with the prefix may be no hooks. */
function isLsmHook(btf: Btf, name: string): boolean {
  if (!name.startsWith(LSM_PREFIX)) return false;
  const union = btf.find('security_list_options', BTF_KIND.UNION);
  const hooks = union === 0 ? undefined : btf.type(union);
  return hooks === undefined || hooks.members.some((m) => m.name === name.slice(LSM_PREFIX.length));
}

function checkFunction(env: VerifierEnv, btf: Btf, target: BtfType): void {
  if (target.kind !== BTF_KIND.FUNC) reject(env, ATTACH.NOT_FUNCTION, target.id);
  if (btf.kind(target.type) !== BTF_KIND.FUNC_PROTO) reject(env, ATTACH.NO_PROTO);
}

/** check_struct_ops_btf_id: attachBtfId is the struct, expectedAttachType the index of the member. */
function checkStructOps(env: VerifierEnv): void {
  const { attachBtfId: id, expectedAttachType: index } = env.input;
  if (!env.query.gplCompatible) reject(env, ATTACH.STRUCT_OPS_NOT_GPL);
  if (id === 0) reject(env, ATTACH.STRUCT_OPS_NO_ID);
  const btf = kernelBtf(env);
  if (btf === undefined) reject(env, STRUCTURE.NO_KERNEL_BTF);
  const struct = btf.type(id);
  if (struct?.kind !== BTF_KIND.STRUCT || btf.find(STRUCT_OPS_PREFIX + struct.name, BTF_KIND.STRUCT) === 0)
    reject(env, ATTACH.STRUCT_OPS_UNSUPPORTED, id);
  const member = struct.members[index];
  if (member === undefined) reject(env, ATTACH.STRUCT_OPS_MEMBER, index, struct.name);
  if (pointedProto(btf, member.type) === undefined)
    reject(env, ATTACH.STRUCT_OPS_NOT_FUNC, member.name, index, struct.name);
  if (!structOpsMemberSupported(struct.name, member.name, false))
    reject(env, ATTACH.STRUCT_OPS_NOT_SUPPORTED, member.name, struct.name);
  if (!structOpsMemberSupported(struct.name, member.name, env.query.sleepable))
    reject(env, ATTACH.STRUCT_OPS_SLEEPABLE, member.name, struct.name);
}
