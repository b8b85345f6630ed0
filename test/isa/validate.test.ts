/** Structural checks: the same verdicts as Linux 6.18 on recorded programs, and RFC 9669 where Linux is laxer or stricter. */
import { describe, expect, it } from 'vitest';
import { assemble } from '../../src/isa/asm/assemble.ts';
import { decodeInsns } from '../../src/isa/decode.ts';
import { Insns } from '../../src/isa/insn.ts';
import { type InsnFaultReason, validateInsns } from '../../src/isa/validate.ts';
import { bytesOf, fixture } from './fixtures.ts';

/** Messages of the kernel that are about the form of an instruction, and what we call them. */
const STRUCTURAL: readonly [RegExp, readonly InsnFaultReason[]][] = [
  [/^unknown opcode/, ['unknown-opcode']],
  [/uses reserved fields$/, ['reserved-field', 'bad-register', 'unknown-opcode']],
  [/^addr_space_cast insn can only convert/, ['reserved-field']],
  [/^invalid may_goto imm/, ['reserved-field']],
  [/^BPF_ATOMIC uses invalid atomic opcode|^invalid atomic operand size/, ['reserved-field']],
  [/^R1[1-5] is invalid/, ['bad-register']],
  [/^frame pointer is read only/, ['read-only-register']],
  [/^(invalid|unrecognized) bpf_ld_imm64 insn/, ['incomplete-ld-imm64', 'reserved-field', 'jump-into-ld-imm64']],
  [/^jump into the middle of ldimm64/, ['jump-into-ld-imm64']],
  [/^jump out of range|^call to invalid destination/, ['jump-out-of-range']],
  [/^last insn is not an exit or jmp/, ['falls-off-end', 'incomplete-ld-imm64', 'jump-out-of-range']],
  [/^invalid shift/, ['invalid-shift']],
  [/^div by zero/, ['division-by-zero']],
];

describe('validateInsns', () => {
  it('agrees with Linux 6.18 on recorded programs', () => {
    const wrong: unknown[] = [];
    let faulty = 0;
    for (const [hex, verdict] of fixture('structure.tsv')) {
      // The kernel saw something else first; a call with an undefined src is not even a call to it.
      if (verdict.startsWith('unreachable insn')) continue;
      const [fault] = validateInsns(decodeInsns(bytesOf(hex)));
      const expected = STRUCTURAL.find(([pattern]) => pattern.test(verdict))?.[1];
      if (expected !== undefined) faulty++;
      if (expected === undefined ? fault !== undefined : fault === undefined || !expected.includes(fault.reason)) {
        wrong.push([hex, verdict, fault?.reason, fault?.detail]);
      }
    }
    expect(wrong.slice(0, 20)).toEqual([]);
    expect(faulty).toBeGreaterThan(1000);
  });

  it('says which field of which slot is at fault', () => {
    const insns = assemble('r0 = 0\nr0 += r1\nexit');
    insns.imm[1] = 7;
    expect(validateInsns(insns)).toEqual([
      { index: 1, reason: 'reserved-field', field: 'imm', detail: 'add64_reg: imm is 7, must be 0' },
    ]);
  });

  it('collects as many faults as asked for', () => {
    const insns = assemble('r0 = 0\nr0 <<= 64\nr0 /= 0\ngoto +9\nexit');
    expect(validateInsns(insns, { limit: 9 }).map((f) => f.reason)).toEqual([
      'invalid-shift',
      'division-by-zero',
      'jump-out-of-range',
    ]);
  });

  it('lets the RFC profile shift by anything and divide by a constant zero', () => {
    const insns = assemble('r0 = 0\nr0 <<= 64\nr0 /= 0\ncallx r0\nexit');
    expect(validateInsns(insns, { profile: 'rfc' })).toEqual([]);
    expect(validateInsns(insns, { limit: 3 }).map((f) => f.reason)).toEqual([
      'invalid-shift',
      'division-by-zero',
      'unknown-opcode',
    ]);
  });

  it('wants at least one instruction', () => {
    expect(validateInsns(new Insns(0))[0].reason).toBe('empty');
  });
});
