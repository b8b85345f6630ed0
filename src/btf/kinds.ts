/** Kinds of types in the kernel's words, and the families that checks tell apart. */
import type { Btf } from './btf.ts';
import { BTF_KIND } from './types.ts';

const KIND_NAMES = [
  'UNKNOWN',
  'INT',
  'PTR',
  'ARRAY',
  'STRUCT',
  'UNION',
  'ENUM',
  'FWD',
  'TYPEDEF',
  'VOLATILE',
  'CONST',
  'RESTRICT',
  'FUNC',
  'FUNC_PROTO',
  'VAR',
  'DATASEC',
  'FLOAT',
  'DECL_TAG',
  'TYPE_TAG',
  'ENUM64',
];

/** btf_type_str(). */
export const btfKindName = (btf: Btf, id: number): string => KIND_NAMES[btf.kind(id)] ?? 'UNKNOWN';

export const isStructKind = (kind: number): boolean => kind === BTF_KIND.STRUCT || kind === BTF_KIND.UNION;
export const isScalarKind = (kind: number): boolean =>
  kind === BTF_KIND.INT || kind === BTF_KIND.ENUM || kind === BTF_KIND.ENUM64;
