/** BTF whose size says little about the work that it asks for. */
import type { Rng } from '../differential/rng.ts';
import { RawBtf } from './writer.ts';

const K = {
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
} as const;
const MORE = {
  RESTRICT: 11,
  FUNC: 12,
  FUNC_PROTO: 13,
  VAR: 14,
  DATASEC: 15,
  FLOAT: 16,
  DECL_TAG: 17,
  TYPE_TAG: 18,
} as const;
const ENUM64 = 19;

/** Adds types to `b`, `room` bytes at most or a little more; gives the last id. */
type Attack = (b: RawBtf, rng: Rng, room: number) => number;

const SPECIAL = ['bpf_timer', 'bpf_spin_lock', 'bpf_list_head', 'bpf_list_node', 'bpf_rb_root', 'bpf_wq', 'x'];
const int = (b: RawBtf): number => b.type('int', K.INT, 0, 4, [0x01000020]);
const items = (n: number, each: (i: number) => readonly number[]): number[] => {
  const out: number[] = [];
  for (let i = 0; i < n; i++) for (const w of each(i)) out.push(w);
  return out;
};
const fit = (room: number, bytes: number, most = 0xffff): number =>
  Math.max(1, Math.min(most, Math.floor(room / bytes)));

export const ATTACKS: Readonly<Record<string, Attack>> = {
  /** Each struct holds the one before it many times. */
  nested(b, rng, room) {
    const width = rng.pick([1, 2, 3, 16, 150]);
    const named = rng.chance(50);
    const kind = rng.pick([K.STRUCT, K.UNION]);
    let id = b.type(rng.pick(SPECIAL), K.STRUCT, 0, rng.pick([0, 4, 16, 24]));
    for (let d = fit(room, 12 + 12 * width, rng.pick([6, 30, 70, 20_000])); d > 0; d--)
      id = b.type(
        named ? `s${d}` : '',
        kind,
        width,
        0,
        items(width, (i) => [named ? b.strings.at(`m${i}`) : 0, id, 0]),
      );
    return id;
  },
  /** One long chain of modifiers, typedefs, pointers or arrays, with types that ask for it from every place. */
  chain(b, rng, room) {
    let id = int(b);
    const kind = rng.pick([K.CONST, K.VOLATILE, K.TYPEDEF, K.PTR, K.ARRAY, MORE.TYPE_TAG, MORE.RESTRICT]);
    for (let n = fit(room / 2, kind === K.ARRAY ? 24 : 12, 200_000); n > 0; n--)
      id =
        kind === K.ARRAY
          ? b.type('', kind, 0, 0, [id, 1, rng.pick([0, 1, 1, 2])])
          : b.type(kind === K.TYPEDEF ? 't' : '', kind, 0, id);
    const width = fit(room / 2, 12);
    return b.type(
      'all',
      K.STRUCT,
      width,
      64,
      items(width, (i) => [b.strings.at('m'), id - (i % id), i * 8]),
    );
  },
  /** Prototypes of prototypes. */
  protos(b, rng, room) {
    const width = rng.pick([1, 2, 5, 1000]);
    let id = int(b);
    for (let n = fit(room, 12 + 8 * width, 50_000); n > 0; n--)
      id = b.type(
        '',
        MORE.FUNC_PROTO,
        width,
        id,
        items(width, () => [b.strings.at('a'), id]),
      );
    return id;
  },
  /** Many functions with one prototype of many arguments. */
  functions(b, rng, room) {
    const width = fit(room / 2, 8);
    const proto = b.type(
      '',
      MORE.FUNC_PROTO,
      width,
      int(b),
      items(width, () => [rng.chance(99) ? b.strings.at('a') : 0, 1]),
    );
    for (let n = fit(room / 2, 12, 1e6); n > 0; n--) b.type('f', MORE.FUNC, rng.pick([0, 1, 2]), proto);
    return b.count;
  },
  /** One variable in a section again and again. */
  datasec(b, rng, room) {
    const type = rng.chance(50) ? int(b) : ATTACKS['nested'](b, rng, room / 4);
    const variable = b.type('v', MORE.VAR, 0, type, [1]);
    const width = fit(room / 2, 12);
    return b.type(
      rng.pick(['.data', '.maps', '.kconfig', '.ksyms', '.bss', '.struct_ops']),
      MORE.DATASEC,
      width,
      rng.pick([0, 64, 1 << 30]),
      items(width, (i) => [variable, rng.pick([0, i]), rng.pick([4, 64, 1 << 30])]),
    );
  },
  /** Many tags on one type. */
  tags(b, rng, room) {
    const id = b.type('tagged', K.STRUCT, 1, 16, [b.strings.at('m'), int(b) + 1, 0]);
    for (let n = fit(room, 16, 1e6); n > 0; n--)
      b.type('contains:tagged:m', MORE.DECL_TAG, 0, id, [rng.pick([0, 0xffffffff])]);
    return id;
  },
  /** Enumerators whose names are one name. */
  enums(b, rng, room) {
    const width = fit(room, 12);
    const wide = rng.chance(50);
    return b.type(
      'e',
      wide ? ENUM64 : K.ENUM,
      width,
      rng.pick([4, 8, 1 << 30]),
      items(width, (i) => (wide ? [b.strings.at('E'), i, 0] : [b.strings.at('E'), i])),
    );
  },
  /** Sizes of a gigabyte. */
  wide(b, rng) {
    const id = b.type(
      'wide',
      rng.pick([K.INT, K.ENUM, MORE.FLOAT, K.STRUCT]),
      0,
      rng.pick([0x4c060000, 0xffffffff, 17, 0x1000001]),
      [],
    );
    if (b.words[b.words.length - 2] >>> 24 === K.INT) b.words.push(rng.pick([0, 0xff, 0x7f007f]));
    return b.type('', K.ARRAY, 0, 0, [id, id, rng.pick([0, 1, 1000, 0xffffffff])]);
  },
  /** Special fields in every struct. */
  fields(b, rng, room) {
    const special = SPECIAL.map((name) => b.type(name, K.STRUCT, 0, rng.pick([4, 16, 24, 32])));
    const width = rng.pick([1, 5, 12, 2000]);
    let id = special[0];
    for (let n = fit(room, 12 + 12 * width, 50_000); n > 0; n--)
      id = b.type(
        'h',
        K.STRUCT,
        width,
        32 * width,
        items(width, (i) => [b.strings.at('m'), rng.chance(90) ? rng.pick(special) : id, i * 256]),
      );
    return id;
  },
  /** All the same name. */
  same(b, rng, room) {
    const name = rng.pick(['x', 'x___1', 'bpf_timer', '.data', 'y'.repeat(500)]);
    for (let n = fit(room, 12, 1e6); n > 0; n--)
      b.type(name, rng.pick([K.FWD, K.STRUCT, K.TYPEDEF]), 0, rng.pick([0, 1]));
    return b.count;
  },
};

/** A BTF object of about `size` bytes, and what was done to it. */
export function attackBtf(rng: Rng, size: number): { bytes: Uint8Array; how: string; last: number } {
  const b = new RawBtf();
  const names = Object.keys(ATTACKS);
  const chosen = Array.from({ length: rng.between(1, 3) }, () => rng.pick(names));
  let last = 0;
  for (const name of chosen) last = ATTACKS[name](b, rng, size / chosen.length);
  if (!rng.chance(20)) return { bytes: b.bytes(), how: chosen.join('+'), last };
  // Names that are suffixes of one string.
  const length = Math.max(16, Math.floor(size / 2));
  const strings = new Uint8Array(b.strings.length + length).fill(0x61);
  strings.set(b.strings.bytes());
  strings[strings.length - 1] = 0;
  for (let at = 0, i = 0; i < fit(size / 2, 12, 100_000); i++, at++)
    last = b.type(b.strings.length + (at % (length - 1)), rng.pick([K.FWD, K.STRUCT]), 0, 0);
  return { bytes: b.bytes(strings), how: `${chosen.join('+')}+suffixes`, last };
}
