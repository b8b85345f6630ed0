/** How many argument registers each helper reads: what a caller has to pass in the frame. */
import { lazy } from '../../../util/lazy.ts';
import { INTERNAL_HELPER } from '../../rules/internal-helpers.ts';
import { helperId, helperKeys, helperRow } from '../../rules/rows/helpers/protos.ts';

/** bpf_trace_printk takes up to three values that its prototype does not name. */
const VARIADIC = 6;

const counts = lazy((): ReadonlyMap<number, number> => {
  const most = new Map<number, number>();
  for (const key of helperKeys()) {
    const id = helperId(key);
    most.set(id, Math.max(helperRow(key).args.length, most.get(id) ?? 0));
  }
  most.set(VARIADIC, 5);
  for (const id of Object.values(INTERNAL_HELPER)) most.set(id, 2);
  return most;
});

/** Arguments of a helper by BPF_FUNC_* id; 5 when it is not known. */
export const helperArgCount = (id: number): number => counts().get(id) ?? 5;
