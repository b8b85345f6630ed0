/** Text that the tools read: map contents as JSON, kernel configuration, assembly. */
import type { Rng } from '../differential/rng.ts';

const NAMES = [
  'v_mode',
  'counter',
  'hidden',
  'x',
  'name',
  'grid',
  'bits',
  'a',
  'key',
  'value',
  'values',
  '__proto__',
  'constructor',
  'x\u001b[2J',
  '',
  '0',
  '-1',
  '0x10',
];
const LEAVES = [
  '0',
  '-1',
  '1e999',
  '4294967296',
  'true',
  'null',
  '"y"',
  '"0x"',
  '"-"',
  '"\\u0000"',
  '[]',
  '{}',
  '"0xff"',
];

/** Elements of a map. Deep, long, of the wrong shape, or with numbers of many digits. */
export function attackJson(rng: Rng, size: number): string {
  const what = rng.below(100);
  if (what < 4) return repeated('[', ']', size / 2);
  if (what < 8) return repeated('{"a":', '}', size / 6);
  if (what < 14) return `[{"key": 0, "value": ${digits(rng, size)}}]`;
  if (what < 20) return `{${many(rng, size, (i) => `"${i}": ${rng.pick(LEAVES)}`)}}`;
  if (what < 26) return `[${many(rng, size, () => rng.pick(LEAVES))}]`;
  if (what < 40) return `[${many(rng, Math.min(size, 200), (i) => `{"key": ${i}, "value": ${rng.below(300)}}`)}]`;
  const deep = rng.between(1, 4);
  return `[${many(rng, Math.min(size, 2000), (i) => `{"key": ${jsonValue(rng, 1, i)}, "value": ${jsonValue(rng, deep, i)}}`)}]`;
}

function jsonValue(rng: Rng, depth: number, i: number): string {
  const what = rng.below(depth > 0 ? 6 : 3);
  if (what === 0) return String(i);
  if (what === 1) return String(rng.u32() * rng.pick([1, -1, 0x100000000]));
  if (what === 2) return rng.pick(LEAVES);
  const n = rng.below(5);
  const inner = Array.from({ length: n }, () => jsonValue(rng, depth - 1, i));
  return what === 3 ? `[${inner.join()}]` : `{${inner.map((v) => `${JSON.stringify(rng.pick(NAMES))}: ${v}`).join()}}`;
}

/** A kernel's configuration, with values that fit nothing. */
export function attackKconfig(rng: Rng, size: number, names: readonly string[]): string {
  if (rng.chance(10)) return `${rng.pick(names)}=${digits(rng, size)}\n`;
  if (rng.chance(10)) return '\n'.repeat(size);
  const values = [
    'y',
    'm',
    'n',
    '0',
    '-1',
    '0x',
    '"',
    '"x',
    `"${'s'.repeat(rng.below(300))}"`,
    '18446744073709551616',
    '',
  ];
  const line = (): string =>
    `${rng.chance(80) ? rng.pick(names) : 'CONFIG_X'}${rng.pick(['=', '=', '=', ' = ', '=='])}${rng.pick(values)}`;
  return many(rng, Math.min(size, 4000), line, '\n');
}

const TOKENS = [
  'r0',
  'r10',
  'w3',
  '=',
  '+=',
  's>>=',
  '(u8 *)',
  '*(u64 *)(r1 + 0)',
  'goto',
  'if',
  'call',
  'exit',
  'map[m]',
  'lock',
  '-',
  '+',
  '(',
  ')',
  ',',
  '\n',
  '\n',
  '0x',
  '1',
  '-1',
  'label:',
  'label',
  'pc+1',
  'll',
  '0xffffffffffffffff',
  '99999999999999999999',
  '//',
  '/*',
  '#',
  '"',
  '[',
  ']',
  'goto_or_nop',
  'may_goto',
  'be16',
  'bswap',
] as const;

/** Assembly of right lines and of any words. */
export function attackAssembly(rng: Rng, size: number, right: readonly string[]): string {
  if (rng.chance(5)) return `r0 = ${digits(rng, size)}`;
  if (rng.chance(5)) return repeated(rng.pick(['(', '[', '-', 'l:\n', 'goto l\n', '\n', ' ']), '', size);
  const share = rng.pick([60, 99, 100]);
  const line = (): string =>
    rng.chance(share)
      ? rng.pick(right)
      : Array.from({ length: rng.below(9) }, () => rng.pick(TOKENS)).join(rng.chance(80) ? ' ' : '');
  return many(rng, Math.min(size, 3000), line, '\n');
}

const digits = (rng: Rng, size: number): string =>
  rng.pick(['9', '-1', '0x', '"', '"0x', '"-']) + '7'.repeat(size) + rng.pick(['', '"']);
const repeated = (open: string, close: string, size: number): string =>
  open.repeat(Math.max(1, size)) + close.repeat(Math.max(1, size));

function many(rng: Rng, size: number, each: (i: number) => string, between = ', '): string {
  const out: string[] = [];
  const most = rng.between(1, Math.max(2, size));
  for (let i = 0, length = 0; length < most; i++) {
    const text = each(i);
    out.push(text);
    length += text.length + between.length;
  }
  return out.join(between);
}
