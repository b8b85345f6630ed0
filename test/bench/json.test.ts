/** `npm run bench -- --json`: one object of the documented shape, engines equal, with and without a kernel to compare with. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const ENGINES = ['interpNs', 'jitNs', 'batchNs', 'kernelNs', 'nativeNs'];

test('one object', () => {
  const words = ['bench/main.mjs', '--json', '--rounds', '1', '--no-native', 'headers', 'hash'];
  const out = execFileSync(process.execPath, words, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const result = JSON.parse(out) as {
    programs: (Record<string, unknown> & { median: Record<string, unknown> })[];
    geomean: Record<string, Record<string, number | null>>;
    kernel: string;
    interpNsPerInsn: number;
  };
  expect(result.programs.map(({ name, kinds, equal }) => ({ name, kinds, equal }))).toEqual([
    { name: 'headers', kinds: ['compute'], equal: true },
    { name: 'hash', kinds: ['map', 'helper'], equal: true },
  ]);
  const live = result.kernel === 'live';
  for (const program of result.programs) {
    for (const engine of ENGINES) {
      const there = engine === 'kernelNs' ? live : engine !== 'nativeNs';
      const kind = there ? 'number' : 'object';
      expect([engine, typeof program[engine], typeof program.median[engine]]).toEqual([engine, kind, kind]);
    }
    expect(program.executed).toBeGreaterThan(50);
  }
  expect(result.interpNsPerInsn).toBeGreaterThan(0.5);
  expect(Object.keys(result.geomean)).toEqual(['interp', 'jit', 'batch', 'native', 'jitToNative', 'batchToNative']);
  for (const kind of ['all', 'compute', 'map', 'helper'])
    expect(typeof result.geomean.batch[kind]).toBe(live ? 'number' : 'object');
});
