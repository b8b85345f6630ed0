/** Values for fields of attributes: such as fit them, and everything that JavaScript has beside them. */
import type { AttrField } from '../../../src/uapi/attr/layout.ts';
import type { Rng } from '../differential/rng.ts';

const NUMBERS: readonly number[] = [
  0,
  1,
  2,
  3,
  4,
  5,
  6,
  7,
  8,
  13,
  14,
  16,
  17,
  21,
  24,
  29,
  32,
  64,
  80,
  127,
  255,
  1 << 16,
];
const EDGES: readonly number[] = [0x7fff_ffff, 0x8000_0000, 0xffff_ffff, -1, -0x8000_0000, 4096, 65536, 1 << 22];
const WIDE: readonly bigint[] = [0n, 1n, 2n, 3n, 4n, 8n, 1n << 32n, 1n << 63n, (1n << 64n) - 1n, -1n];
const NAMES: readonly string[] = [
  '',
  'a',
  'map_1',
  'a b',
  'fifteen_bytes_x',
  'sixteen_bytes_xx',
  '\ud800',
  'a\0b',
  'å',
];
const LICENSES: readonly string[] = ['GPL', '', 'Proprietary', 'x'.repeat(200), 'GPL\0x', '\udfff'];

const insns = (...words: readonly number[]): Uint8Array => new Uint8Array(Int32Array.from(words).buffer);
export const RETURN_0 = insns(0xb7, 0, 0x95, 0);
const PROGRAMS: readonly Uint8Array[] = [
  RETURN_0,
  insns(0xb7, 2, 0x95, 0),
  insns(0x61, 0, 0x95, 0),
  // r0 = map 3; exit: whether 3 is a map is chance.
  insns(0x1118, 3, 0, 0, 0xb7, 0, 0x95, 0),
  insns(0x85, 5, 0x95, 0),
  insns(0xff, 0),
];
export const BTF_OF_INT = new Uint8Array(
  Uint32Array.of(0x1eb9f, 24, 0, 16, 16, 3, 1, 1 << 24, 4, 32, 0x6100).buffer,
).slice(0, 43);

/** Sizes that make maps, more often than not. */
const SIZES = new Set(['key_size', 'value_size', 'max_entries']);
const SIZE_VALUES: readonly number[] = [0, 1, 4, 4, 4, 5, 8, 8, 16, 32, 80, 260, 4096];

/** A value of the field's own type. */
export function fitting(field: AttrField, rng: Rng, fds: readonly number[]): unknown {
  const { name, kind } = field;
  if (kind === 'name') return rng.pick(NAMES);
  if (kind === 'cstr') return rng.pick(LICENSES);
  if (kind === 'u64') return rng.pick(WIDE);
  if (kind === 'buf' || kind === 'log') return bytesFor(name, rng, fds);
  // A run is as long as its repeats, which the caller asks for.
  if (name === 'repeat' || name === 'batch_size') return rng.below(4);
  if (name.endsWith('_fd')) return fds.length > 0 && rng.chance(90) ? rng.pick(fds) : rng.below(9) - 1;
  if (SIZES.has(name) && rng.chance(90)) return rng.pick(SIZE_VALUES);
  if (name === 'map_type' || name === 'prog_type') return rng.below(36);
  if (name === 'map_flags' || name === 'prog_flags') return rng.chance(70) ? 0 : 1 << rng.below(20);
  return rng.chance(70) ? rng.pick(NUMBERS) : rng.pick(EDGES);
}

function bytesFor(name: string, rng: Rng, fds: readonly number[]): Uint8Array {
  // A copy each: some cases take the memory away.
  if (name === 'insns' && rng.chance(90)) return rng.pick(PROGRAMS).slice();
  if (name === 'btf' && rng.chance(80)) return BTF_OF_INT.slice();
  if (name === 'value' || name === 'values' || name === 'next_key' || name === 'out_batch')
    return new Uint8Array(rng.pick([4, 8, 64, 400]));
  if (name === 'excl_prog_hash') return new Uint8Array(rng.pick([0, 32, 33]));
  if (name === 'key' || name === 'keys' || name === 'in_batch')
    return new Uint8Array(rng.pick([0, 1, 4, 4, 4, 8, 16])).fill(rng.below(5));
  const out = new Uint8Array(rng.pick([0, 1, 4, 8, 16, 24, 64, 80, 104, 192, 232, 300, 4096, 5000]));
  if (rng.chance(50)) for (let i = 0; i < Math.min(out.length, 64); i++) out[i] = rng.u32();
  if (fds.length > 0 && out.length >= 4 && rng.chance(50)) new DataView(out.buffer).setUint32(0, rng.pick(fds), true);
  return out;
}

class Hostile extends Uint8Array {
  override get length(): number {
    throw new Error('length');
  }
  override subarray(): never {
    throw new Error('subarray');
  }
  override set(): never {
    throw new Error('set');
  }
}
function detached(): Uint8Array {
  const bytes = new Uint8Array(8);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}
function shrunk(): Uint8Array {
  const make = ArrayBuffer as unknown as new (
    length: number,
    options: object,
  ) => ArrayBuffer & { resize(n: number): void };
  const buffer = new make(64, { maxByteLength: 64 });
  const bytes = new Uint8Array(buffer, 32, 8);
  buffer.resize(16);
  return bytes;
}
function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
const throws = (): never => {
  throw new RangeError('a value of the caller');
};

/** Makers of what belongs in no field. */
const STRANGE: readonly (() => unknown)[] = [
  () => Number.NaN,
  () => Number.POSITIVE_INFINITY,
  () => 0.5,
  () => 1e300,
  () => -0,
  () => 2 ** 40,
  () => -(2 ** 40),
  () => 2n ** 80n,
  () => -(2n ** 80n),
  () => 5n,
  () => '5',
  () => '',
  () => 'constructor',
  () => true,
  () => null,
  () => undefined,
  () => Symbol('field'),
  () => ({}),
  () => [],
  () => [1, 2, 3],
  () => throws,
  () => new Date(0),
  () => new Map(),
  () => detached(),
  () => shrunk(),
  () => new Hostile(8),
  () => new Uint16Array(8),
  () => new Float64Array(8),
  () => new DataView(new ArrayBuffer(8)),
  () => new ArrayBuffer(8),
  () => new Uint8Array(new SharedArrayBuffer(8)),
  () => Object.create(Uint8Array.prototype) as object,
  () => revoked(),
  () => new Proxy(new Uint8Array(8), {}),
  () => ({ length: 8, buffer: new ArrayBuffer(8), byteOffset: 0 }),
  () => ({ [Symbol.toPrimitive]: throws, valueOf: throws, toString: throws }),
  () => Object.freeze({ map_fd: 3 }),
];
export const strange = (rng: Rng): unknown => rng.pick(STRANGE)();

/** What is no command. */
export const NO_COMMANDS: readonly unknown[] = [
  ...['constructor', '__proto__', 'toString', 'hasOwnProperty', '0', '5', ''],
  ...[-1, 0.5, Number.NaN, 38, 39, 2 ** 32, 5n, null, undefined, true, Symbol.iterator, {}, [], [5], throws],
];
