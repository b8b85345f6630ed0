/** Every rejection of the verifier, by topic; the id of one is `TOPIC.KEY`. */
import { ACCESS, BTF_ACCESS } from './catalogue/access.ts';
import { ALU } from './catalogue/alu.ts';
import { ARGS } from './catalogue/args.ts';
import { ATTACH } from './catalogue/attach.ts';
import { ATTACH_PROGRAM } from './catalogue/attach-program.ts';
import { BRANCH } from './catalogue/branch.ts';
import { CALL } from './catalogue/call.ts';
import { EXPLORE } from './catalogue/explore.ts';
import { KFUNC } from './catalogue/kfunc.ts';
import { LOAD } from './catalogue/load.ts';
import { MAP_USE } from './catalogue/map-use.ts';
import { REGS } from './catalogue/regs.ts';
import { RESOURCE } from './catalogue/resource.ts';
import { REWRITE } from './catalogue/rewrite.ts';
import { STACK } from './catalogue/stack.ts';
import { STRUCTURE } from './catalogue/structure.ts';
import { SUBPROG } from './catalogue/subprog.ts';
import type { Rejection } from './reject.ts';

export const CATALOGUE = {
  ACCESS,
  ALU,
  ARGS,
  ATTACH,
  ATTACH_PROGRAM,
  BRANCH,
  BTF_ACCESS,
  CALL,
  EXPLORE,
  KFUNC,
  LOAD,
  MAP_USE,
  REGS,
  RESOURCE,
  REWRITE,
  STACK,
  STRUCTURE,
  SUBPROG,
} as const;

/** `STACK.OUT_OF_BOUNDS`; '' for a row that is in no topic. Looked for, as a verification asks once at most. */
export function rejectionId(row: Rejection<never>): string {
  for (const [topic, rows] of Object.entries(CATALOGUE)) {
    for (const [key, known] of Object.entries(rows)) if (known === (row as unknown)) return `${topic}.${key}`;
  }
  return '';
}
