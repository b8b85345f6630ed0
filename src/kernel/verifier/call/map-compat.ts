/** Which helpers work on which map types (check_map_func_compatibility). */
import type { MapDesc } from '../../rules/map-desc.ts';
import { mapHelperAllowed } from '../../rules/map-use.ts';
import { CALL } from '../diag/catalogue/call.ts';
import { reject } from '../diag/reject.ts';
import type { VerifierEnv } from '../env.ts';
import { helperName } from './name.ts';

/** Refuses the helper `func` when it does not work on this map, or not in this program. */
export function checkMapFuncCompatibility(env: VerifierEnv, map: MapDesc | undefined, func: number): void {
  if (map === undefined) return;
  const answer = mapHelperAllowed(map.type, func, env.query);
  if (answer === 'no-sockmap-update') reject(env, CALL.SOCKMAP_CONTEXT, map.type, helperName(func), func);
  if (answer === 'no') reject(env, CALL.MAP_FUNC_MISMATCH, map.type, helperName(func), func);
}
