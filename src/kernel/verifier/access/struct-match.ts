/** Whether a BTF pointer leads to the struct that is wanted (btf_struct_ids_match). */
import type { VerifierEnv } from '../env.ts';
import { kernelBtf } from '../kernel-btf.ts';
import { A, B, OFF } from '../state/row.ts';
import type { StructRef } from '../state/regs.ts';
import { nestedStructAt } from './btf-walk.ts';

/** Deepest nesting of structs that is walked; types that contain themselves cannot exist. */
const MAX_NESTING = 64;

/** A place in a struct. */
export interface StructAt extends StructRef {
  readonly off: number;
}

/** Where the BTF pointer in row `r` points. */
export const structAt = (rows: Int32Array, r: number): StructAt => ({
  btf: rows[r + A],
  id: rows[r + B],
  off: rows[r + OFF],
});

/** btf_struct_ids_match: the struct at `have.off` is `need`, or begins with it. Strict: it is exactly that struct. */
export function structIdsMatch(env: VerifierEnv, have: StructAt, need: StructRef, strict: boolean): boolean {
  let { id, off } = have;
  if (off === 0 && have.btf === need.btf && id === need.id) return true;
  const btf = have.btf === 0 ? kernelBtf(env) : env.btfs[have.btf];
  if (strict || btf === undefined) return false;
  for (let depth = 0; depth < MAX_NESTING; depth++) {
    id = nestedStructAt(env, btf, id, off);
    if (id === 0) return false;
    if (have.btf === need.btf && id === need.id) return true;
    off = 0;
  }
  return false;
}

/** Name of a BTF type in messages (btf_type_name). */
export const btfTypeName = (env: VerifierEnv, btfIndex: number, id: number): string =>
  (btfIndex === 0 ? kernelBtf(env) : env.btfs[btfIndex])?.name(id) ?? '';
