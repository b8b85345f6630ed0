/** bpf_strtol and bpf_strtoul of the core against a model on BigInt, over texts that look like numbers. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { setupMaps } from '../../maps/setup.ts';

const env = setupMaps();
const { mem } = env;
const at = env.allocator.alloc(256, 8);
const res = at + 128;
type Parse = (buf: number, len: number, flags: number, flagsHigh: number, res: number) => number;
const core = env.core as unknown as { strtol: Parse; strtoul: Parse };

const EINVAL = -22;
const ERANGE = -34;
const DIGITS = '0123456789abcdef';

/** Characters read and the value, or -errno. */
function model(text: string, base: number, signed: boolean): [number, bigint] | number {
  const [, spaces, minus, rest] = /^([ \t\n\v\f\r\u00a0]*)(-?)([^]*)$/.exec(text) as unknown as string[];
  if (rest === '') return EINVAL;
  const body = rest.slice(0, 63).toLowerCase();
  const hex = body.startsWith('0x');
  let radix = base;
  if (base === 0) radix = /^0x[0-9a-f]/.test(body) ? 16 : body[0] === '0' ? 8 : 10;
  const skip = hex && radix === 16 ? 2 : 0;
  let value = 0n;
  let n = skip;
  while (n < body.length && DIGITS.indexOf(body[n]) >= 0 && DIGITS.indexOf(body[n]) < radix)
    value = value * BigInt(radix) + BigInt(DIGITS.indexOf(body[n++]));
  if (value >= 1n << 64n) return ERANGE;
  if (n === skip) return EINVAL;
  if (!signed && minus) return EINVAL;
  if (signed && (minus ? value > 1n << 63n : value >= 1n << 63n)) return ERANGE;
  return [spaces.length + minus.length + n, BigInt.asUintN(64, minus ? -value : value)];
}

const character = fc.constantFrom(...Array.from('01234567890123456789'), 'a', 'F', 'x', 'g', '-', ' ', '\0', '\u00a0');
const text = fc.oneof(
  fc.array(character, { maxLength: 80 }).map((list) => list.join('')),
  fc.bigInt({ min: -(1n << 66n), max: 1n << 66n }).map(String),
  fc.bigInt({ min: (1n << 64n) - 12n, max: (1n << 64n) + 12n }).map(String),
  fc.bigInt({ min: (1n << 63n) - 3n, max: (1n << 63n) + 3n }).map((n) => `-${n}`),
  fc.bigInt({ min: 0n, max: 1n << 66n }).map((n) => `0x${n.toString(16)}`),
  fc.bigInt({ min: 0n, max: 1n << 66n }).map((n) => `0${n.toString(8)}`),
);

test('as the model', () => {
  let numbers = 0;
  fc.assert(
    fc.property(text, fc.constantFrom(0, 8, 10, 16), fc.boolean(), (t, base, signed) => {
      for (let i = 0; i < t.length; i++) mem.u8[at + i] = t.charCodeAt(i);
      mem.view.setBigUint64(res, 77n, true);
      const got = (signed ? core.strtol : core.strtoul)(at, t.length, base, 0, res);
      const want = model(t, base, signed);
      // What an error leaves is 0.
      if (typeof want === 'number') expect([got, mem.view.getBigUint64(res, true)]).toEqual([want, 0n]);
      else {
        numbers++;
        expect([got, mem.view.getBigUint64(res, true)]).toEqual(want);
      }
    }),
    { numRuns: 3000 },
  );
  expect(numbers).toBeGreaterThan(500);
});

test('bases and flags that there are not', () => {
  mem.u8[at] = 49;
  for (const flags of [1, 2, 7, 17, 32, -1]) expect(core.strtol(at, 1, flags, 0, res)).toBe(EINVAL);
  expect(core.strtol(at, 1, 10, 1, res)).toBe(EINVAL);
  expect(core.strtoul(at, 0, 10, 0, res)).toBe(EINVAL);
});
