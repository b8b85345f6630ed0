/** The structs that BPF_OBJ_GET_INFO_BY_FD fills: bpf_prog_info, bpf_map_info, bpf_btf_info and bpf_link_info of Linux 6.18, as data. */

import { LINK_INFO_LAYOUTS, type LinkInfoKind } from './link-info-layout.ts';

/** `bytes` and `name` lie in the struct; `ptr` is the address of a caller's buffer. */
export type InfoFieldKind = 'u32' | 'u64' | 'name' | 'bytes' | 'bit' | 'ptr';

/** A field of an info struct: its place in the binary layout, and what it is. */
export interface InfoField {
  readonly name: string;
  readonly off: number;
  readonly kind: InfoFieldKind;
  /** Bytes of `bytes`, bit number of `bit`. */
  readonly size?: number;
  /** `ptr`: name of the count field, and bytes per counted element. */
  readonly count?: string;
  readonly elem?: number;
}
/** The binary layout of an info struct. */
export interface InfoLayout {
  readonly size: number;
  readonly fields: readonly InfoField[];
}
/** Kinds of objects that OBJ_GET_INFO_BY_FD tells of: each has its own struct. */
export type InfoKind = 'prog' | 'map' | 'btf' | LinkInfoKind;

const u32 = (name: string, off: number): InfoField => ({ name, off, kind: 'u32' });
const u64 = (name: string, off: number): InfoField => ({ name, off, kind: 'u64' });
const ptr = (name: string, off: number, count: string, elem: number): InfoField => ({
  name,
  off,
  kind: 'ptr',
  count,
  elem,
});

/** The layouts of struct bpf_prog_info, bpf_map_info, bpf_btf_info and bpf_link_info, by the kind of object. */
export const INFO_LAYOUTS = {
  prog: {
    size: 232,
    fields: [
      u32('type', 0),
      u32('id', 4),
      { name: 'tag', off: 8, kind: 'bytes', size: 8 },
      u32('jited_prog_len', 16),
      u32('xlated_prog_len', 20),
      ptr('jited_prog_insns', 24, 'jited_prog_len', 1),
      ptr('xlated_prog_insns', 32, 'xlated_prog_len', 1),
      u64('load_time', 40),
      u32('created_by_uid', 48),
      u32('nr_map_ids', 52),
      ptr('map_ids', 56, 'nr_map_ids', 4),
      { name: 'name', off: 64, kind: 'name' },
      u32('ifindex', 80),
      { name: 'gpl_compatible', off: 84, kind: 'bit', size: 0 },
      u64('netns_dev', 88),
      u64('netns_ino', 96),
      u32('nr_jited_ksyms', 104),
      u32('nr_jited_func_lens', 108),
      ptr('jited_ksyms', 112, 'nr_jited_ksyms', 8),
      ptr('jited_func_lens', 120, 'nr_jited_func_lens', 4),
      u32('btf_id', 128),
      u32('func_info_rec_size', 132),
      ptr('func_info', 136, 'nr_func_info', 8),
      u32('nr_func_info', 144),
      u32('nr_line_info', 148),
      ptr('line_info', 152, 'nr_line_info', 16),
      ptr('jited_line_info', 160, 'nr_jited_line_info', 8),
      u32('nr_jited_line_info', 168),
      u32('line_info_rec_size', 172),
      u32('jited_line_info_rec_size', 176),
      u32('nr_prog_tags', 180),
      ptr('prog_tags', 184, 'nr_prog_tags', 8),
      u64('run_time_ns', 192),
      u64('run_cnt', 200),
      u64('recursion_misses', 208),
      u32('verified_insns', 216),
      u32('attach_btf_obj_id', 220),
      u32('attach_btf_id', 224),
    ],
  },
  map: {
    size: 104,
    fields: [
      u32('type', 0),
      u32('id', 4),
      u32('key_size', 8),
      u32('value_size', 12),
      u32('max_entries', 16),
      u32('map_flags', 20),
      { name: 'name', off: 24, kind: 'name' },
      u32('ifindex', 40),
      u32('btf_vmlinux_value_type_id', 44),
      u64('netns_dev', 48),
      u64('netns_ino', 56),
      u32('btf_id', 64),
      u32('btf_key_type_id', 68),
      u32('btf_value_type_id', 72),
      u32('btf_vmlinux_id', 76),
      u64('map_extra', 80),
      ptr('hash', 88, 'hash_size', 1),
      u32('hash_size', 96),
    ],
  },
  btf: {
    size: 32,
    fields: [
      ptr('btf', 0, 'btf_size', 1),
      u32('btf_size', 8),
      u32('id', 12),
      ptr('name', 16, 'name_len', 1),
      u32('name_len', 24),
      u32('kernel_btf', 28),
    ],
  },
  ...LINK_INFO_LAYOUTS,
} as const satisfies Record<InfoKind, InfoLayout>;

/** Field values by name: numbers for u32 and bits, bigint for u64, text for names, bytes for tags. Pointers are left out. */
export type InfoValues = Record<string, number | bigint | string | Uint8Array>;

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Reads an info struct; fields beyond the end of `bytes` are left out. */
export function decodeInfo(kind: InfoKind, bytes: Uint8Array): InfoValues {
  const view = viewOf(bytes);
  const out: InfoValues = {};
  const fields: readonly InfoField[] = INFO_LAYOUTS[kind].fields;
  for (const f of fields) {
    if (f.off + fieldSize(f) > bytes.length) continue;
    if (f.kind === 'u32') out[f.name] = view.getUint32(f.off, true);
    else if (f.kind === 'bit') out[f.name] = (view.getUint32(f.off, true) >>> (f.size ?? 0)) & 1;
    else if (f.kind === 'u64') out[f.name] = view.getBigUint64(f.off, true);
    else if (f.kind === 'bytes') out[f.name] = bytes.slice(f.off, f.off + (f.size ?? 0));
    else if (f.kind === 'name') {
      const text = bytes.subarray(f.off, f.off + 16);
      const end = text.indexOf(0);
      out[f.name] = new TextDecoder().decode(end < 0 ? text : text.subarray(0, end));
    }
  }
  return out;
}

/** Writes an info struct of its full size; fields that `values` lacks are zero. Pointers keep what `bytes` holds. */
export function encodeInfo(
  kind: InfoKind,
  values: InfoValues,
  bytes = new Uint8Array(INFO_LAYOUTS[kind].size),
): Uint8Array {
  const view = viewOf(bytes);
  const fields: readonly InfoField[] = INFO_LAYOUTS[kind].fields;
  for (const f of fields) {
    if (f.kind === 'ptr') continue;
    const value = values[f.name] ?? 0;
    if (f.kind === 'u32') view.setUint32(f.off, Number(value), true);
    else if (f.kind === 'bit') view.setUint32(f.off, Number(value) << (f.size ?? 0), true);
    else if (f.kind === 'u64') view.setBigUint64(f.off, BigInt(value as bigint), true);
    else if (f.kind === 'bytes' && value instanceof Uint8Array) bytes.set(value.subarray(0, f.size), f.off);
    else if (f.kind === 'name' && typeof value === 'string') {
      bytes.fill(0, f.off, f.off + 16);
      bytes.set(new TextEncoder().encode(value).subarray(0, 15), f.off);
    }
  }
  return bytes;
}

function fieldSize(f: InfoField): number {
  if (f.kind === 'u64' || f.kind === 'ptr') return 8;
  if (f.kind === 'name') return 16;
  return f.kind === 'bytes' ? (f.size ?? 0) : 4;
}
