/** BTF kinds and the decoded form of one type (Documentation/bpf/btf.rst, include/uapi/linux/btf.h). */

export const BTF_KIND = {
  UNKN: 0,
  INT: 1,
  PTR: 2,
  ARRAY: 3,
  STRUCT: 4,
  UNION: 5,
  ENUM: 6,
  FWD: 7,
  TYPEDEF: 8,
  VOLATILE: 9,
  CONST: 10,
  RESTRICT: 11,
  FUNC: 12,
  FUNC_PROTO: 13,
  VAR: 14,
  DATASEC: 15,
  FLOAT: 16,
  DECL_TAG: 17,
  TYPE_TAG: 18,
  ENUM64: 19,
} as const;
export type BtfKind = (typeof BTF_KIND)[keyof typeof BTF_KIND];

export const BTF_INT_SIGNED = 1;
export const BTF_INT_CHAR = 2;
export const BTF_INT_BOOL = 4;

/** Linkage of FUNC and VAR types. */
export const BTF_LINKAGE = { STATIC: 0, GLOBAL: 1, EXTERN: 2 } as const;

export interface BtfMember {
  readonly name: string;
  readonly type: number;
  /** Offset from the start of the struct or union, in bits. */
  readonly bitOffset: number;
  /** Width in bits of a bit field, 0 of an ordinary member. */
  readonly bitfieldSize: number;
}
export interface BtfParam {
  readonly name: string;
  readonly type: number;
}
export interface BtfEnumValue {
  readonly name: string;
  readonly value: bigint;
}
export interface BtfVarSecinfo {
  readonly type: number;
  /** Offset in the section, bytes. */
  readonly offset: number;
  readonly size: number;
}

/** One type, decoded. Columns that a kind does not have are 0, '' or empty. */
export interface BtfType {
  readonly id: number;
  readonly kind: BtfKind;
  readonly name: string;
  readonly kindFlag: boolean;
  readonly vlen: number;
  /** Bytes, for INT, STRUCT, UNION, ENUM, DATASEC, FLOAT, ENUM64. */
  readonly size: number;
  /** Referenced type id, for PTR, TYPEDEF, modifiers, FUNC, FUNC_PROTO (return type), VAR, DECL_TAG, TYPE_TAG. */
  readonly type: number;
  readonly members: readonly BtfMember[];
  readonly params: readonly BtfParam[];
  readonly values: readonly BtfEnumValue[];
  readonly vars: readonly BtfVarSecinfo[];
  readonly array?: { readonly elemType: number; readonly indexType: number; readonly nelems: number };
  readonly int?: { readonly encoding: number; readonly bitOffset: number; readonly bits: number };
  /** BTF_LINKAGE of FUNC and VAR. */
  readonly linkage: number;
  /** DECL_TAG: member or parameter index, -1 for the type itself. */
  readonly componentIdx: number;
}
