/** Patching and dead code: every jump, call and function start follows its target. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assemble } from '../../../../src/isa/asm/assemble.ts';
import { disasmKernel } from '../../../../src/isa/disasm.ts';
import { encodeInsns } from '../../../../src/isa/encode.ts';
import type { Insn } from '../../../../src/isa/insn.ts';
import type { VerifierEnv } from '../../../../src/kernel/verifier/env.ts';
import { jumpTargetOf } from '../../../../src/kernel/verifier/pass/flow.ts';
import { addSubprogsAndKfuncs, isLdImm64, isPseudoCall } from '../../../../src/kernel/verifier/pass/subprogs.ts';
import {
  hardWireDeadBranches,
  removeDeadCode,
  removeNops,
  sanitizeDeadCode,
} from '../../../../src/kernel/verifier/rewrite/dead-code.ts';
import { applyEdits, type Edit } from '../../../../src/kernel/verifier/rewrite/patch.ts';
import { envOf, fixture, inputOf } from '../recorded.ts';

function envFrom(text: string): VerifierEnv {
  const bytes = encodeInsns(assemble(text));
  const insns = Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
  const env = envOf(
    inputOf({ prog: 't', ret: 0, type: 1, eat: 0, flags: 0, license: 'GPL', insns, maps: {}, log: '' }),
  );
  addSubprogsAndKfuncs(env);
  return env;
}

function listing(env: VerifierEnv): string[] {
  const out: string[] = [];
  for (let i = 0; i < env.insns.length; i++) {
    out.push(disasmKernel(env.insns, i).slice(5));
    if (isLdImm64(env.insns, i)) i++;
  }
  return out;
}

const MARK: Insn = { code: 0xb7, dst: 9, src: 0, off: 0, imm: 77 };

/** Recorded random programs that pass the layout checks. */
const PROGRAMS = fixture('pass-programs.jsonl').filter((r) => r.log.includes('Live regs'));

test('after any edits, each kept jump and call reaches the image of its old target', () => {
  fc.assert(
    fc.property(
      fc.nat(PROGRAMS.length - 1),
      fc.array(fc.record({ at: fc.nat(60), size: fc.nat(3), drop: fc.boolean() })),
      (p, picks) => {
        const env = envOf(inputOf(PROGRAMS[p]));
        addSubprogsAndKfuncs(env);
        const old = env.insns;
        const n = old.length;
        const starts = env.subprogs.map((s) => s.start);
        const second = new Set<number>();
        for (let i = 0; i < n; i++) if (isLdImm64(old, i)) second.add(++i);
        const chosen = new Map<number, { size: number; drop: boolean }>();
        for (const { at, size, drop } of picks) {
          const whole = at < n && !second.has(at) && !isLdImm64(old, at);
          if (whole && !starts.includes(at)) chosen.set(at, { size, drop });
        }
        const edits: Edit[] = [...chosen]
          .sort((a, b) => a[0] - b[0])
          .map(([at, { size, drop }]) => ({
            at,
            remove: 1,
            insert: drop ? [] : Array.from({ length: size + 1 }, () => MARK),
          }));
        applyEdits(env, edits);
        // Where each old instruction went, by the origin column.
        const image = new Int32Array(n + 1).fill(-1);
        for (let i = env.insns.length - 1; i >= 0; i--) image[env.aux.origIdx[i]] = i;
        image[n] = env.insns.length;
        for (let i = n - 1; i >= 0; i--) if (image[i] < 0) image[i] = image[i + 1];
        for (let i = 0; i < n; i++) {
          if (chosen.has(i) || second.has(i)) continue;
          const at = image[i];
          expect(env.insns.code[at]).toBe(old.code[i]);
          const target = jumpTargetOf(old, i);
          if (target >= 0) expect(jumpTargetOf(env.insns, at)).toBe(image[target]);
          if (isPseudoCall(old, i)) expect(at + env.insns.imm[at] + 1).toBe(image[i + old.imm[i] + 1]);
        }
        expect(env.subprogs.map((s) => s.start)).toEqual(starts.map((s) => image[s]));
      },
    ),
    { numRuns: 300 },
  );
});

test('an instruction becomes several, jumps go to the first of them', () => {
  const env = envFrom(`r0 = 0
    if r1 == 0 goto pc+1
    r0 = 1
    r0 = 2
    goto pc-2
    exit`);
  applyEdits(env, [{ at: 3, remove: 1, insert: [MARK, MARK] }]);
  expect(listing(env)).toEqual([
    'r0 = 0',
    'if r1 == 0x0 goto pc+1',
    'r0 = 1',
    'r9 = 77',
    'r9 = 77',
    'goto pc-3',
    'exit',
  ]);
  expect([...env.aux.origIdx]).toEqual([0, 1, 2, 3, 3, 4, 5]);
});

test('a jump that would reach too far is refused', () => {
  const env = envFrom(`if r1 == 0 goto pc+2\nr0 = 1\nr0 = 2\nexit`);
  const insert = Array.from({ length: 40000 }, () => MARK);
  expect(() => applyEdits(env, [{ at: 1, remove: 1, insert }])).toThrow();
  expect(env.log.lastLine).toBe('insn 1 cannot be patched due to 16-bit range');
});

/** Marks every instruction as reached but these. */
function unseen(env: VerifierEnv, dead: number[]): void {
  env.aux.seen.fill(1);
  for (const i of dead) env.aux.seen[i] = 0;
}

test('dead branches, dead code and jumps to the next instruction go', () => {
  const env = envFrom(`r0 = 0
    if r0 != 0 goto pc+2
    r1 = 1
    goto pc+1
    r1 = 2
    may_goto pc+0
    exit`);
  unseen(env, [4]);
  hardWireDeadBranches(env);
  removeDeadCode(env);
  removeNops(env);
  expect(listing(env)).toEqual(['r0 = 0', 'r1 = 1', 'exit']);
});

test('a may_goto that leads over a removed one is removed too', () => {
  const env = envFrom(`r0 = 0\nmay_goto pc+1\nmay_goto pc+0\nexit`);
  unseen(env, []);
  removeNops(env);
  expect(listing(env)).toEqual(['r0 = 0', 'exit']);
});

test('a function that no path reached disappears', () => {
  const env = envFrom(`r0 = 0
    goto pc+1
    call pc+1
    exit
    r0 = 7
    exit`);
  unseen(env, [2, 4, 5]);
  removeDeadCode(env);
  removeNops(env);
  expect(listing(env)).toEqual(['r0 = 0', 'exit']);
  expect(env.subprogs.length).toBe(1);
});

test('without CAP_BPF dead code becomes jumps to itself', () => {
  const env = envFrom(`r0 = 0\nif r0 == 0 goto pc+1\nr0 = 1\nexit`);
  unseen(env, [2]);
  sanitizeDeadCode(env);
  expect(listing(env)).toEqual(['r0 = 0', 'if r0 == 0x0 goto pc+1', 'goto pc-1', 'exit']);
});
