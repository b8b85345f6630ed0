/** Conformance vectors as `skep conformance` runs them, on both engines: the project's own, and the public suite where it is at hand. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { hexBytes, runVector } from '../../src/cli/run/conformance.ts';
import { ownVectors } from '../kernel/interp/vector-file.ts';

const PUBLIC =
  process.env.SKEP_CONFORMANCE ??
  fileURLToPath(new URL('../../../shared/exam/bpf_conformance/vectors.jsonl', import.meta.url));
const hasPublic = existsSync(PUBLIC);
if (!hasPublic) console.log('2 runs of the public conformance suite skipped: its vectors are not here');

const outcome = async (program: Uint8Array, mem: Uint8Array, engine: 'jit' | 'interp'): Promise<string> => {
  try {
    return await runVector(program, mem, engine);
  } catch (e) {
    return `${(e as Error).name} ${(e as Error).message}`;
  }
};

describe.each(['jit', 'interp'] as const)('%s', (engine) => {
  test('own vectors: r0, or a refusal', async () => {
    const wrong: string[] = [];
    for (const v of ownVectors()) {
      // WebAssembly's plain atomics have no alignment to check.
      if (engine === 'jit' && v.result === 'abort misaligned') continue;
      // The command gives each program the same fuel.
      if (v.fuel !== undefined) continue;
      const got = await outcome(v.program, v.mem, engine);
      const expected = v.result.startsWith('0x')
        ? v.result
        : v.result.startsWith('abort')
          ? 'InputError'
          : 'FormatError';
      if (!got.startsWith(expected)) wrong.push(`${v.name}: ${got}, expected ${v.result}`);
    }
    expect(wrong).toEqual([]);
  });

  test.skipIf(!hasPublic)('the public suite', async () => {
    const lines = readFileSync(PUBLIC, 'utf8').trim().split('\n');
    const wrong: string[] = [];
    for (const line of lines) {
      const v = JSON.parse(line) as { file: string; insns: string; mem: string; expected: string };
      const got = await outcome(hexBytes('program', v.insns), hexBytes('memory', v.mem), engine);
      if (!got.startsWith('0x') || BigInt(got) !== BigInt(v.expected)) wrong.push(`${v.file}: ${got}`);
    }
    expect(wrong).toEqual([]);
    expect(lines).toHaveLength(313);
  });
});
