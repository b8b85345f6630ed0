/** Names of helpers in messages (func_id_name). */
import { BPF_FUNC } from '../../../uapi/helper-ids.ts';

const NAMES = new Map<number, string>(
  Object.entries(BPF_FUNC).map(([name, id]) => [id, name.replace('BPF_FUNC_', 'bpf_')]),
);

/** `bpf_map_lookup_elem`, or `unknown`. */
export const helperName = (id: number): string => NAMES.get(id) ?? 'unknown';
