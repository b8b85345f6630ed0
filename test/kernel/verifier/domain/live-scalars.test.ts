/** What Linux 6.18 printed after each of some thousand scalar operations and compares, against the domain functions. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as op from '../../../../src/isa/opcodes.ts';
import { scalarAlu } from '../../../../src/kernel/verifier/domain/alu.ts';
import { isScalarBranchTaken, refineBranch, revOpcode } from '../../../../src/kernel/verifier/domain/branch.ts';
import { byteSwap, coerceToSize, movsx } from '../../../../src/kernel/verifier/domain/cast.ts';
import { forkWidth, markKnownOn } from '../../../../src/kernel/verifier/domain/fork.ts';
import { Scalar } from '../../../../src/kernel/verifier/domain/scalar.ts';
import { regBoundsFault } from '../../../../src/kernel/verifier/domain/sync.ts';
import { dump, parseScalar } from './scalar-text.ts';

const ALU: Record<string, number> = {
  '+=': op.BPF_ADD,
  '-=': op.BPF_SUB,
  '*=': op.BPF_MUL,
  '/=': op.BPF_DIV,
  '|=': op.BPF_OR,
  '&=': op.BPF_AND,
  '<<=': op.BPF_LSH,
  '>>=': op.BPF_RSH,
  '%=': op.BPF_MOD,
  '^=': op.BPF_XOR,
  's>>=': op.BPF_ARSH,
};
const JMP: Record<string, number> = {
  '==': op.BPF_JEQ,
  '!=': op.BPF_JNE,
  '>': op.BPF_JGT,
  '>=': op.BPF_JGE,
  '<': op.BPF_JLT,
  '<=': op.BPF_JLE,
  's>': op.BPF_JSGT,
  's>=': op.BPF_JSGE,
  's<': op.BPF_JSLT,
  's<=': op.BPF_JSLE,
  '&': op.BPF_JSET,
};

function copy(s: Scalar): Scalar {
  const c = new Scalar();
  c.copyFrom(s);
  return c;
}

/** reg_bounds_sanity_check without BPF_F_TEST_REG_INVARIANTS; a known tnum prints as a number, whatever the bounds. */
function sane(s: Scalar): Scalar {
  if (regBoundsFault(s) !== '') s.setUnbounded();
  if (s.isConst()) s.setConst(s.valLo, s.valHi);
  return s;
}

function arithmetic(text: string, before: string, source: string): string {
  const d = parseScalar(before);
  const is64 = text.startsWith('r');
  const sext = /\(s(\d+)\)/.exec(text);
  const swap = /(bswap|le|be)(\d+)/.exec(text);
  if (text === 'wD = wD') coerceToSize(d, 4);
  else if (sext !== null) movsx(d, Number(sext[1]) / 8, is64);
  else if (swap !== null) byteSwap(d, Number(swap[2]), swap[1] !== 'le');
  else if (text.includes('= -')) scalarAlu(op.BPF_NEG, d, d, is64);
  else {
    const code = ALU[text.split(' ')[1]];
    const s = parseScalar(source);
    const fork = forkWidth(code, d, s);
    if (fork !== 0) markKnownOn(d, fork, -1);
    scalarAlu(code, d, s, is64);
  }
  return dump(sane(d));
}

function compare(text: string, dst: string, src: string, result: string): [string, string] {
  const [, reg, o] = text.split(' ');
  const is32 = reg.startsWith('w');
  const a = parseScalar(dst);
  const b = parseScalar(src);
  const taken = isScalarBranchTaken(a, b, JMP[o], is32);
  if (taken >= 0) return [String(taken), result];
  const a2 = copy(a);
  const b2 = copy(b);
  refineBranch(a, b, JMP[o], is32);
  refineBranch(a2, b2, revOpcode(JMP[o]), is32);
  const got = ['both', ...[a, b, a2, b2].map((s) => dump(sane(s)))].join('\n  ');
  const want = result.split(' ; ');
  if (want[0] !== 'both') return [got, result];
  return [got, ['both', ...want.slice(1).map((t) => dump(parseScalar(t)))].join('\n  ')];
}

test('every recorded scalar operation gives the state that the kernel printed', () => {
  const path = new URL('../../../recorded/verifier/scalar-ops.txt', import.meta.url);
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  const wrong: string[] = [];
  for (const line of lines) {
    const parts = line.split(' ; ');
    const [text, dst, src] = parts;
    const rest = parts.slice(3).join(' ; ');
    const [got, want] = text.startsWith('if')
      ? compare(text, dst, src, rest)
      : [arithmetic(text, dst, src), dump(parseScalar(rest))];
    if (got !== want) wrong.push(`${line}\n  got  ${got}\n  want ${want}`);
  }
  expect(lines.length).toBeGreaterThan(2000);
  expect(wrong.slice(0, 20).join('\n')).toBe('');
});
