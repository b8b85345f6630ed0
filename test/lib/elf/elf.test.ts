/** ELF64 files in both byte orders, and hostile ones. */
import { describe, expect, test } from 'vitest';
import { parseElf, R_BPF, SHT, STB, STT } from '../../../src/lib/elf/elf.ts';
import { parseObject } from '../../../src/lib/parse-object.ts';
import { FormatError } from '../../../src/util/errors.ts';
import { fixtureBytes } from '../fixture.ts';

describe('parseElf', () => {
  test('sections, symbols and relocations of a little-endian object', () => {
    const elf = parseElf(fixtureBytes('simple-v3.o'));
    expect(elf.littleEndian).toBe(true);
    expect(elf.machine).toBe(247);
    const xdp = elf.sections.find((s) => s.name === 'xdp')!;
    expect(xdp.size % 8).toBe(0);
    const count = elf.symbols.find((s) => s.name === 'count')!;
    expect([count.type, count.bind, count.shndx]).toEqual([STT.FUNC, STB.GLOBAL, xdp.index]);
    const rel = elf.sections.find((s) => s.name === '.relxdp')!;
    expect(rel.type).toBe(SHT.REL);
    const list = elf.relocations(rel);
    expect(list.map((r) => r.type)).toEqual([R_BPF['64_64'], R_BPF['64_32']]);
    expect(list[0].symbol.name).toBe('hits');
    expect(list[1].addend).toBeUndefined();
  });

  test('a big-endian object reads the same', () => {
    const [le, be] = ['simple-v3.o', 'simple-eb.o'].map((f) => parseElf(fixtureBytes(f)));
    expect(be.littleEndian).toBe(false);
    expect(be.symbols.filter((s) => s.type === STT.FUNC).map((s) => [s.name, s.size])).toEqual(
      le.symbols.filter((s) => s.type === STT.FUNC).map((s) => [s.name, s.size]),
    );
  });

  test.each([
    ['no magic', (b: Uint8Array) => b.fill(0, 0, 4), 0, 'magic'],
    ['32-bit', (b: Uint8Array) => b.fill(1, 4, 5), 4, 'class 1 found'],
    ['byte order', (b: Uint8Array) => b.fill(7, 5, 6), 5, 'byte order 7 found'],
    ['executable', (b: Uint8Array) => b.fill(2, 16, 17), 16, 'file type 2 found'],
    ['machine', (b: Uint8Array) => b.fill(62, 18, 19), 18, 'machine 62 found, BPF (247) expected'],
    ['section headers beyond the end', (b: Uint8Array) => b.fill(0x7f, 40, 44), undefined, 'the file ends at'],
    ['64-bit overflow', (b: Uint8Array) => b.fill(0xff, 40, 48), 40, 'out of range'],
    ['section header size', (b: Uint8Array) => b.fill(63, 58, 59), 58, 'section header size'],
    ['no such name section', (b: Uint8Array) => b.fill(0x40, 62, 63), 62, 'does not exist'],
  ])('%s', (_name, damage, offset, text) => {
    const bytes = fixtureBytes('simple-v3.o');
    damage(bytes);
    let error: unknown;
    try {
      parseObject(bytes);
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(FormatError);
    expect((error as FormatError).format).toBe('ELF');
    expect((error as FormatError).message).toContain(text);
    if (offset !== undefined) expect((error as FormatError).offset).toBe(offset);
  });

  test('every truncation is a typed error', () => {
    const bytes = fixtureBytes('simple-v3.o');
    for (let n = 0; n < bytes.length; n++) {
      // The section headers end the file: without them nothing can be read.
      expect(() => parseObject(bytes.subarray(0, n))).toThrow(FormatError);
    }
  });
});
