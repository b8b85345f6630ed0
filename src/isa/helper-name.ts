/** Names of helpers by id, as the kernel's messages write them (func_id_name). */
import { BPF_FUNC } from '../uapi/helper-ids.ts';

const byId: string[] = [];
for (const [name, id] of Object.entries(BPF_FUNC)) byId[id] = name.replace('BPF_FUNC_', 'bpf_');
const byName: ReadonlyMap<string, number> = new Map(byId.map((name, id) => [name, id]));

/** `bpf_map_lookup_elem` of 1, `unknown` of an id that has no helper. */
export const helperName = (id: number): string => byId[id] ?? 'unknown';

/** Id of a helper by its name with or without `bpf_`, undefined when there is none. */
export const helperId = (name: string): number | undefined => byName.get(name) ?? byName.get(`bpf_${name}`);
