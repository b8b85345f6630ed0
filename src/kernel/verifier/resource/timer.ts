/** Timers, work queues and task work: members of map values (process_timer_func, check_map_field_pointer). */
import { BPF_TIMER, BPF_WORKQUEUE } from '../../../btf/record.ts';
import { invariant } from '../../../util/errors.ts';
import type { CallMeta } from '../state/call-meta.ts';
import { RESOURCE } from '../diag/catalogue/resource.ts';
import { s64Text } from '../state/format.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { A, B, OFF, VALUE_HI, VALUE_LO, varOffConst } from '../state/row.ts';
import { regRow } from '../state/state.ts';
import { fieldTypeName, hasField } from '../state/record.ts';

/** check_map_field_pointer: register `regno` points exactly at the one member of that type in a map value. */
export function checkMapFieldPointer(env: VerifierEnv, regno: number, field: number): void {
  const { rows } = env.state.frame;
  const r = regRow(regno);
  const name = fieldTypeName(field);
  if (!varOffConst(rows, r)) reject(env, RESOURCE.FIELD_OFFSET_NOT_CONST, regno, name);
  const map = env.maps[rows[r + A]];
  if (map.btf === undefined) reject(env, RESOURCE.FIELD_MAP_NO_BTF, map.name, name);
  const { record } = map;
  if (record === undefined || !hasField(record, field)) reject(env, RESOURCE.FIELD_NONE, map.name, name);
  const at = field === BPF_TIMER ? record.timerOff : field === BPF_WORKQUEUE ? record.wqOff : record.taskWorkOff;
  const off = s64Text(rows[r + VALUE_LO], rows[r + VALUE_HI], rows[r + OFF]);
  if (off !== String(at)) reject(env, RESOURCE.FIELD_OFFSET, off, name, at);
}

/** process_timer_func: the timer argument; its map must be the one that the next argument names. */
export function processTimerArg(env: VerifierEnv, regno: number, meta: CallMeta): void {
  checkMapFieldPointer(env, regno, BPF_TIMER);
  invariant(meta.map === undefined, 'Two map pointers in a timer helper');
  const { rows } = env.state.frame;
  const r = regRow(regno);
  meta.map = env.maps[rows[r + A]];
  meta.mapIndex = rows[r + A];
  meta.mapUid = rows[r + B];
}
