/** Conformance vectors as `skep conformance` runs them, on both engines: the project's own, and the public suite where it is at hand. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { hexBytes, runVector } from '../../../src/cli/run/conformance.ts';
import { ownVectors } from '../../kernel/interp/vector-file.ts';
import { skep, skepProcess } from '../skep.ts';

const PUBLIC =
  process.env.SKEP_CONFORMANCE ??
  fileURLToPath(new URL('../../../../shared/exam/bpf_conformance/vectors.jsonl', import.meta.url));
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

describe('the command', () => {
  test('r0 in hexadecimal; program on stdin or as an option', () => {
    expect(skepProcess(['conformance'], 'b700 0000 2a00 0000\n95000000 00000000\n').out).toBe('0x2a\n');
    for (const engine of ['jit', 'interp']) {
      const words = ['conformance', '0102', '--engine', engine, '--program', '69100000 00000000 95000000 00000000'];
      expect(skep(words).out).toBe('0x201\n');
    }
  });
  test.each([
    [['0'], 3, 'an even number of digits'],
    [['zz'], 3, 'hexadecimal digits expected (at offset 0)'],
    [['--program', ''], 3, 'there is none'],
    [['--program', '95000000'], 3, 'BPF'],
    [['--program', '79100000 00000000 95000000 00000000'], 3, 'stopped'],
    [['--program', '0500ffff 00000000 95000000 00000000'], 3, 'stopped'],
    [['00', '11'], 2, 'one memory'],
  ])('%j', (words, code, text) => {
    const said = skep(['conformance', ...words]);
    expect(said.code).toBe(code);
    expect(said.err).toContain(text);
  });
});
