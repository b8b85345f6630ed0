/** One access check for every context (is_valid_access), compiled from a {@link CtxUse}. */
import type { ProgQuery, ProgTypeOps } from '../../prog-type.ts';
import { SCALAR_VALUE } from '../../reg-types.ts';
import type { CtxField, CtxGrant, CtxRule, CtxUse } from './row.ts';

interface CompiledField {
  readonly field: CtxField;
  readonly read: true | CtxGrant | undefined;
  readonly write: true | CtxGrant | undefined;
}

/** Compiles the use of a context into its check. */
export function compileCtxUse(use: CtxUse): ProgTypeOps['isValidAccess'] {
  const fields: CompiledField[] = Object.entries(use.struct.fields)
    .map(([name, field]) => ({ field, read: use.read[name], write: use.write?.[name] }))
    .sort((a, b) => a.field.off - b.field.off);
  const end = use.struct.size;

  return ({ off, size, write, signExtend }, q, out) => {
    if (off < 0 || off >= end || off % size !== 0) return false;
    let found: CompiledField | undefined;
    for (const f of fields) {
      if (f.field.off > off) break;
      found = f;
    }
    if (found === undefined || off >= found.field.off + found.field.size) return false;
    const grant = write ? found.write : found.read;
    if (grant === undefined || !granted(grant, q)) return false;
    const { field } = found;
    const unit = field.unit ?? field.size;
    const rule: CtxRule = write ? (field.write ?? 'exact') : (field.read ?? 'narrow');
    if (!allows(rule, field, unit, off, size)) return false;
    if (signExtend && field.noSext) return false;
    out.regType = write ? SCALAR_VALUE : (field.reg ?? SCALAR_VALUE);
    out.ctxFieldSize = use.convert ? fieldSize(rule, field, unit, size) : 0;
    out.btfName = write ? undefined : field.btf;
    return true;
  };
}

function allows(rule: CtxRule, field: CtxField, unit: number, off: number, size: number): boolean {
  const at = off - field.off;
  if (field.min !== undefined && size < field.min) return false;
  switch (rule) {
    case 'exact':
      return size === unit && at % unit === 0;
    case 'narrow':
      return size <= unit;
    case 'prefix':
      return size <= unit && at % unit === 0;
    case 'pair':
      return (size === unit && at % unit === 0) || (size === 8 && at + size <= field.size);
    case 'wide':
      return size <= unit || (size === 8 && at + size <= field.size);
    case 'any':
      return at + size <= field.size;
  }
}

/** Bytes that the rewritten access loads before a narrower one is cut out of them. */
function fieldSize(rule: CtxRule, field: CtxField, unit: number, size: number): number {
  if (rule === 'any') return size;
  if (field.size < unit) return size > field.size ? unit : field.size;
  return Math.max(size, unit);
}

function granted(grant: true | CtxGrant, q: ProgQuery): boolean {
  if (grant === true) return true;
  if (grant.attach !== undefined && !grant.attach.includes(q.expectedAttachType)) return false;
  if (grant.cap === undefined) return true;
  return q.caps.sysAdmin || q.caps[grant.cap];
}
