/** Facts about the maps of calls that rewriting uses: which map, which constant index (record_func_map, record_func_key). */
import { BPF_F_RDONLY_PROG } from '../../../uapi/flags.ts';
import { BPF_FUNC } from '../../../uapi/helper-ids.ts';
import { BPF_MAP_TYPE } from '../../../uapi/map-types.ts';
import { invariant } from '../../../util/errors.ts';
import type { FuncProto } from '../../rules/proto.ts';
import { AUX_KEY_POISONED, AUX_MAP_POISONED } from '../insn-aux.ts';
import { CALL } from '../diag/catalogue/call.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { markChainPrecision } from '../paths/backtrack.ts';
import { SCALAR_VALUE } from '../../rules/reg-types.ts';
import { TYPE, VALUE_HI, VALUE_LO, u64ToNumber, varOffConst } from '../state/row.ts';
import { regRow } from '../state/state.ts';
import type { CallMeta } from '../state/call-meta.ts';

/** record_func_map: paths that come with different maps leave the call general. */
export function recordFuncMap(env: VerifierEnv, fn: FuncProto, meta: CallMeta, insnIdx: number): void {
  if (fn.byMap === undefined) return;
  invariant(meta.map !== undefined, 'expected map for a map helper');
  if (meta.map.flags & BPF_F_RDONLY_PROG && fn.byMap === 'writes') reject(env, CALL.MAP_WRITE_FORBIDDEN);
  const { aux } = env;
  if (aux.mapIndex[insnIdx] < 0) aux.mapIndex[insnIdx] = meta.mapIndex;
  else if (aux.mapIndex[insnIdx] !== meta.mapIndex) aux.flags[insnIdx] |= AUX_MAP_POISONED;
}

/** record_func_key: a tail call whose index is one constant on all paths can be made direct. */
export function recordFuncKey(env: VerifierEnv, meta: CallMeta, insnIdx: number): void {
  if (meta.funcId !== BPF_FUNC.BPF_FUNC_tail_call) return;
  const { map } = meta;
  if (map?.type !== BPF_MAP_TYPE.BPF_MAP_TYPE_PROG_ARRAY) reject(env, CALL.EXPECTED_PROG_ARRAY);
  const { rows } = env.state.frame;
  const r = regRow(3);
  const { aux } = env;
  const index = u64ToNumber(rows[r + VALUE_LO], rows[r + VALUE_HI]);
  if (rows[r + TYPE] !== SCALAR_VALUE || !varOffConst(rows, r) || index >= map.maxEntries) {
    aux.flags[insnIdx] |= AUX_KEY_POISONED;
    return;
  }
  markChainPrecision(env, 3);
  if (aux.mapKey[insnIdx] < 0) aux.mapKey[insnIdx] = index;
  else if (aux.mapKey[insnIdx] !== index) aux.flags[insnIdx] |= AUX_KEY_POISONED;
}
