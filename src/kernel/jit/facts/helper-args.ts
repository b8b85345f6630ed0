/** How many argument registers each helper reads: what a caller has to pass in the frame. */
import { INTERNAL_HELPER } from '../../rules/rows/helpers/internal.ts';
import { HELPERS } from '../../rules/rows/helpers/protos.ts';

/** bpf_trace_printk takes up to three values that its prototype does not name. */
const VARIADIC = 6;

const COUNTS: ReadonlyMap<number, number> = (() => {
  const counts = new Map<number, number>();
  for (const p of Object.values(HELPERS)) counts.set(p.id, Math.max(p.args.length, counts.get(p.id) ?? 0));
  counts.set(VARIADIC, 5);
  for (const id of Object.values(INTERNAL_HELPER)) counts.set(id, 2);
  return counts;
})();

/** Arguments of a helper by BPF_FUNC_* id; 5 when it is not known. */
export const helperArgCount = (id: number): number => COUNTS.get(id) ?? 5;
