/** Each type by itself: size, kind, name, flags and the fields that need no other type (btf_check_all_metas). */
import { ERRNO } from '../../uapi/errno.ts';
import { readCString } from '../btf.ts';
import { BTF_VOID, decodeType } from '../decode.ts';
import { BTF_KIND_WORDS, BTF_MAX_NAME_OFFSET, BTF_MAX_TYPE } from '../header.ts';
import { BTF_INT_BOOL, BTF_INT_CHAR, BTF_INT_SIGNED, BTF_KIND, BTF_LINKAGE, type BtfType } from '../types.ts';
import { basicLine, type CheckLog, EMPTY_NAME, memberLine, typeLine, varLine } from './log.ts';

/** Characters of a name that are looked at: more than a line of the log shows. */
const MAX_TEXT = 1024;
/** KSYM_NAME_LEN */
const MAX_NAME = 512;

const validId = (id: number): boolean => id <= BTF_MAX_TYPE;

/** A C identifier, dots allowed. */
const isIdentifier = (name: string): boolean => name.length < MAX_NAME && /^[A-Za-z_.][A-Za-z0-9_.]*$/.test(name);
/** Any printable text: names of sections. */
const isSection = (name: string): boolean => name.length < MAX_NAME && /^[\x20-\x7e]+$/.test(name);

interface Meta {
  readonly t: BtfType;
  readonly log: CheckLog;
  /** Words of the type, and the int's data or similar. */
  readonly words: Uint32Array;
  readonly validOff: (off: number) => boolean;
}

/** Walks the type section; every type must be in order by itself. Returns the types by id. */
export function checkMetas(bytes: Uint8Array, words: Uint32Array, log: CheckLog): BtfType[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const strStart = view.getUint32(4, true) + view.getUint32(16, true);
  const strLength = view.getUint32(20, true);
  const validOff = (off: number): boolean => off < strLength && off <= BTF_MAX_NAME_OFFSET;
  const texts = new Map<number, string>();
  let left = 8 * bytes.length + MAX_TEXT;
  const str = (off: number): string => {
    if (off === 0) return '';
    if (!validOff(off)) return '(invalid-name-offset)';
    let text = texts.get(off);
    if (text === undefined) {
      const start = strStart + off;
      text = readCString(bytes.subarray(start, start + MAX_TEXT), 0) || EMPTY_NAME;
      if ((left -= text.length) < 0)
        log.failBare(`Names repeat or overlap: they come to more than ${8 * bytes.length} bytes`, ERRNO.ENOMEM);
      texts.set(off, text);
    }
    return text;
  };
  const types: BtfType[] = [BTF_VOID];
  let at = 0;
  for (let id = 1; at < words.length; id++) {
    const left = (words.length - at) * 4;
    if (left < 12) log.failBare(`[${id}] meta_left:${left} meta_needed:12`);
    const info = words[at + 1];
    if (info & ~0x9f00ffff) log.failBare(`[${id}] Invalid btf_info:${info.toString(16)}`);
    const kind = (info >>> 24) & 0x1f;
    if (kind > BTF_KIND.ENUM64 || kind === 0) log.failBare(`[${id}] Invalid kind:${kind}`);
    if (!validOff(words[at])) log.failBare(`[${id}] Invalid name_offset:${words[at]}`);
    const [fixed, perItem] = BTF_KIND_WORDS[kind];
    const needed = (fixed + perItem * (info & 0xffff)) * 4;
    if (needed > left - 12) {
      const head = { id, kind, name: str(words[at]) } as BtfType;
      log.fail(`${basicLine(head)} meta_left:${left - 12} meta_needed:${needed}`);
    }
    if (id > BTF_MAX_TYPE) log.failBare('Too many BTF types', ERRNO.E2BIG);
    const end = at + 3 + needed / 4;
    const t = decodeType(words, at, id, str);
    checkOne({ t, log, words: words.subarray(at, end), validOff });
    types.push(t);
    at = end;
  }
  return types;
}

/** The name of a type that only refers to another. */
function validRefName({ t, words }: Meta): boolean {
  if (t.kind === BTF_KIND.TYPEDEF) return isIdentifier(t.name);
  return t.kind === BTF_KIND.TYPE_TAG ? t.name !== '' && t.name !== EMPTY_NAME : words[0] === 0;
}

function checkOne(m: Meta): void {
  switch (m.t.kind) {
    case BTF_KIND.STRUCT:
    case BTF_KIND.UNION:
      return checkStruct(m);
    case BTF_KIND.ENUM:
    case BTF_KIND.ENUM64:
      return checkEnum(m);
    case BTF_KIND.DATASEC:
      return checkDatasec(m);
    default:
      checkPlain(m);
      m.log.good(() => typeLine(m.t));
  }
}

/** A type that is not void. */
const validPart = (id = 0): boolean => id !== 0 && validId(id);

/** Types without members, enumerators or variables. */
function checkPlain(m: Meta): void {
  const { t, log } = m;
  const no = (bad: boolean, why: string): void => {
    if (bad) log.failType(t, why);
  };
  const plain = (kindFlag = true): void => {
    no(t.vlen !== 0, 'vlen != 0');
    no(kindFlag && t.kindFlag, 'Invalid btf_info kind_flag');
  };
  switch (t.kind) {
    case BTF_KIND.INT:
      plain();
      return checkInt(m);
    case BTF_KIND.PTR:
    case BTF_KIND.TYPEDEF:
    case BTF_KIND.VOLATILE:
    case BTF_KIND.CONST:
    case BTF_KIND.RESTRICT:
    case BTF_KIND.TYPE_TAG:
      plain(t.kind !== BTF_KIND.TYPE_TAG);
      no(!validId(t.type), 'Invalid type_id');
      no(!validRefName(m), 'Invalid name');
      break;
    case BTF_KIND.FWD:
      no(t.vlen !== 0, 'vlen != 0');
      no(t.type !== 0, 'type != 0');
      no(!isIdentifier(t.name), 'Invalid name');
      break;
    case BTF_KIND.ARRAY:
      no(m.words[0] !== 0, 'Invalid name');
      plain();
      no(m.words[2] !== 0, 'size != 0');
      no(!validPart(t.array?.elemType), 'Invalid elem');
      no(!validPart(t.array?.indexType), 'Invalid index');
      break;
    case BTF_KIND.FUNC_PROTO:
      no(m.words[0] !== 0, 'Invalid name');
      return no(t.kindFlag, 'Invalid btf_info kind_flag');
    case BTF_KIND.FUNC:
      no(!isIdentifier(t.name), 'Invalid name');
      no(t.linkage > BTF_LINKAGE.GLOBAL, 'Invalid func linkage');
      return no(t.kindFlag, 'Invalid btf_info kind_flag');
    case BTF_KIND.VAR:
      plain();
      no(!isIdentifier(t.name), 'Invalid name');
      no(!validPart(t.type), 'Invalid type_id');
      no(t.linkage > BTF_LINKAGE.GLOBAL, 'Linkage not supported');
      break;
    case BTF_KIND.FLOAT:
      plain();
      no(![2, 4, 8, 12, 16].includes(t.size), 'Invalid type_size');
      break;
    case BTF_KIND.DECL_TAG:
      no(t.name === '' || t.name === EMPTY_NAME, 'Invalid value');
      plain(false);
      return no(t.componentIdx < -1, 'Invalid component_idx');
    default:
      break;
  }
}

function checkInt({ t, log, words }: Meta): void {
  const data = words[3];
  if (data & ~0x0fffffff) log.fail(`${basicLine(t)} Invalid int_data:${data.toString(16)}`);
  const { encoding, bitOffset, bits } = t.int as NonNullable<BtfType['int']>;
  if (bits + bitOffset > 128) log.failType(t, 'nr_bits exceeds 128');
  if (Math.ceil((bits + bitOffset) / 8) > t.size) log.failType(t, 'nr_bits exceeds type_size');
  if (![0, BTF_INT_SIGNED, BTF_INT_CHAR, BTF_INT_BOOL].includes(encoding))
    log.failType(t, 'Unsupported encoding', ERRNO.ENOTSUPP);
}

function checkStruct({ t, log, words, validOff }: Meta): void {
  if (words[0] !== 0 && !isIdentifier(t.name)) log.failType(t, 'Invalid name');
  log.good(() => typeLine(t));
  let last = 0;
  t.members.forEach((m, i) => {
    const nameOff = words[3 + i * 3];
    const no = (bad: boolean, why: string): void => {
      if (bad) log.fail(`${memberLine(t, m)} ${why}`);
    };
    no(!validOff(nameOff), `Invalid member name_offset:${nameOff}`);
    no(nameOff !== 0 && !isIdentifier(m.name), 'Invalid name');
    no(m.type === 0 || !validId(m.type), 'Invalid type_id');
    no(t.kind === BTF_KIND.UNION && m.bitOffset !== 0, 'Invalid member bits_offset');
    // Out of order, as the verifier's search relies on it.
    no(last > m.bitOffset, 'Invalid member bits_offset');
    no(Math.ceil(m.bitOffset / 8) > t.size, 'Member bits_offset exceeds its struct size');
    log.good(() => memberLine(t, m));
    last = m.bitOffset;
  });
}

function checkEnum({ t, log, words, validOff }: Meta): void {
  if (t.size > 8 || t.size === 0 || (t.size & (t.size - 1)) !== 0) log.failType(t, 'Unexpected size');
  if (words[0] !== 0 && !isIdentifier(t.name)) log.failType(t, 'Invalid name');
  log.good(() => typeLine(t));
  const stride = t.kind === BTF_KIND.ENUM64 ? 3 : 2;
  t.values.forEach((v, i) => {
    const nameOff = words[3 + i * stride];
    if (!validOff(nameOff)) log.failBare(`\tInvalid name_offset:${nameOff}`);
    if (nameOff === 0 || !isIdentifier(v.name)) log.failType(t, 'Invalid name');
    log.good(() => `\t${v.name} val=${v.value}`);
  });
}

function checkDatasec({ t, log }: Meta): void {
  if (t.size === 0) log.failType(t, 'size == 0');
  if (t.kindFlag) log.failType(t, 'Invalid btf_info kind_flag');
  if (!isSection(t.name)) log.failType(t, 'Invalid name');
  log.good(() => typeLine(t));
  let end = 0;
  let sum = 0;
  for (const v of t.vars) {
    const no = (bad: boolean, why: string): void => {
      if (bad) log.fail(`${varLine(v)} ${why}`);
    };
    no(v.type === 0 || !validId(v.type), 'Invalid type_id');
    no(v.offset < end || v.offset >= t.size, 'Invalid offset');
    no(v.size === 0 || v.size > t.size, 'Invalid size');
    end = v.offset + v.size;
    no(end > t.size, 'Invalid offset+size');
    log.good(() => varLine(v));
    sum += v.size;
  }
  if (t.size < sum) log.failType(t, 'Invalid btf_info size');
}
