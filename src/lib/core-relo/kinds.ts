/** The relocation kinds of CO-RE (enum bpf_core_relo_kind) and one record of .BTF.ext (struct bpf_core_relo). */

export const BPF_CORE_RELO_KIND = {
  FIELD_BYTE_OFFSET: 0,
  FIELD_BYTE_SIZE: 1,
  FIELD_EXISTS: 2,
  FIELD_SIGNED: 3,
  FIELD_LSHIFT_U64: 4,
  FIELD_RSHIFT_U64: 5,
  TYPE_ID_LOCAL: 6,
  TYPE_ID_TARGET: 7,
  TYPE_EXISTS: 8,
  TYPE_SIZE: 9,
  ENUMVAL_EXISTS: 10,
  ENUMVAL_VALUE: 11,
  TYPE_MATCHES: 12,
} as const;

/** One relocation; `insn` counts from the function's start. */
export interface CoreRelo {
  readonly insn: number;
  /** Root type in the object's BTF. */
  readonly typeId: number;
  /** Access path: `0:1:2`. */
  readonly access: string;
  readonly kind: number;
}
