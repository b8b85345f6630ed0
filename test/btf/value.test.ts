/** Values by type: decoded, encoded, printed as bpftool prints them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { Btf } from '../../src/btf/btf.ts';
import { BtfBuilder } from '../../src/btf/encode.ts';
import { printValue } from '../../src/btf/print-value.ts';
import { BTF_KIND } from '../../src/btf/types.ts';
import { type BtfInput, decodeValue, encodeValue } from '../../src/btf/value.ts';
import { BPF_CMD } from '../../src/uapi/cmd.ts';
import { FormatError } from '../../src/util/errors.ts';
import { kernelAbsent, liveKernel } from '../host/live-kernel.ts';
import { fixture, fixtureText } from '../lib/fixture.ts';

const kernel = await liveKernel();
const bpftool = kernel !== undefined && spawnSync('bpftool', ['version']).status === 0;
if (!bpftool) console.log(`1 comparison with bpftool skipped: ${kernelAbsent || 'no bpftool'}`);
afterAll(() => kernel?.[Symbol.dispose]());

const btf = fixture('values.o').btf!;
const all = btf.find('all', BTF_KIND.STRUCT);
const value: { [member: string]: BtfInput } = {
  name: 'skep "quoted"',
  raw: [1, -2, 65, 127],
  octets: [1, 2, 3, 250, 0, 255],
  yes: true,
  mode: 'MODE_C',
  wide: 'WIDE',
  tiny: 1,
  big: 0xfedcba9876543210n,
  negative: -0x7fffffffffffffffn,
  pointer: 0xffff888012345678n,
  grid: [
    [1, 2, 3],
    [-4, 5, 6],
  ],
  word: 0x01020304,
  anon: { inner: -7 },
  bits: { x: 5, y: 200, z: -3, wide: 0xabcdef0123n, last: 9 },
  packed: { a: 1, b: 0x11223344, c: 2n ** 60n },
  huge: -5n,
  letter: 65,
};
const bytes = encodeValue(btf, all, value);

describe('encode and decode', () => {
  test('what goes in comes out', () => {
    expect(decodeValue(btf, all, bytes)).toEqual({
      ...value,
      raw: [1, -2, 65, 127],
      mode: -2,
      wide: 0x123456789an,
      bytes: [4, 3, 2, 1],
      letter: 65,
    });
    expect(encodeValue(btf, all, decodeValue(btf, all, bytes) as BtfInput)).toEqual(bytes);
  });

  test('floating point', () => {
    const id = btf.find('floats', BTF_KIND.STRUCT);
    const floats = { ratio: 1.5, precise: -0.1 };
    expect(decodeValue(btf, id, encodeValue(btf, id, floats))).toEqual(floats);
    expect(printValue(btf, id, encodeValue(btf, id, floats))).toBe('{"ratio":1.5,"precise":-0.1}');
  });

  test('sections read as their variables', () => {
    const section = btf.find('.data.vars', BTF_KIND.DATASEC);
    const data = encodeValue(btf, section, { counter: -3, hidden: 5n });
    expect(decodeValue(btf, section, data)).toEqual({ counter: -3, hidden: 5n });
  });

  test.each<[string, BtfInput, string]>([
    ['too large', { mode: 2n ** 40n }, 'mode: 1099511627776 does not fit 32 bits'],
    ['no such member', { nmae: 'x' }, 'there is no member nmae'],
    ['no such enumerator', { mode: 'MODE_Z' }, '"MODE_Z" is neither a number nor an enumerator'],
    ['text too long', { name: 'x'.repeat(17) }, 'name: 17 bytes of text do not fit 16'],
    ['bit field', { bits: { x: 8 } }, 'bits.x: 8 does not fit 3 bits'],
    ['fraction', { big: 1.5 }, 'big: an integer was expected'],
    ['array', { grid: [[1, 2, 3, 4]] }, 'grid[0]: an array of at most 3 elements'],
  ])('refused: %s', (_name, input, message) => {
    expect(() => encodeValue(btf, all, input)).toThrow(TypeError);
    expect(() => encodeValue(btf, all, input)).toThrow(message);
  });

  test('members cannot reach a prototype', () => {
    const b = new BtfBuilder();
    const int = b.int('int', 4, 1);
    b.struct('s', 4, [{ name: '__proto__', type: int, bitOffset: 0, bitfieldSize: 0 }]);
    const out = decodeValue(Btf.parse(b.encode()), 2, Uint8Array.of(7, 0, 0, 0));
    expect(Object.getOwnPropertyDescriptor(out, '__proto__')?.value).toBe(7);
  });

  test('types that double at every level are bounded', () => {
    const b = new BtfBuilder();
    const twice = (n: number) => ['x', 'y'].map((name) => ({ name, type: n, bitOffset: 0, bitfieldSize: 0 }));
    for (let n = 0; n < 60; n++) b.struct(`s${n}`, 0, twice(n + 2));
    b.struct('end', 0, []);
    const hostile = Btf.parse(b.encode());
    expect(() => decodeValue(hostile, 1, new Uint8Array(0))).toThrow(FormatError);
    expect(() => printValue(hostile, 1, new Uint8Array(0))).toThrow(FormatError);
  });
});

describe('printValue', () => {
  const golden = (name: string, text: string): void => {
    if (process.env.BLESS) writeFileSync(new URL(`../fixtures/lib/${name}`, import.meta.url), text);
    expect(text).toBe(fixtureText(name));
  };
  test('JSON', () => golden('values.json.txt', printValue(btf, all, bytes)));
  test('C', () => golden('values.init.txt', printValue(btf, all, bytes, { format: 'c', indent: 2 })));

  test.skipIf(!bpftool)('bpftool prints the same JSON', () => {
    const btfFd = kernel!.bpf(BPF_CMD.BPF_BTF_LOAD, { btf: btf.bytes });
    const map_fd = kernel!.bpf(BPF_CMD.BPF_MAP_CREATE, {
      map_type: 2,
      key_size: 4,
      value_size: bytes.length,
      max_entries: 1,
      map_name: 'skep_values',
      btf_fd: btfFd,
      btf_key_type_id: btf.find('int', BTF_KIND.INT),
      btf_value_type_id: all,
    });
    expect(map_fd).toBeGreaterThan(0);
    expect(kernel!.bpf(BPF_CMD.BPF_MAP_UPDATE_ELEM, { map_fd, key: new Uint8Array(4), value: bytes })).toBe(0);
    const info = new Uint8Array(88);
    kernel!.bpf(BPF_CMD.BPF_OBJ_GET_INFO_BY_FD, { info: { bpf_fd: map_fd, info } });
    const id = new DataView(info.buffer).getUint32(4, true);
    const text = execFileSync('bpftool', ['-j', 'map', 'dump', 'id', String(id)], { encoding: 'utf8' }).trim();
    kernel!.close(map_fd);
    kernel!.close(btfFd);
    const formatted = /"formatted":\{"key":0,"value":(.*)\}\}\]$/s.exec(text)?.[1];
    expect(printValue(btf, all, bytes)).toBe(formatted);
  });
});
