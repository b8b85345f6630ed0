/** Conformance vectors: our own, and the public ones where they are at hand, on both engines. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeInsns } from '../../../src/isa/decode.ts';
import { validateInsns } from '../../../src/isa/validate.ts';
import { ProgramAbort } from '../../../src/util/errors.ts';
import { ConformanceRunner, interpEngine } from '../../../src/kernel/interp/index.ts';
import { jitGuarded } from '../../../src/kernel/jit/index.ts';
import { bytesOf } from '../../isa/fixtures.ts';
import { ownVectors } from './vector-file.ts';

/** Where the JIT's guard mode answers otherwise; an entry that no longer holds fails. */
const JIT_DIFFERS: Record<string, string | undefined> = {
  'abort-misaligned-atomic': undefined, // plain memory has no misaligned atomics: it runs
  'abort-packet-load': 'unknown-opcode',
};

const PUBLIC = new URL('../../../../shared/exam/bpf_conformance/vectors.jsonl', import.meta.url);

for (const [name, engine] of [
  ['interp', interpEngine],
  ['jit', jitGuarded],
] as const) {
  describe(`our vectors, ${name}`, () => {
    const runner = new ConformanceRunner(engine, 40_000_000);
    const vectors = ownVectors();
    expect(vectors.length).toBeGreaterThan(50);
    for (const v of vectors) {
      const [kind, reason, field] = v.result.split(' ');
      it(v.name, () => {
        if (kind === 'reject') {
          const [fault] = validateInsns(decodeInsns(v.program));
          expect([fault?.reason, field && fault?.field]).toEqual([reason, field]);
          expect(() => runner.run(v.program, v.mem)).toThrow('BPF: insn');
        } else if (kind === 'abort') {
          let caught: unknown;
          try {
            runner.run(v.program, v.mem);
          } catch (e) {
            caught = e;
          }
          const got = caught instanceof ProgramAbort ? caught.reason : caught;
          expect(got).toBe(name === 'jit' && v.name in JIT_DIFFERS ? JIT_DIFFERS[v.name] : reason);
        } else {
          expect(validateInsns(decodeInsns(v.program))).toEqual([]);
          const able = v.fuel === undefined ? runner : new ConformanceRunner(engine, v.fuel);
          expect(able.run(v.program, v.mem)).toBe(v.result);
        }
      });
    }
  });

  describe(`public vectors, ${name}`, () => {
    const found = existsSync(PUBLIC);
    const rows = found ? readFileSync(PUBLIC, 'utf8').trim().split('\n') : [];
    if (!found) console.log(`public conformance vectors not found, 313 skipped (${name})`);
    const runner = new ConformanceRunner(engine);
    it.skipIf(!found)('passes all of them', () => {
      const wrong: unknown[] = [];
      for (const row of rows) {
        const v = JSON.parse(row) as { file: string; insns: string; mem: string; expected: string };
        const expected = `0x${BigInt.asUintN(64, BigInt(v.expected)).toString(16)}`;
        const got = runner.run(bytesOf(v.insns), bytesOf(v.mem));
        if (got !== expected) wrong.push([v.file, expected, got]);
      }
      expect(wrong).toEqual([]);
      expect(rows.length).toBe(313);
    });
  });
}
