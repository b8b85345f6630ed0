/** Objects whose size says little about the work that they ask for: each kind ends soon, in a result or a typed error. */
import { expect, test } from 'vitest';
import { Btf } from '../../src/btf/btf.ts';
import { dumpC } from '../../src/btf/dump-c.ts';
import { formatBtf } from '../../src/btf/format.ts';
import { printValue } from '../../src/btf/print-value.ts';
import { validateBtf } from '../../src/btf/validate.ts';
import { createVerifyingRuntime } from '../../src/kernel/boot/verify-only.ts';
import type { CollectionSpec } from '../../src/lib/collection-spec.ts';
import { BpfError } from '../../src/lib/errors.ts';
import { parseObject } from '../../src/lib/parse-object.ts';
import { prepareProgram } from '../../src/lib/prepare.ts';
import { FormatError } from '../../src/util/errors.ts';
import { fixture } from './fixture.ts';
import { dataObject, EXIT, INT, linkedObject, manyPrograms, ObjectWriter } from './object-writer.ts';
import { ALLOC, EXEC, RawBtf, WRITE } from '../proofs/fuzz/writer.ts';

/** Milliseconds of processor time that an object of up to 4 MiB may take. */
const BUDGET = 2000;
const MB = 1 << 20;
const CODE = ALLOC | EXEC;
const DATA = ALLOC | WRITE;

/** The step's result, undefined after a typed error, and the processor time that it took. */
function spent<T>(step: () => T): { value: T | undefined; ms: number } {
  const before = process.cpuUsage();
  let value: T | undefined;
  try {
    value = step();
  } catch (e) {
    if (!(e instanceof FormatError || e instanceof BpfError)) throw e;
  }
  const { user, system } = process.cpuUsage(before);
  return { value, ms: (user + system) / 1000 };
}

/** Parses, verifies all programs and shows the types. */
function use(bytes: Uint8Array): CollectionSpec | undefined {
  expect(bytes.length).toBeLessThanOrEqual(4 * MB);
  const { value: spec, ms } = spent(() => parseObject(bytes, { name: 'x' }));
  expect(ms).toBeLessThan(BUDGET);
  if (spec === undefined) return undefined;
  using runtime = createVerifyingRuntime({ memory: 1 << 24 });
  const programs = spec.programs.slice(0, 3).map((p) => p.key);
  expect(spent(() => spec.load(runtime, { programs, onError: 'collect' }).close()).ms).toBeLessThan(BUDGET);
  if (spec.btf !== undefined) show(spec.btf);
  return spec;
}

function show(btf: Btf): void {
  expect(spent(() => validateBtf(btf.bytes, { withLog: true })).ms).toBeLessThan(BUDGET);
  expect(spent(() => dumpC(btf)).ms).toBeLessThan(BUDGET);
  expect(spent(() => [...formatBtf(btf)].length).ms).toBeLessThan(BUDGET);
  expect(spent(() => printValue(btf, btf.nrTypes - 1, new Uint8Array(64))).ms).toBeLessThan(BUDGET);
}

const letters = (n: number): Uint8Array =>
  new Uint8Array(n)
    .fill(0x61)
    .fill(0, 0, 1)
    .fill(0, n - 1);
const times = (n: number, each: (i: number) => void): void => {
  for (let i = 0; i < n; i++) each(i);
};

test.each([2000, 40_000])('%i symbols whose names are suffixes of one string', (n) => {
  const o = new ObjectWriter(letters(MB));
  times(n, (i) => o.symbol(1 + i, { bind: 1 }));
  use(o.bytes());
});

test('sections whose names are suffixes of one string', () => {
  const o = new ObjectWriter();
  const from = o.sectionNames.at('a'.repeat(MB));
  times(20_000, (i) => o.section(from + i, { data: new Uint8Array(0) }));
  use(o.bytes());
});

test('types whose names are suffixes of one string', () => {
  const btf = new RawBtf();
  times(20_000, (i) => btf.type(1 + i, 7, 0, 0));
  const bytes = btf.bytes(letters(MB));
  expect(spent(() => show(Btf.parse(bytes))).ms).toBeLessThan(BUDGET);
  use(dataObject(bytes, new Uint8Array(8)));
});

test.each([
  ['code', 'xdp', CODE],
  ['data', '.data.x', DATA],
  ['maps', 'maps', DATA],
])('%s sections that show the same bytes', (_, name, flags) => {
  const o = new ObjectWriter();
  const data = new Uint8Array(MB);
  times(MB / 16, (i) => data.set(EXIT, 16 * i));
  const first = o.section(name, { flags, data });
  times(20_000, () => o.section(name, { flags, alias: first, size: MB }));
  use(o.bytes());
});

test('relocations that show the same entries', () => {
  const o = new ObjectWriter();
  const code = o.section('xdp', { flags: CODE, data: EXIT });
  o.symbol('f', { section: code, size: 16, type: 2 });
  const first = o.relocations(code, new Array<number>(60_000).fill(0));
  times(20_000, () => o.section('.rel', { like: first }));
  use(o.bytes());
});

test('50,000 sections, and 40,000 symbols of as many sections of code', () => {
  const plain = new ObjectWriter();
  times(50_000, (i) => plain.section(`.data.${i}`, { flags: DATA, data: new Uint8Array(8) }));
  use(plain.bytes());
  const o = new ObjectWriter();
  const first = o.section('xdp', { flags: CODE, data: EXIT });
  times(30_000, () => o.section('xdp', { flags: CODE, alias: first, size: 16 }));
  times(40_000, (i) => o.symbol(i < 1000 ? `f${i}` : 1, { section: first + (i % 30_000), size: 16, type: 2 }));
  use(o.bytes());
});

test('30,000 externs, declared and not', () => {
  const btf = new RawBtf();
  const int = INT(btf);
  const vars: number[] = [];
  const o = new ObjectWriter();
  times(30_000, (i) => {
    o.symbol(`e${i}`, { bind: 1 });
    if (i % 2 === 0) vars.push(btf.type(`e${i}`, 14, 0, int, [2]));
  });
  btf.type(
    '.kconfig',
    15,
    vars.length,
    0,
    vars.flatMap((id) => [id, 0, 4]),
  );
  const spec = use(o.withBtf(btf).bytes());
  expect(spec?.externs).toHaveLength(30_000);
});

test.each([
  ['an integer', 1, [0]],
  ['an enum', 19, []],
  ['a float', 16, []],
  ['a struct', 4, []],
])('%s of a gigabyte', (_, kind, rest) => {
  for (const size of [0x4c060000, 0xffffffff, 17]) {
    const btf = new RawBtf();
    const wide = btf.type('wide', kind, 0, size, rest);
    btf.type('x', 14, 0, wide, [1]);
    use(dataObject(btf.bytes(), new Uint8Array(64).fill(1)));
  }
});

test.each([
  [2, 30, 's'],
  [16, 28, 's'],
  [150, 20, ''],
])('structs of %i times the one before, %i levels', (width, depth, name) => {
  const btf = new RawBtf();
  let id = btf.type('s', 4, 0, 0);
  times(depth, (d) => {
    const member = name === '' ? 0 : btf.strings.at(`m${d}`);
    id = btf.type(
      name === '' ? '' : `${name}${d}`,
      4,
      width,
      0,
      Array.from({ length: width }, () => [member, id, 0]).flat(),
    );
  });
  show(Btf.parse(btf.bytes()));
  use(dataObject(btf.bytes(), new Uint8Array(64)));
});

test.each([
  ['const', 10],
  ['pointer', 2],
  ['typedef', 8],
])('a %s of itself, asked for by 50,000 types', (_, kind) => {
  const btf = new RawBtf();
  const id = btf.type(kind === 8 ? 't' : '', kind, 0, 1);
  for (let i = 0; i < 50_000; i++) btf.type('t', 8, 0, id);
  const parsed = Btf.parse(btf.bytes());
  const before = process.memoryUsage().rss;
  const { ms } = spent(() => dumpC(parsed));
  expect(ms).toBeLessThan(BUDGET);
  expect(process.memoryUsage().rss - before).toBeLessThan(200 * MB);
});

test('kernel types of anonymous members within anonymous members', () => {
  const btf = new RawBtf();
  const int = INT(btf);
  let id = btf.type('', 4, 1, 4, [btf.strings.at('x'), int, 0]);
  times(40, () => (id = btf.type('', 5, 50, 4, Array.from({ length: 50 }, () => [0, id, 0]).flat())));
  const spec = fixture('core.o');
  // All structs that the object asks for lead there.
  for (let t = 1; t < (spec.btf?.nrTypes ?? 0); t++)
    if (spec.btf?.kind(t) === 4) btf.type(spec.btf.name(t), 4, 1, 64, [0, id, 0]);
  const kernelBtf = Btf.parse(btf.bytes());
  for (const p of spec.programs)
    expect(spent(() => prepareProgram(spec, p.key, { kernelBtf, mapFd: () => 1 })).ms, p.key).toBeLessThan(BUDGET);
});

test('30,000 programs are read in proportion to a quarter of them', () => {
  const cost = (n: number): number => {
    const bytes = manyPrograms(n);
    const { value: spec, ms } = spent(() => parseObject(bytes));
    expect(spec?.programs).toHaveLength(n);
    expect(spec?.programs[n - 1]).toMatchObject({ name: `f${n - 1}`, lines: [{ insn: 0 }] });
    return ms;
  };
  cost(2000);
  const quarter = cost(7500);
  const whole = cost(30_000);
  // Quadratic work would be sixteen times as much.
  expect(whole).toBeLessThan(9 * Math.max(quarter, 50));
});

test('programs that share many functions get one copy each', () => {
  const bytes = linkedObject(200, 100);
  const { value: spec, ms } = spent(() => parseObject(bytes));
  expect(ms).toBeLessThan(BUDGET);
  const prepared = spent(() => spec?.programs.map((p) => prepareProgram(spec, p.key, { mapFd: () => 1 }).insns.length));
  expect(prepared.value).toEqual(new Array(200).fill(100 + 2 + 200));
  expect(prepared.ms).toBeLessThan(BUDGET);
});
