/** The log of the BTF checks, in the kernel's wording (btf_verifier_log_type and its relatives). */
import { ERRNO } from '../../uapi/errno.ts';
import type { BtfMember, BtfType, BtfVarSecinfo } from '../types.ts';
import { BTF_KIND } from '../types.ts';
import { BTF_KIND_NAME, intEncodingName } from '../format.ts';

/** Ends the checks with an errno; the log already says why. */
export class Refused extends Error {
  constructor(readonly errno: number) {
    super(`BTF refused: errno ${errno}`);
  }
}

export class CheckLog {
  readonly #lines: string[] = [];

  constructor(
    /** Whether types that are in order are logged too. */
    readonly verbose: boolean,
  ) {}

  text(): string {
    return this.#lines.join('');
  }

  line(text: string): void {
    this.#lines.push(`${text}\n`);
  }

  /** A line of a type that passed. */
  good(text: () => string): void {
    if (this.verbose) this.#lines.push(`${text()}\n`);
  }

  fail(text: string, errno: number = ERRNO.EINVAL): never {
    this.line(text);
    throw new Refused(errno);
  }

  /** Reasons that belong to no type, which the kernel writes without a line end. */
  failBare(text: string, errno: number = ERRNO.EINVAL): never {
    this.#lines.push(text);
    throw new Refused(errno);
  }

  failType(t: BtfType, why: string, errno: number = ERRNO.EINVAL): never {
    this.fail(`${typeLine(t)} ${why}`, errno);
  }
}

const NAME_OF_KIND = (kind: number): string =>
  kind === BTF_KIND.UNKN ? 'UNKNOWN' : (BTF_KIND_NAME[kind] ?? 'UNKNOWN');

/** Stands for a name that is given but empty; '' is no name. */
export const EMPTY_NAME = '\0';

const label = (name: string): string => (name === '' ? '(anon)' : name === EMPTY_NAME ? '' : name);

/** `[7] STRUCT foo` */
export const basicLine = (t: BtfType): string => `[${t.id}] ${NAME_OF_KIND(t.kind)} ${label(t.name)}`;

export function typeLine(t: BtfType): string {
  const detail = details(t);
  return detail === '' ? basicLine(t) : `${basicLine(t)} ${detail}`;
}

function details(t: BtfType): string {
  switch (t.kind) {
    case BTF_KIND.INT:
      return `size=${t.size} bits_offset=${t.int?.bitOffset} nr_bits=${t.int?.bits} encoding=${intEncodingName(t.int?.encoding ?? 0)}`;
    case BTF_KIND.ARRAY:
      return `type_id=${t.array?.elemType} index_type_id=${t.array?.indexType} nr_elems=${t.array?.nelems}`;
    case BTF_KIND.STRUCT:
    case BTF_KIND.UNION:
    case BTF_KIND.ENUM:
    case BTF_KIND.ENUM64:
    case BTF_KIND.DATASEC:
      return `size=${t.size} vlen=${t.vlen}`;
    case BTF_KIND.FWD:
      return t.kindFlag ? 'union' : 'struct';
    case BTF_KIND.FUNC_PROTO:
      return `return=${t.type} args=(${args(t)})`;
    case BTF_KIND.VAR:
      return `type_id=${t.type} linkage=${t.linkage}`;
    case BTF_KIND.FLOAT:
      return `size=${t.size}`;
    case BTF_KIND.DECL_TAG:
      return `type=${t.type} component_idx=${t.componentIdx}`;
    default:
      return `type_id=${t.type}`;
  }
}

function args(t: BtfType): string {
  if (t.vlen === 0) return 'void';
  return t.params
    .map((p, i) => (i === t.vlen - 1 && p.type === 0 ? 'vararg' : `${p.type} ${label(p.name)}`))
    .join(', ');
}

export function memberLine(t: BtfType, m: BtfMember): string {
  const bits = t.kindFlag ? `bitfield_size=${m.bitfieldSize} ` : '';
  return `\t${label(m.name)} type_id=${m.type} ${bits}bits_offset=${m.bitOffset}`;
}

export const varLine = (v: BtfVarSecinfo): string => `\t type_id=${v.type} offset=${v.offset} size=${v.size}`;
