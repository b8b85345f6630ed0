/** Context layouts as data: where each field of a context struct lies and which accesses its kind allows. */

/**
 * Which sizes an access may have (offsets are always multiples of the size):
 * - `exact`: one whole element at its start;
 * - `narrow`: an element or any power-of-two part of it (bpf_ctx_narrow_access_ok);
 * - `prefix`: an element or a power-of-two part of it, at its start only;
 * - `wide`: as narrow, and also 8 bytes of 4-byte elements at a multiple of 8 (bpf_ctx_wide_access_ok);
 * - `pair`: one whole element, or two as 8 bytes at a multiple of 8;
 * - `any`: 1, 2, 4 or 8 bytes anywhere inside the field.
 */
export type CtxRule = 'exact' | 'narrow' | 'prefix' | 'wide' | 'pair' | 'any';

export interface CtxField {
  /** Byte offset in the UAPI struct. */
  readonly off: number;
  /** Bytes of the whole field, arrays included. */
  readonly size: number;
  /** Bytes of one element; the size when left out. */
  readonly unit?: number;
  /** Default `narrow`. */
  readonly read?: CtxRule;
  /** Default `exact`. */
  readonly write?: CtxRule;
  /** Smallest access, when parts smaller than this are refused. */
  readonly min?: number;
  /** Register type of a load; SCALAR_VALUE when left out. */
  readonly reg?: number;
  /** Kernel struct of a PTR_TO_BTF_ID. */
  readonly btf?: string;
  /** Sign-extending loads are refused. */
  readonly noSext?: boolean;
}

export interface CtxStruct {
  readonly name: string;
  readonly size: number;
  readonly fields: Readonly<Record<string, CtxField>>;
}

/** When a program may touch a field at all; every column that is there must hold. */
export interface CtxGrant {
  readonly attach?: readonly number[];
  readonly cap?: 'bpf' | 'perfmon' | 'netAdmin';
}

/** How one program type uses a context struct. A field that is not named is refused. */
export interface CtxUse {
  readonly struct: CtxStruct;
  readonly read: Readonly<Record<string, true | CtxGrant>>;
  readonly write?: Readonly<Record<string, true | CtxGrant>>;
  /** Whether accesses are rewritten to kernel structs (convert_ctx_access). */
  readonly convert: boolean;
}
