import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    reporters: ['default', ['json', { outputFile: 'coverage/test-report.json' }]],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Each runtime reserves a gigabyte of address space: processes, so that one test file's memories end with it.
    pool: 'forks',
    maxWorkers: 2,
  },
});
