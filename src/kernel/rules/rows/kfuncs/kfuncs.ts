/** All kfuncs by name, and whether a program may call one (btf_kfunc_id_set_contains). */
import type { ProgQuery } from '../../prog-type.ts';
import { COMMON_KFUNCS } from './common.ts';
import { NET_KFUNCS } from './net.ts';
import { OBJECT_KFUNCS } from './objects.ts';
import { type KfuncRow, PROG_KFUNC_HOOK } from './row.ts';

const ROWS: ReadonlyMap<string, KfuncRow> = new Map(
  Object.entries<KfuncRow>({ ...COMMON_KFUNCS, ...OBJECT_KFUNCS, ...NET_KFUNCS }),
);

/** The row of a kfunc, whoever may call it. */
export function kfuncRow(name: string): KfuncRow | undefined {
  return ROWS.get(name);
}

export function kfuncNames(): string[] {
  return [...ROWS.keys()];
}

/** The row when this program may call it; `calling kernel function %s is not allowed` otherwise. */
export function kfuncFor(name: string, q: ProgQuery): KfuncRow | undefined {
  const row = ROWS.get(name);
  if (row === undefined) return undefined;
  const hook = PROG_KFUNC_HOOK[q.progType];
  if (!row.hooks.includes('common') && (hook === undefined || !row.hooks.includes(hook))) return undefined;
  if (row.progTypes !== undefined && !row.progTypes.includes(q.progType)) return undefined;
  if (row.attach !== undefined && !row.attach.includes(q.expectedAttachType)) return undefined;
  return row;
}
