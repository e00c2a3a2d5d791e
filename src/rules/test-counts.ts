import type { CheckBaseline, TestCounts } from '../contracts/gate-outputs.js';
import { counted } from '../contracts/sentences.js';

/**
 * Why the counts of a check's report do not carry its exit code 0, or null when they do. A program that ends early, and
 * tests that were emptied or deleted, show here and nowhere else.
 */
export function judgeCounts(tests: TestCounts, baseline: Pick<CheckBaseline, 'tests'>): string | null {
  if (tests.executed === 0) return 'its report counts no executed test';
  if (tests.failed > 0)
    return `its report counts ${counted(tests.failed, 'failed test')}, although it ended with exit code 0`;
  const before = baseline.tests?.executed ?? 0;
  if (tests.executed >= before) return null;
  return `it executed ${counted(tests.executed, 'test')}; on the base commit it executes ${before}`;
}
