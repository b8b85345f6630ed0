/** Every kfunc: its name and its form, one entry for each form that it had. */
import { COMMON_KFUNCS } from './common.ts';
import { NET_KFUNCS } from './net.ts';
import { OBJECT_KFUNCS } from './objects.ts';
import { OLDER_KFUNCS } from './older.ts';
import type { KfuncRow, KfuncTable } from './row.ts';
import { SCHED_KFUNCS } from './sched.ts';

const TABLES: readonly KfuncTable[] = [OLDER_KFUNCS, COMMON_KFUNCS, OBJECT_KFUNCS, NET_KFUNCS, SCHED_KFUNCS];

export const KFUNC_ROWS: readonly (readonly [name: string, row: KfuncRow])[] = TABLES.flatMap((table) =>
  Object.entries(table),
);
