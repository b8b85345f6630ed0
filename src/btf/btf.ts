/** A parsed BTF object: lazily indexed types of a program, a module or a whole kernel. */
import type { BtfType } from './types.ts';

export declare class Btf {
  /** Parses and checks the header; types are decoded on first use. Throws FormatError('BTF', offset, ...). `base` makes it split BTF. */
  static parse(bytes: Uint8Array, base?: Btf): Btf;
  /** Number of types, void (id 0) included; ids of split BTF continue the base's. */
  readonly nrTypes: number;
  readonly bytes: Uint8Array;
  readonly base: Btf | undefined;
  /** The decoded type, or undefined beyond the end. Id 0 is void (kind UNKN). */
  type(id: number): BtfType | undefined;
  /** Kind without decoding the rest; 0 beyond the end. */
  kind(id: number): number;
  name(id: number): string;
  /** String at an offset of the string section. */
  str(off: number): string;
  /** First type of that name and kind, 0 when there is none (btf_find_by_name_kind). Does not build a full index for single questions on large BTF. */
  find(name: string, kind: number): number;
  /** Id after typedefs and modifiers (const, volatile, restrict, type tags) are skipped (btf_type_skip_modifiers). */
  skipModifiers(id: number): number;
  /** Size in bytes of a type, or -1 (btf_resolve_size). */
  sizeOf(id: number): number;
  /** Byte offset and size of a member path (`['rxq', 'dev']` follows embedded and anonymous members, not pointers), or undefined. */
  memberOffset(structId: number, path: string): { offset: number; size: number; type: number } | undefined;
  /** decl_tag values on a type, member or parameter (component -1: the type itself). */
  declTags(id: number, component: number): string[];
}
