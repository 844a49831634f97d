import { defineConfig } from 'vitest/config';

// Processes, not threads: a worker thread that ends with an open native ZeroMQ socket aborts its process.
export default defineConfig({
  test: {
    pool: 'forks',
    setupFiles: ['./test/support/property-seed.ts'],
    testTimeout: 20_000,
    hookTimeout: 20_000,
    reporters: ['default', './test/support/summary-reporter.ts'],
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/unit/**/*.test.ts'] } },
      { extends: true, test: { name: 'conformance', include: ['test/conformance/**/*.test.ts'] } },
      { extends: true, test: { name: 'integration', include: ['test/integration/**/*.test.ts'] } },
    ],
    coverage: { provider: 'v8', include: ['src/**'], reporter: ['text-summary'] },
  },
});
