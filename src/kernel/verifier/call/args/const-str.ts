/** Strings that must be known when the program is loaded (check_reg_const_str). */
import { PTR_TO_MAP_VALUE } from '../../../rules/reg-types.ts';
import { BPF_F_RDONLY_PROG } from '../../../../uapi/flags.ts';
import { BPF_MAP_TYPE } from '../../../../uapi/map-types.ts';
import { checkMapAccess } from '../../access/map-value.ts';
import { ARGS } from '../../diag/catalogue/args.ts';
import { reject } from '../../diag/reject.ts';
import type { VerifierEnv } from '../../env.ts';
import { A, OFF, TYPE, VALUE_LO, varOffConst } from '../../state/row.ts';
import { regRow } from '../../state/state.ts';

/** bpf_map_is_rdonly(): nobody can change the values any more. */
const isReadOnlyMap = (map: { flags: number; frozen: boolean }): boolean =>
  (map.flags & BPF_F_RDONLY_PROG) !== 0 && map.frozen;

/** The bytes of the string that register `regno` points to, without the final 0. */
export function checkConstStr(env: VerifierEnv, regno: number): Uint8Array {
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const map = rows[r + TYPE] === PTR_TO_MAP_VALUE ? env.maps[rows[r + A]] : undefined;
  if (map === undefined || !isReadOnlyMap(map)) reject(env, ARGS.STR_NOT_MAP_VALUE, regno);
  if (!varOffConst(rows, r)) reject(env, ARGS.STR_NOT_CONSTANT_ADDRESS, regno);
  if (map.type !== BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY) reject(env, ARGS.STR_NO_DIRECT_ACCESS);
  const room = map.valueSize - rows[r + OFF];
  checkMapAccess(env, { regno, off: rows[r + OFF], size: room, zeroSizeAllowed: false });
  const off = rows[r + OFF] + rows[r + VALUE_LO];
  const bytes = map.maxEntries === 1 ? map.readConst?.(off, map.valueSize - off) : undefined;
  if (bytes === undefined) reject(env, ARGS.STR_DIRECT_ACCESS_FAILED);
  const end = bytes.indexOf(0);
  if (end < 0) reject(env, ARGS.STR_NOT_TERMINATED);
  return bytes.subarray(0, end);
}
