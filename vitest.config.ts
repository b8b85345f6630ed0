import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const root = dirname(fileURLToPath(import.meta.url));
const SOURCES = join(root, 'src/');
/** Where test/compile-sources.ts puts what it compiles. */
const COMPILED = join(root, 'coverage/src/');

/**
 * Tests import sources as Node runs them, compiled file by file: the test runner's own form calls a function at each use of an import,
 * and verifies four to eight times slower. Coverage needs that form.
 */
const compiledSources: NonNullable<ViteUserConfig['plugins']>[number] = {
  name: 'compiled-sources',
  enforce: 'pre',
  resolveId(source, importer) {
    if (importer === undefined || !/^\.{1,2}\/.*\.ts$/.test(source)) return undefined;
    const path = resolve(dirname(importer), source);
    return path.startsWith(SOURCES) ? `${COMPILED}${path.slice(SOURCES.length, -'.ts'.length)}.js` : undefined;
  },
};
const coverage = process.env['SKEP_COVERAGE'] !== undefined;

/** Files that take longest, the longest first: begun last, each would run alone while the other worker has nothing to do. */
const LONGEST = [
  'proofs/differential/differential.test.ts',
  'kernel/verifier/domain/exhaustive.test.ts',
  'kernel/verifier/objects.test.ts',
  'kernel/verifier/caps.test.ts',
  'proofs/fuzz/fuzz.test.ts',
  'kernel/verifier/diag/catalogue.test.ts',
  'proofs/soundness/soundness.test.ts',
  'kernel/jit/scale.test.ts',
  'kernel/footprint.test.ts',
  'kernel/boot/engines.test.ts',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = LONGEST.findIndex((name) => moduleId.endsWith(`/test/${name}`));
      return at < 0 ? LONGEST.length : at;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  plugins: coverage ? [] : [compiledSources],
  test: {
    globalSetup: coverage ? [] : ['test/compile-sources.ts'],
    server: { deps: { external: [/\/coverage\/src\//] } },
    include: ['test/**/*.test.ts'],
    reporters: ['default', ['json', { outputFile: 'coverage/test-report.json' }]],
    sequence: { sequencer: LongestFirst },
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Each runtime reserves a gigabyte of address space: processes, so that one test file's memories end with it.
    pool: 'forks',
    maxWorkers: 2,
  },
});
