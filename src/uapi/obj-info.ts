/** An object's information: OBJ_GET_INFO_BY_FD with its two calls (sizes, then contents) done for the caller. */
import type { BpfSyscall } from './attr/attr.ts';
import { BPF_CMD } from './cmd.ts';
import { decodeInfo, INFO_LAYOUTS, type InfoField, type InfoKind, type InfoValues } from './info-layout.ts';

/** What OBJ_GET_INFO_BY_FD gave: values by field, and contents of its buffers by the field that points to them. */
export interface ObjInfo {
  /** Scalar fields by name. */
  readonly values: InfoValues;
  /** Contents of the pointer fields that were asked for. */
  readonly buffers: Record<string, Uint8Array>;
}

/**
 * Reads the info of a program, map or BTF object.
 * @param want names of pointer fields whose contents are wanted: `xlated_prog_insns`, `map_ids`, `btf` ...
 * @returns the info, or -errno
 */
export function readObjInfo(
  sys: BpfSyscall,
  kind: InfoKind,
  fd: number,
  want: readonly string[] = [],
): ObjInfo | number {
  const first = { info: { bpf_fd: fd, info: new Uint8Array(INFO_LAYOUTS[kind].size), info_len: 0 } };
  const result = sys.bpf(BPF_CMD.BPF_OBJ_GET_INFO_BY_FD, first);
  if (result < 0) return result;
  const values = decodeInfo(kind, first.info.info);
  if (want.length === 0) return { values, buffers: {} };
  const buffers: Record<string, Uint8Array> = {};
  const fields: readonly InfoField[] = INFO_LAYOUTS[kind].fields;
  for (const name of want) {
    const field = fields.find((f) => f.name === name && f.kind === 'ptr');
    if (field?.count === undefined) throw new RangeError(`bpf_${kind}_info has no buffer ${name}`);
    // A name's length field counts the terminator only on input.
    const extra = name === 'name' ? 1 : 0;
    buffers[name] = new Uint8Array((Number(values[field.count] ?? 0) + extra) * (field.elem ?? 1));
  }
  const info = new Uint8Array(INFO_LAYOUTS[kind].size);
  presetRecordSizes(kind, info);
  const second = { info: { bpf_fd: fd, info, kind, buffers } };
  const again = sys.bpf(BPF_CMD.BPF_OBJ_GET_INFO_BY_FD, second);
  return again < 0 ? again : { values: decodeInfo(kind, info), buffers };
}

/** The kernel wants to know the record sizes that the caller understands. */
function presetRecordSizes(kind: InfoKind, info: Uint8Array): void {
  if (kind !== 'prog') return;
  const view = new DataView(info.buffer, info.byteOffset);
  const sizes: Record<string, number> = { func_info_rec_size: 8, line_info_rec_size: 16, jited_line_info_rec_size: 8 };
  for (const f of INFO_LAYOUTS.prog.fields) if (f.name in sizes) view.setUint32(f.off, sizes[f.name], true);
}
