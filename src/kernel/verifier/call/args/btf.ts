/** Whether a BTF pointer leads to the struct that a callee takes. */
import { BTF_KIND } from '../../../../btf/types.ts';
import { BPF_FUNC } from '../../../../uapi/helper-ids.ts';
import { InternalError } from '../../../../util/errors.ts';
import { OBJ_RELEASE } from '../../../rules/reg-types.ts';
import { btfTypeName, structAt, structIdsMatch } from '../../access/struct-match.ts';
import { ARGS } from '../../diag/catalogue/args.ts';
import { reject } from '../../diag/reject.ts';
import type { VerifierEnv } from '../../env.ts';
import { kernelBtf } from '../../kernel-btf.ts';
import { A, B } from '../../state/row.ts';
import { regRow } from '../../state/state.ts';
import type { CallMeta } from '../../state/call-meta.ts';

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
  if (structIdsMatch(env, structAt(rows, r), { btf: 0, id: needId }, strict)) return;
  reject(env, ARGS.BTF_TYPE_MISMATCH, regno, btfTypeName(env, rows[r + A], rows[r + B]), btfTypeName(env, 0, needId));
}
