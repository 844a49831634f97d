/** Closes a run with one plain line that people and machines can read: `120 passed, 0 failed, 2 skipped`. */
import type { Reporter, TestModule } from 'vitest/node';

export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    for (const module of modules) {
      const failedBefore = counts.failed;
      for (const test of module.children.allTests()) counts[test.result().state] += 1;
      // A file that does not load, or whose set-up fails, has no test that does.
      if (module.state() === 'failed' && counts.failed === failedBefore) counts.failed += 1;
    }
    const { passed, failed, skipped, pending } = counts;
    console.log(`${passed} passed, ${failed} failed, ${skipped + pending} skipped`);
  }
}
