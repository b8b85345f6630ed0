/** Names of helpers in messages (func_id_name). */
import { BPF_FUNC } from '../../../uapi/helper-ids.ts';
import { lazy } from '../../../util/lazy.ts';

const names = lazy(
  () => new Map<number, string>(Object.entries(BPF_FUNC).map(([name, id]) => [id, name.replace('BPF_FUNC_', 'bpf_')])),
);

/** `bpf_map_lookup_elem`, or `unknown`. */
export const helperName = (id: number): string => names().get(id) ?? 'unknown';
