/** BTF as text and as C, beside bpftool's output: recorded, and live where bpftool and a kernel's BTF are. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Btf } from '../../src/btf/btf.ts';
import { dumpC } from '../../src/btf/dump-c.ts';
import { BtfBuilder } from '../../src/btf/encode.ts';
import { formatBtf } from '../../src/btf/format.ts';
import { FormatError } from '../../src/util/errors.ts';
import { fixture, fixtureText } from '../lib/fixture.ts';

const VMLINUX = '/sys/kernel/btf/vmlinux';
const bpftool = existsSync(VMLINUX) && spawnSync('bpftool', ['version']).status === 0;
if (!bpftool) console.log('2 comparisons with bpftool skipped: no bpftool or no kernel BTF');

const raw = (btf: Btf): string => [...formatBtf(btf)].join('\n').concat('\n');

function golden(name: string, text: string): void {
  if (process.env.BLESS) writeFileSync(new URL(`../fixtures/lib/${name}`, import.meta.url), text);
  expect(text).toBe(fixtureText(name));
}

describe('values.o', () => {
  const btf = fixture('values.o').btf!;
  test('raw', () => golden('values.raw.txt', raw(btf)));
  test('C', () => golden('values.c.txt', dumpC(btf, { header: false })));
  test('only what one type needs', () => {
    const id = [...Array(btf.nrTypes).keys()].find((i) => btf.name(i) === 'packed')!;
    expect(dumpC(btf, { ids: [id], header: false })).toBe(
      'typedef unsigned char u8;\n\ntypedef unsigned int u32;\n\ntypedef unsigned long long u64;\n\nstruct packed {\n\tu8 a;\n\tu32 b;\n\tu64 c;\n} __attribute__((packed));\n\n',
    );
  });
});

describe('what C cannot say', () => {
  test('a struct that contains itself', () => {
    const b = new BtfBuilder();
    b.struct('a', 4, [{ name: 'b', type: 2, bitOffset: 0, bitfieldSize: 0 }]);
    b.struct('b', 4, [{ name: 'a', type: 1, bitOffset: 0, bitfieldSize: 0 }]);
    expect(() => dumpC(Btf.parse(b.encode()))).toThrow(/type 1 \(a\) contains itself/);
  });

  test('anonymous structs that double at every level', () => {
    const b = new BtfBuilder();
    const twice = (n: number) => ['x', 'y'].map((name) => ({ name, type: n, bitOffset: 0, bitfieldSize: 0 }));
    b.struct('top', 0, twice(2));
    for (let n = 0; n < 40; n++) b.struct('', 0, twice(n + 3));
    b.struct('', 0, []);
    expect(() => dumpC(Btf.parse(b.encode()))).toThrow(FormatError);
  });

  test('chains of a forty thousand structs and typedefs need no stack', () => {
    const b = new BtfBuilder();
    for (let n = 0; n < 20_000; n++) {
      b.struct(`s${n}`, 8, [{ name: 'next', type: 2 * n + 2, bitOffset: 0, bitfieldSize: 0 }]);
      b.typedef(`t${n}`, 2 * n + 3);
    }
    b.int('int', 8);
    expect(dumpC(Btf.parse(b.encode()), { header: false }).startsWith('typedef int t19999;\n\nstruct s19999 {')).toBe(
      true,
    );
  });

  test('repeated names are numbered', () => {
    const b = new BtfBuilder();
    b.struct('s', 0, []);
    b.struct('s', 0, []);
    b.enum('e', 4, [{ name: 'A', value: 1n }]);
    b.enum('', 4, [{ name: 'A', value: 2n }]);
    expect(dumpC(Btf.parse(b.encode()), { header: false })).toBe(
      'struct s {};\n\nstruct s___2 {};\n\nenum e {\n\tA = 1,\n};\n\nenum {\n\tA___2 = 2,\n};\n\n',
    );
  });
});

describe.skipIf(!bpftool)('bpftool on the kernel', () => {
  const dump = (format: string): string =>
    execFileSync('bpftool', ['btf', 'dump', 'file', VMLINUX, 'format', format], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
  // Line by line on failure: a diff of 8 MB helps nobody.
  const same = (ours: string, theirs: string): void => {
    if (ours === theirs) return;
    const [a, b] = [ours.split('\n'), theirs.split('\n')];
    const at = a.findIndex((line, i) => line !== b[i]);
    expect(`line ${at + 1}: ${a.slice(at, at + 3).join('\n')}`).toBe(
      `line ${at + 1}: ${b.slice(at, at + 3).join('\n')}`,
    );
  };

  test('all types, raw and C', { timeout: 120_000 }, () => {
    const btf = Btf.parse(new Uint8Array(readFileSync(VMLINUX)));
    same(raw(btf), dump('raw'));
    // Enums of one byte are marked here and, before libbpf 1.2, are not there.
    const unmarked = (text: string): string => text.replaceAll(' __attribute__((mode(byte)))', '');
    same(unmarked(dumpC(btf)), unmarked(dump('c')));
  });
});
