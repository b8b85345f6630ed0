/** The input of each case, made from its number alone: mostly small changes of a structure, a few of them large. */
import { readdirSync, readFileSync } from 'node:fs';
import { PcapWriter } from '../../../src/net/pcap.ts';
import { PcapngWriter } from '../../../src/net/pcapng.ts';
import { Rng } from '../differential/rng.ts';
import { attackBtf } from './attack-btf.ts';
import { attackCapture, attackObject } from './attack-object.ts';
import { attackAssembly, attackJson, attackKconfig } from './attack-text.ts';
import { type Base, mutate } from './mutate.ts';
import { btfTables, captureTables, codeTables, elfTables } from './tables.ts';

/** Who reads it: types as a program's and as a kernel's have readers of their own. */
export type Kind = 'object' | 'btf' | 'vmlinux' | 'capture' | 'json' | 'kconfig' | 'assembly' | 'code';

export interface Input {
  readonly kind: Kind;
  readonly bytes: Uint8Array;
  /** How it was made. */
  readonly how: string;
  /** Read by all its readers, the slow ones too: programs are loaded. */
  readonly deep: boolean;
}

/** Largest input. */
const MOST = 4 << 20;
/** One case in so many is larger than {@link MEDIUM}, one in so many larger than {@link SMALL}. */
const LARGE_ONE_IN = 1024;
const MEDIUM_ONE_IN = 64;
const [TINY, SMALL, MEDIUM] = [300, 3000, 64 << 10];
/** Cases that share the structures which were made for them. */
const EPOCH = 256;
/** One case in so many is read by the slow readers too. */
const DEEP_ONE_IN = 12;
/** Real objects larger than this are changed more rarely: each change copies them. */
const SMALL_OBJECT = 4 << 10;
const OBJECT_FOLDERS = [
  'test/fixtures/lib',
  'test/fixtures/objects',
  'test/fixtures/cli',
  'test/kernel/verifier',
  'bench/programs',
];
const KCONFIG = [
  'CONFIG_HZ',
  'CONFIG_BPF',
  'CONFIG_DEFAULT_HOSTNAME',
  'CONFIG_X86',
  'CONFIG_TRISTATE',
  'LINUX_KERNEL_VERSION',
];

type Made = Pick<Input, 'bytes' | 'how'>;
const encoder = new TextEncoder();

export class Inputs {
  readonly #small: Base[];
  readonly #large: Base[];
  readonly #captures: Base[];
  readonly #code: Base[];
  readonly #types: Base[];
  readonly #lines: readonly string[];
  #epoch = -1;
  #made: Readonly<Record<'object' | 'btf' | 'capture', readonly Base[]>> = { object: [], btf: [], capture: [] };

  /** @param typesOf the BTF of an object, where it has one */
  constructor(typesOf: (object: Uint8Array) => Uint8Array | undefined, lines: readonly string[]) {
    const objects = OBJECT_FOLDERS.flatMap(objectsIn);
    this.#small = objects.filter((b) => b.bytes.length <= SMALL_OBJECT);
    this.#large = objects.filter((b) => b.bytes.length > SMALL_OBJECT);
    this.#types = objects.flatMap(({ bytes, how }) => {
      const btf = typesOf(bytes);
      return btf === undefined ? [] : [{ bytes: btf, tables: btfTables(btf), how }];
    });
    this.#captures = [new PcapWriter(), new PcapngWriter()].map((writer) =>
      captureBase({ bytes: written(writer), how: 'capture' }),
    );
    this.#code = objects.flatMap(({ bytes, tables, how }) =>
      tables
        .filter((t) => t.name === 'instructions')
        .map((t) => bytes.slice(t.rows[0], t.rows[0] + 8 * t.rows.length))
        .map((code) => ({ bytes: code, tables: codeTables(code), how })),
    );
    this.#lines = lines;
  }

  /** The input of a case, the same one for the same seed. */
  make(seed: number, index: number): Input {
    this.#enter(seed, Math.floor(index / EPOCH));
    const rng = new Rng(Math.imul(seed, 0x9e3779b1) + Math.imul(index, 0x85ebca6b));
    const kind = rng.weighted<Kind>([
      [40, 'object'],
      [20, 'btf'],
      [10, 'vmlinux'],
      [10, 'capture'],
      [7, 'json'],
      [4, 'kconfig'],
      [4, 'assembly'],
      [5, 'code'],
    ]);
    const deep = index % DEEP_ONE_IN === 0;
    const large = index % LARGE_ONE_IN === LARGE_ONE_IN >> 1;
    if (large || index % MEDIUM_ONE_IN === MEDIUM_ONE_IN >> 1) return { ...this.#fresh(rng, kind, large), kind, deep };
    const { bytes, how } = this.#changed(rng, kind);
    return { kind, bytes, how, deep };
  }

  /** Makes the structures that the cases of an epoch change. */
  #enter(seed: number, epoch: number): void {
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    const rng = new Rng(Math.imul(seed, 0xc2b2ae35) + epoch);
    const some = (n: number, make: (size: number) => Base): Base[] =>
      Array.from({ length: n }, () => make(between(rng, TINY, SMALL)));
    this.#made = {
      object: some(6, (size) => objectBase(attackObject(rng, size))),
      btf: some(6, (size) => btfBase(attackBtf(rng, size))),
      capture: some(1, (size) => captureBase(attackCapture(rng, size))),
    };
  }

  /** A change of something small. */
  #changed(rng: Rng, kind: Kind): Made {
    const of = (bases: readonly Base[], word: string): Made => {
      const base = rng.pick(bases);
      return { bytes: mutate(rng, base), how: `${word} ${base.how}` };
    };
    const size = between(rng, TINY, SMALL);
    switch (kind) {
      case 'object':
        if (rng.chance(40)) return of(this.#made.object, 'changed');
        return of(rng.chance(8) ? this.#large : this.#small, 'changed real');
      case 'btf':
      case 'vmlinux':
        return rng.chance(60) ? of(this.#made.btf, 'changed') : of(this.#types, 'changed real');
      case 'capture':
        return of(rng.chance(40) ? this.#made.capture : this.#captures, 'changed');
      case 'code':
        return of(this.#code, 'changed real');
      default:
        return this.#text(rng, kind, size);
    }
  }

  /** Something made to cost more than its size says. */
  #fresh(rng: Rng, kind: Kind, large: boolean): Made {
    const size = large ? between(rng, MEDIUM, MOST * 0.9) : between(rng, SMALL, MEDIUM);
    const { bytes, how } = this.#attack(rng, kind, size);
    return { bytes: bytes.subarray(0, MOST), how: `${large ? 'large' : 'medium'} ${how}` };
  }

  #attack(rng: Rng, kind: Kind, size: number): Made {
    const changed = (base: Base): Made =>
      rng.chance(20) ? { bytes: mutate(rng, base), how: `changed ${base.how}` } : base;
    switch (kind) {
      case 'object':
        return changed(objectBase(attackObject(rng, size)));
      case 'btf':
      case 'vmlinux':
        return changed(btfBase(attackBtf(rng, size)));
      case 'capture':
        return changed(captureBase(attackCapture(rng, size)));
      case 'code':
        return { bytes: repeatedCode(rng, rng.pick(this.#code).bytes, Math.min(size, MEDIUM)), how: 'code' };
      default:
        return this.#text(rng, kind, size);
    }
  }

  #text(rng: Rng, kind: 'json' | 'kconfig' | 'assembly', size: number): Made {
    const text =
      kind === 'json'
        ? attackJson(rng, size)
        : kind === 'kconfig'
          ? attackKconfig(rng, size, KCONFIG)
          : attackAssembly(rng, size, this.#lines);
    return { bytes: encoder.encode(text), how: kind };
  }
}

/** A size whose logarithm is even. */
const between = (rng: Rng, least: number, most: number): number =>
  Math.floor(least * (most / least) ** (rng.below(1000) / 1000));

const objectBase = ({ bytes, how }: Made): Base => ({ bytes, how, tables: elfTables(bytes) });
const btfBase = ({ bytes, how }: Made): Base => ({ bytes, how, tables: btfTables(bytes) });
const captureBase = ({ bytes, how }: Made): Base => ({ bytes, how, tables: captureTables(bytes) });

function objectsIn(folder: string): Base[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.o'))
    .sort()
    .map((name) => objectBase({ bytes: new Uint8Array(readFileSync(`${folder}/${name}`)), how: name }));
}

/** A capture of a few packets. */
function written(writer: PcapWriter | PcapngWriter): Uint8Array {
  for (let i = 0; i < 20; i++) writer.write({ data: new Uint8Array(60 + i), seconds: i, nanoseconds: 0 });
  return writer.bytes();
}

function repeatedCode(rng: Rng, code: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size & ~7);
  for (let at = 0; at < out.length; at += code.length) out.set(code.subarray(0, out.length - at), at);
  for (let n = rng.below(20); n > 0; n--) out[rng.below(out.length)] = rng.below(256);
  return out;
}
