import { defineConfig } from 'vitest/config';

/**
 * Tests that judge mutants of cost, strategy and rules: those that calculate by hand. Left out is what would cost each
 * surviving mutant seconds or minutes: random sweeps, measured corpora, searches, spawned shells.
 */
export default defineConfig({
  test: {
    include: ['test/{cost,strategy,runtimes}/**/*.test.ts', 'test/cluster/measured-links.test.ts'],
    exclude: [
      'test/cost/memory-golden.test.ts',
      'test/cost/pipeline-random.test.ts',
      'test/runtimes/megatron-hostile.test.ts',
      'test/runtimes/megatron-launch.test.ts',
      'test/runtimes/megatron-vectors.test.ts',
      'test/runtimes/other-runtimes.test.ts',
      'test/runtimes/text-forms.test.ts',
    ],
    testTimeout: 60_000,
  },
});
