import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take longest, the longest first: begun last, each would run alone while the other worker has nothing to do. */
const LONGEST = [
  'proofs/differential/differential.test.ts',
  'kernel/verifier/domain/exhaustive.test.ts',
  'kernel/verifier/objects.test.ts',
  'kernel/verifier/caps.test.ts',
  'proofs/fuzz/fuzz.test.ts',
  'kernel/verifier/catalogue.test.ts',
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
  test: {
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
