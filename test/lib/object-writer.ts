/** Writes objects that no compiler would write, section by section; see test/proofs/fuzz/writer.ts for the bytes. */
import { ALLOC, EXEC, RawBtf, type Section, SHT, Strings, WRITE, wordBytes, writeElf } from '../proofs/fuzz/writer.ts';

/** `r0 = 0; exit` */
export const EXIT = Uint8Array.from([0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0]);
const CALL = [0x85 | (0x10 << 8), 0xffffffff];
const NO_DATA = new Uint8Array(0);

/** Adds `int`. */
export const INT = (btf: RawBtf): number => btf.type('int', 1, 0, 4, [0x01000020]);

interface SectionGiven extends Partial<Omit<Section, 'name'>> {
  /** Index of a section that this one repeats. */
  readonly like?: number;
}

interface SymbolGiven {
  readonly section?: number;
  readonly value?: number;
  readonly size?: number;
  readonly type?: number;
  readonly bind?: number;
}

export class ObjectWriter {
  readonly sectionNames = new Strings();
  readonly #names = new Strings();
  readonly #sections: Section[] = [];
  readonly #symbols: number[] = new Array<number>(6).fill(0);
  readonly #symbolText: Uint8Array | undefined;

  /** @param symbolText names of symbols, where they are given by offset */
  constructor(symbolText?: Uint8Array) {
    this.#symbolText = symbolText;
  }

  /** Adds a section; its index. */
  section(name: string | number, { like, ...given }: SectionGiven): number {
    const old = like === undefined ? undefined : this.#sections[like - 1];
    const again = old && { ...old, alias: like, size: old.data.length, data: NO_DATA };
    const at = typeof name === 'number' ? name : this.sectionNames.at(name);
    return this.#sections.push({ type: SHT.PROGBITS, flags: 0, data: NO_DATA, ...again, ...given, name: at });
  }

  /** Adds a symbol; its index. */
  symbol(name: string | number, { section = 0, value = 0, size = 0, type = 0, bind = 1 }: SymbolGiven): number {
    const at = typeof name === 'number' ? name : this.#names.at(name);
    this.#symbols.push(at, (bind << 4) | type | (section << 16), value, 0, size, 0);
    return this.#symbols.length / 6 - 1;
  }

  /** Adds relocations of a section by their offsets, to the symbols given or to the first; the section's index. */
  relocations(target: number, offsets: readonly number[], symbols: readonly number[] = []): number {
    const words = offsets.flatMap((off, i) => [off, 0, 10, symbols[i] ?? 1]);
    return this.section('.rel', { type: SHT.REL, data: wordBytes(words), info: target });
  }

  withBtf(btf: RawBtf | Uint8Array): this {
    this.section('.BTF', { data: btf instanceof RawBtf ? btf.bytes() : btf });
    return this;
  }

  bytes(): Uint8Array {
    const strtab = this.section('.strtab', { type: SHT.STRTAB, data: this.#symbolText ?? this.#names.bytes() });
    const symtab = this.section('.symtab', { type: SHT.SYMTAB, data: wordBytes(this.#symbols), link: strtab });
    const linked = this.#sections.map((s) => (s.type === SHT.REL ? { ...s, link: symtab } : s));
    return writeElf(linked, this.sectionNames);
  }
}

/** A program, and `.data` that the given types describe: the last one is what is printed. */
export function dataObject(btf: Uint8Array, data: Uint8Array): Uint8Array {
  const o = new ObjectWriter();
  o.section('xdp', { flags: ALLOC | EXEC, data: EXIT });
  o.section('.data', { flags: ALLOC | WRITE, data });
  return o.withBtf(btf).bytes();
}

/** `n` programs of two instructions, each with its type and a line. */
export function manyPrograms(n: number): Uint8Array {
  const o = new ObjectWriter();
  const btf = new RawBtf();
  const proto = btf.type('', 13, 0, INT(btf));
  const code = new Uint8Array(16 * n);
  const records = (width: number, rest: (i: number) => number[]): number[] => {
    const out = [4 * width, btf.strings.at('xdp'), n];
    for (let i = 0; i < n; i++) out.push(16 * i, ...rest(i));
    return out;
  };
  const xdp = o.section('xdp', { flags: ALLOC | EXEC, data: code });
  const ids: number[] = [];
  for (let i = 0; i < n; i++) {
    code.set(EXIT, 16 * i);
    o.symbol(`f${i}`, { section: xdp, value: 16 * i, size: 16, type: 2 });
    ids.push(btf.type(`f${i}`, 12, 1, proto));
  }
  const funcs = records(2, (i) => [ids[i]]);
  const lines = records(4, (i) => [0, 0, i << 10]);
  const header = [0x0001eb9f, 24, 0, funcs.length * 4, funcs.length * 4, lines.length * 4];
  o.withBtf(btf).section('.BTF.ext', { data: wordBytes([...header, ...funcs, ...lines]) });
  return o.bytes();
}

/** Programs that each call all of as many functions, of two instructions each. */
export function linkedObject(programs: number, functions: number): Uint8Array {
  const o = new ObjectWriter();
  const shared = new Uint8Array(16 * functions);
  for (let i = 0; i < functions; i++) shared.set(EXIT, 16 * i);
  const text = o.section('.text', { flags: ALLOC | EXEC, data: shared });
  const targets = Array.from({ length: functions }, (_, i) =>
    o.symbol(`s${i}`, { section: text, value: 16 * i, size: 16, type: 2 }),
  );
  const one = [...targets.flatMap(() => CALL), ...new Uint32Array(EXIT.buffer)];
  const size = 4 * one.length;
  const code = wordBytes(Array.from({ length: programs }, () => one).flat());
  const xdp = o.section('xdp', { flags: ALLOC | EXEC, data: code });
  for (let p = 0; p < programs; p++) o.symbol(`f${p}`, { section: xdp, value: p * size, size, type: 2 });
  const offsets = Array.from(
    { length: programs * functions },
    (_, i) => Math.floor(i / functions) * size + 8 * (i % functions),
  );
  o.relocations(
    xdp,
    offsets,
    offsets.map((_, i) => targets[i % functions]),
  );
  return o.bytes();
}
