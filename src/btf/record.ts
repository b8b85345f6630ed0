/** Special fields of a map value or allocated object, found by BTF (struct btf_record, btf_parse_fields). */

/** enum btf_field_type. */
export const BPF_SPIN_LOCK = 1 << 0;
export const BPF_TIMER = 1 << 1;
export const BPF_KPTR_UNREF = 1 << 2;
export const BPF_KPTR_REF = 1 << 3;
export const BPF_KPTR_PERCPU = 1 << 4;
export const BPF_LIST_HEAD = 1 << 5;
export const BPF_LIST_NODE = 1 << 6;
export const BPF_RB_ROOT = 1 << 7;
export const BPF_RB_NODE = 1 << 8;
export const BPF_REFCOUNT = 1 << 9;
export const BPF_WORKQUEUE = 1 << 10;
export const BPF_UPTR = 1 << 11;
export const BPF_RES_SPIN_LOCK = 1 << 12;
export const BPF_TASK_WORK = 1 << 13;

export interface BtfField {
  readonly type: number;
  /** Bytes from the start of the value. */
  readonly offset: number;
  readonly size: number;
  /** kptr: kernel BTF type id (in `btf` unless program-local); graph roots: value type id in the program's BTF. */
  readonly typeId?: number;
  readonly typeName?: string;
  /** Graph roots: offset of the node member in the contained type. */
  readonly nodeOffset?: number;
}
export interface BtfRecord {
  /** In order of offset. */
  readonly fields: readonly BtfField[];
  /** Union of the fields' types. */
  readonly mask: number;
  /** Offset of the one spin lock, timer and so on, or -1. */
  readonly spinLockOff: number;
  readonly resSpinLockOff: number;
  readonly timerOff: number;
  readonly wqOff: number;
  readonly taskWorkOff: number;
  readonly refcountOff: number;
}
