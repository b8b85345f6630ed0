/** The public RFC 9669 vectors in guard mode, where they are at hand. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ConformanceRunner } from '../../../src/kernel/interp/index.ts';
import { jitGuarded } from '../../../src/kernel/jit/index.ts';

const FILE =
  process.env.SKEP_CONFORMANCE ??
  fileURLToPath(new URL('../../../../shared/exam/bpf_conformance/vectors.jsonl', import.meta.url));
interface Vector {
  file: string;
  insns: string;
  mem: string;
  expected: string;
}
const fromHex = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (b) => Number.parseInt(b, 16));

describe.skipIf(!existsSync(FILE))('conformance vectors in guard mode', () => {
  it('gives every expected r0', () => {
    const vectors = readFileSync(FILE, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Vector);
    const runner = new ConformanceRunner(jitGuarded);
    const failures: string[] = [];
    for (const v of vectors) {
      try {
        const got = runner.run(fromHex(v.insns), fromHex(v.mem));
        if (BigInt(got) !== BigInt(v.expected)) failures.push(`${v.file}: ${got}, expected ${v.expected}`);
      } catch (e) {
        failures.push(`${v.file}: ${String(e)}`);
      }
    }
    expect(failures).toEqual([]);
    expect(vectors.length).toBe(313);
  });
});
