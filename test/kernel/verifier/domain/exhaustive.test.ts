/** The scalar domain by brute force with operands of 3 bits, and tnums of 4; `npm run exhaustive` takes 5. And that it finds what is wrong. */
import { expect, test } from 'vitest';
import { BPF_ADD, BPF_JEQ, BPF_JLT, BPF_MUL } from '../../../../src/isa/opcodes.ts';
import type { Scalar } from '../../../../src/kernel/verifier/domain/scalar.ts';
import { type Domain, type DomainCheck, domainChecks, SHIPPED } from '../../../proofs/soundness/domain.ts';

const BITS = Number(process.env['SKEP_EXHAUSTIVE'] ?? 3);
const checks = [...domainChecks(BITS), ...domainChecks(BITS + 1).filter((c) => /^\S+ tnum at \d+$/.test(c.name))];
/** Checks by operator: the first word of their name. */
const groups = new Map<string, DomainCheck[]>();
for (const check of checks) {
  const operator = check.name.split(' ', 1)[0];
  groups.set(operator, [...(groups.get(operator) ?? []), check]);
}

test.each([...groups])('%s', { timeout: 3_600_000 }, (_, group) => {
  const found = group.map(({ name, run }) => ({ name, ...run() }));
  expect(found.filter((f) => f.fault !== '')).toEqual([]);
  expect(found.every((f) => f.claims > 0 || f.name.startsWith('fork '))).toBe(true);
});

test('every operator and compare in both widths is there', () => {
  expect([...groups.keys()].filter((k) => /^[a-z]+(32|64)$/.test(k)).length).toBeGreaterThanOrEqual(46);
});

/** The shipped code, but the result of an operator is spoilt. */
const spoilt = (code: number, spoil: (d: Scalar, is64: boolean) => void): Partial<Domain> => ({
  scalarAlu(op, d, s, is64) {
    const known = SHIPPED.scalarAlu(op, d, s, is64);
    if (op === code && !d.isConst()) spoil(d, is64);
    return known;
  },
});

/** Mistakes, some of which Linux once made, and the checks that must see them. */
const MISTAKES: Readonly<Record<string, readonly [seen: RegExp, Partial<Domain>]>> = {
  'umin is one too high': [/^add64/, spoilt(BPF_ADD, (d) => void d.uminLo++)],
  'umax is one too low': [/^add64/, spoilt(BPF_ADD, (d) => void d.umaxLo--)],
  'smin is one too high': [/^add64/, spoilt(BPF_ADD, (d) => void d.sminLo++)],
  'smax is one too low': [/^add64/, spoilt(BPF_ADD, (d) => void d.smaxLo--)],
  'u32min is one too high': [/^mul32/, spoilt(BPF_MUL, (d) => void d.u32min++)],
  'u32max is one too low': [/^mul32/, spoilt(BPF_MUL, (d) => void d.u32max--)],
  's32min is one too high': [/^mul32/, spoilt(BPF_MUL, (d) => void d.s32min++)],
  's32max is one too low': [/^mul32/, spoilt(BPF_MUL, (d) => void d.s32max--)],
  'a bit is known that is not': [/^add64/, spoilt(BPF_ADD, (d) => void (d.maskLo &= d.maskLo - 1))],
  'a high bit is known that is not': [/^add64/, spoilt(BPF_ADD, (d) => void (d.maskHi &= d.maskHi - 1))],
  'a 32-bit result keeps its upper half': [/^sub32/, { scalarAlu: (op, d, s) => SHIPPED.scalarAlu(op, d, s, true) }],
  'halves decide for wholes': [
    /^jeq64/,
    { isScalarBranchTaken: (a, b, op) => SHIPPED.isScalarBranchTaken(a, b, op, true) },
  ],
  'what depends is taken as never': [
    /^jset64/,
    { isScalarBranchTaken: (a, b, op, is32) => Math.max(0, SHIPPED.isScalarBranchTaken(a, b, op, is32)) as 0 | 1 },
  ],
  'a compare of halves refines wholes': [
    /^jle32/,
    { regsRefineCondOp: (a, b, op) => SHIPPED.regsRefineCondOp(a, b, op, false) },
  ],
  'the operand on the right gets the bounds of the left': [
    /^jlt64/,
    {
      regsRefineCondOp(a, b, op, is32) {
        SHIPPED.regsRefineCondOp(a, b, op, is32);
        if (op === BPF_JLT) b.copyFrom(a);
      },
    },
  ],
  'what is unequal refines as equal': [
    /^jne32/,
    { regsRefineCondOp: (a, b, _, is32) => SHIPPED.regsRefineCondOp(a, b, BPF_JEQ, is32) },
  ],
  'deduction takes the bounds of the low half for the whole': [
    /^jgt64/,
    {
      regBoundsSync(s) {
        SHIPPED.regBoundsSync(s);
        [s.uminLo, s.uminHi, s.umaxLo, s.umaxHi] = [s.u32min, 0, s.u32max, 0];
      },
    },
  ],
};

test.each(Object.entries(MISTAKES))('a mistake is found: %s', (_, [seen, mistake]) => {
  const found = domainChecks(BITS, { ...SHIPPED, ...mistake }).find((c) => seen.test(c.name) && c.run().fault !== '');
  // Numbers for which the claim does not hold.
  expect(found?.run().fault).toMatch(/^0x[0-9a-f]+ 0x[0-9a-f]+ /);
});
