import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    maxWorkers: 2,
    // A test that reaches no assertion cannot fail.
    expect: { requireAssertions: true },
  },
});
