/** BTF as a kernel object: what BTF_LOAD makes and programs and maps keep alive (struct btf). */
import type { Btf } from '../../btf/btf.ts';
import type { ObjectBase } from './kernel-object.ts';

export interface BtfObject extends ObjectBase<'btf'> {
  readonly btf: Btf;
  /** The bytes as they were loaded. */
  readonly bytes: Uint8Array;
  /** `vmlinux` or the module's name for a kernel's own BTF, '' for a program's. */
  readonly name: string;
  readonly kernelBtf: boolean;
}

/** A BTF object without references yet beyond its creator's. */
export function newBtfObject(id: number, btf: Btf, name = '', kernelBtf = false): BtfObject {
  return { kind: 'btf', id, refs: 1, btf, bytes: btf.bytes, name, kernelBtf, release() {} };
}
