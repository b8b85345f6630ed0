/** Special fields of a map's value type (btf_parse_fields as map_check_btf uses it). */
import type { Btf } from '../../btf/btf.ts';
import type { BtfRecord } from '../../btf/record.ts';
import type { MapCreateAttr } from '../../uapi/attr.ts';
import type { SyscallEnv } from './env.ts';

/** The record of the value type, undefined when it has no special fields, or -errno. */
export function valueRecord(_env: SyscallEnv, _btf: Btf, _attr: MapCreateAttr): BtfRecord | undefined | number {
  return undefined;
}
