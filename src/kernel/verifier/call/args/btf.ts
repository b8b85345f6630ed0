/** Whether a BTF pointer leads to the struct that a callee takes (btf_struct_ids_match). */
import { BTF_KIND } from '../../../../btf/types.ts';
import { BPF_FUNC } from '../../../../uapi/helper-ids.ts';
import { InternalError } from '../../../../util/errors.ts';
import { OBJ_RELEASE } from '../../../rules/reg-types.ts';
import { nestedStructAt } from '../../access/btf-walk.ts';
import { ARGS } from '../../diag/catalogue/args.ts';
import { reject } from '../../diag/reject.ts';
import type { VerifierEnv } from '../../env.ts';
import { kernelBtf } from '../../pass/kfuncs.ts';
import { A, B, OFF } from '../../state/row.ts';
import { regRow } from '../../state/state.ts';
import type { CallMeta } from '../../state/call-meta.ts';

/** Deepest nesting of structs that is walked; types that contain themselves cannot exist. */
const MAX_NESTING = 64;

/** btf_struct_ids_match: the struct at `off` in `id` is `needId`, or begins with it. Strict: it is exactly that struct. */
export function structIdsMatch(
  env: VerifierEnv,
  btfIndex: number,
  id: number,
  off: number,
  needBtf: number,
  needId: number,
  strict: boolean,
): boolean {
  if (off === 0 && btfIndex === needBtf && id === needId) return true;
  const btf = btfIndex === 0 ? kernelBtf(env) : env.btfs[btfIndex];
  if (strict || btf === undefined) return false;
  for (let depth = 0; depth < MAX_NESTING; depth++) {
    id = nestedStructAt(env, btf, id, off);
    if (id === 0) return false;
    if (btfIndex === needBtf && id === needId) return true;
    off = 0;
  }
  return false;
}

/** Name of a BTF type in messages (btf_type_name). */
export const btfTypeName = (env: VerifierEnv, btfIndex: number, id: number): string =>
  (btfIndex === 0 ? kernelBtf(env) : env.btfs[btfIndex])?.name(id) ?? '';

/** The struct behind a BTF pointer argument is the one that the prototype names. */
export function checkArgBtfId(
  env: VerifierEnv,
  regno: number,
  argType: number,
  want: string | number | undefined,
  meta: CallMeta,
): void {
  if (want === undefined) throw new InternalError('missing arg compatible BTF ID');
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const needId = typeof want === 'number' ? want : (kernelBtf(env)?.find(want, BTF_KIND.STRUCT) ?? 0);
  // bpf_sk_release takes every kind of socket: all of them begin with struct sock_common.
  const strict = (argType & OBJ_RELEASE) !== 0 && meta.funcId !== BPF_FUNC.BPF_FUNC_sk_release;
  if (structIdsMatch(env, rows[r + A], rows[r + B], rows[r + OFF], 0, needId, strict)) return;
  reject(env, ARGS.BTF_TYPE_MISMATCH, regno, btfTypeName(env, rows[r + A], rows[r + B]), btfTypeName(env, 0, needId));
}
