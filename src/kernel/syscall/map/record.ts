/** Special fields of a map's value type, and which map types may hold them (map_check_btf). */
import type { Btf } from '../../../btf/btf.ts';
import * as R from '../../../btf/record.ts';
import { checkOwnership, structMetas } from '../../../btf/struct-metas.ts';
import type { MapCreateAttr } from '../../../uapi/attr/attr.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import { BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG } from '../../../uapi/flags.ts';
import { sizedType } from '../../maps/make/describe.ts';
import type { SyscallEnv } from '../env.ts';

/** The record of the value type, undefined when it has no special fields, or -errno. */
export function valueRecord(env: SyscallEnv, btf: Btf, attr: MapCreateAttr): R.BtfRecord | undefined | number {
  const typeId = attr.btf_value_type_id ?? 0;
  if (typeId === 0) return undefined;
  const kernelBtf = (): Btf | undefined => env.vmlinux();
  const record = R.parseRecord(btf, sizedType(btf, typeId), {
    mask: env.rules.mapFields,
    valueSize: attr.value_size,
    kernelBtf,
  });
  if (record === undefined) return undefined;
  if (!env.caps.bpf && !env.caps.sysAdmin) return -ERRNO.EPERM;
  if ((attr.map_flags ?? 0) & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG)) return -ERRNO.EACCES;
  if (record.mask & ~(env.rules.map(attr.map_type)?.fields ?? 0)) return -ERRNO.EOPNOTSUPP;
  const errno =
    record.mask & (R.BPF_LIST_HEAD | R.BPF_RB_ROOT) ? checkOwnership(record, structMetas(btf, kernelBtf).records) : 0;
  return errno === 0 ? record : -errno;
}
