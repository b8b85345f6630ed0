/** Types of the kernel behind a door: its own, parsed when they are first needed. */
import { Btf } from '../../btf/btf.ts';
import type { BpfSyscall } from '../../uapi/attr/attr.ts';

/** The kernel's BTF, undefined where it shows none. Throws FormatError when it is damaged. */
export function typesOf({ kernel }: BpfSyscall): Btf | undefined {
  const { types } = kernel;
  return types === undefined || types instanceof Btf ? types : Btf.parse(types.bytes);
}
