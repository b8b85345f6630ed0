/** Type tags stand before the other modifiers of a chain (btf_check_type_tags). */
import { ERRNO } from '../../uapi/errno.ts';
import type { Btf } from '../btf.ts';
import { BTF_KIND } from '../types.ts';
import type { CheckLog } from './log.ts';

const isModifier = (kind: number): boolean =>
  kind === BTF_KIND.TYPEDEF ||
  kind === BTF_KIND.VOLATILE ||
  kind === BTF_KIND.CONST ||
  kind === BTF_KIND.RESTRICT ||
  kind === BTF_KIND.TYPE_TAG;

/** Longest chain of modifiers that is followed. */
const MAX_CHAIN = 32;

export function checkTypeTags(btf: Btf, log: CheckLog): void {
  // Chains that lead into one already checked need not be followed again.
  let checked = 0;
  for (let id = 1; id < btf.nrTypes; id++) {
    if (!isModifier(btf.kind(id))) continue;
    let inTags = btf.kind(id) === BTF_KIND.TYPE_TAG;
    let at = id;
    for (let length = 0; isModifier(btf.kind(at)); length++) {
      if (length === MAX_CHAIN) log.failBare('Max chain length or cycle detected', ERRNO.ELOOP);
      if (btf.kind(at) === BTF_KIND.TYPE_TAG) {
        if (!inTags) log.failBare("Type tags don't precede modifiers");
      } else {
        inTags = false;
      }
      if (at <= checked) break;
      at = btf.ref(at);
    }
    checked = id;
  }
}
