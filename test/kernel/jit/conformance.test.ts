/** The public RFC 9669 vectors in guard mode, where they are at hand. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { jitCompile } from '../../../src/kernel/jit/index.ts';
import { unverifiedProgram } from '../../../src/kernel/jit/unverified.ts';
import { insnsFromHex, makeLink, r0Of, STACK_LIMIT, STACK_TOP } from './support.ts';

const FILE =
  process.env.SKEP_CONFORMANCE ??
  fileURLToPath(new URL('../../../../shared/exam/bpf_conformance/vectors.jsonl', import.meta.url));
interface Vector {
  file: string;
  insns: string;
  mem: string;
  expected: string;
}

describe.skipIf(!existsSync(FILE))('conformance vectors in guard mode', () => {
  const vectors = existsSync(FILE)
    ? readFileSync(FILE, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Vector)
    : [];
  it('gives every expected r0', () => {
    const failures: string[] = [];
    for (const v of vectors) {
      const link = makeLink();
      link.helpers.set(5, { kind: 'js', fn: (frame) => link.mem.view.setBigUint64(frame, 0n, true) });
      const bytes = Uint8Array.from(v.mem.match(/../g) ?? [], (b) => Number.parseInt(b, 16));
      const at = link.env.alloc(Math.max(bytes.length, 8), 16);
      link.mem.u8.set(bytes, at);
      const result = jitCompile(unverifiedProgram(insnsFromHex(v.insns)), link, {
        guard: {
          regions: [
            { start: STACK_LIMIT, end: STACK_TOP, writable: true },
            { start: at, end: at + bytes.length, writable: true },
          ],
          fuel: 1_000_000,
          r2: bytes.length,
          callx: [5],
        },
      });
      if (!result.ok) {
        failures.push(`${v.file}: ${result.reason} ${result.detail}`);
        continue;
      }
      try {
        result.executable.run(at);
        const got = r0Of(link, result.executable);
        if (got !== BigInt(v.expected)) failures.push(`${v.file}: 0x${got.toString(16)}, expected ${v.expected}`);
      } catch (e) {
        failures.push(`${v.file}: ${String(e)}`);
      }
    }
    expect(failures).toEqual([]);
    expect(vectors.length).toBe(313);
  });
});
