import { defineConfig } from 'vitest/config';
import { isLong } from './test/support/fault-form.js';

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
      { extends: true, test: { name: 'auction', include: ['examples/live_auction/test/**/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'security',
          include: ['test/security/**/*.test.ts'],
          testTimeout: isLong ? 3_600_000 : 30_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'fault',
          include: ['test/fault/**/*.test.ts'],
          // Each keeps the machine busy and looks at the time: alone, and after all others.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          testTimeout: isLong ? 3_600_000 : 60_000,
        },
      },
    ],
    coverage: { provider: 'v8', include: ['src/**'], reporter: ['text-summary'] },
  },
});
