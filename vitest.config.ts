import { defineConfig } from 'vitest/config';

/** What needs no process, file or module of its own: pure functions, which may share a warm process (half the time). */
const pure = ['checkers', 'history', 'workloads', 'nemesis', 'reference-impl/core', 'reference-impl/client'];
const tests = (folder: string): string => `${folder}/**/*.test.ts`;
const never = ['**/node_modules/**', 'dist/**', 'dist.tmp-*/**', '.tidemark/**'];

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    // Ends what hangs; a busy machine is no failure.
    testTimeout: process.env['TIDEMARK_DEEP'] === undefined ? 120_000 : 3_600_000,
    hookTimeout: 60_000,
    teardownTimeout: 5_000,
    reporters: ['default', './test-support/skip-reporter.ts'],
    projects: [
      { extends: true, test: { name: 'whole', include: ['**/*.test.ts'], exclude: [...never, ...pure.map(tests)] } },
      { extends: true, test: { name: 'pure', include: pure.map(tests), exclude: never, isolate: false } },
    ],
  },
});
