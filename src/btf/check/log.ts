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

/** What is kept of a log: so many bytes of its end, or of its beginning. All of it by default. */
export interface LogRoom {
  readonly bytes: number;
  readonly from: 'start' | 'end';
}

/** Dropped lines are cleared away when there are as many. */
const DROPPED_MAX = 1024;

/** Keeps no more lines than its room needs: a log is many times as long as the types that it tells of. */
export class CheckLog {
  readonly #lines: string[] = [];
  /** Lines before this one were dropped. */
  #first = 0;
  /** Bytes of the lines that are kept. */
  #kept = 0;
  #bytes = 0;
  readonly #room: LogRoom;

  constructor(
    /** Whether types that are in order are logged too. */
    readonly verbose: boolean,
    room: LogRoom = { bytes: Number.POSITIVE_INFINITY, from: 'end' },
  ) {
    this.#room = room;
  }

  /** Bytes of the whole log. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What is kept of it, in whole lines. */
  text(): string {
    return this.#lines.slice(this.#first).join('');
  }

  #add(text: string): void {
    const size = utf8Length(text);
    this.#bytes += size;
    const { bytes, from } = this.#room;
    if (from === 'start' && this.#kept >= bytes) return;
    this.#lines.push(text);
    this.#kept += size;
    if (from === 'start') return;
    while (this.#first < this.#lines.length) {
      const first = utf8Length(this.#lines[this.#first]);
      if (this.#kept - first < bytes) break;
      this.#kept -= first;
      this.#first++;
    }
    if (this.#first < DROPPED_MAX) return;
    this.#lines.splice(0, this.#first);
    this.#first = 0;
  }

  /** Text without a line end. */
  note(text: string): void {
    this.#add(text);
  }

  line(text: string): void {
    this.#add(`${text}\n`);
  }

  /** A line of a type that passed. */
  good(text: () => string): void {
    if (this.verbose) this.#add(`${text()}\n`);
  }

  fail(text: string, errno: number = ERRNO.EINVAL): never {
    this.line(text);
    throw new Refused(errno);
  }

  /** Reasons that belong to no type, which the kernel writes without a line end. */
  failBare(text: string, errno: number = ERRNO.EINVAL): never {
    this.note(text);
    throw new Refused(errno);
  }

  failType(t: BtfType, why: string, errno: number = ERRNO.EINVAL): never {
    this.fail(`${typeLine(t)} ${why}`, errno);
  }
}

const ASCII = /^[\0-\x7f]*$/;
const utf8Length = (text: string): number => (ASCII.test(text) ? text.length : new TextEncoder().encode(text).length);

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
