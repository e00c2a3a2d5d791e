import type { TestCounts } from '../../contracts/gate-outputs.js';

export type TestOutcome = 'passed' | 'failed' | 'skipped';

export function countOutcomes(outcomes: readonly TestOutcome[]): TestCounts {
  const count = (wanted: TestOutcome): number => outcomes.filter((outcome) => outcome === wanted).length;
  const [passed, failed, skipped] = [count('passed'), count('failed'), count('skipped')];
  return { executed: passed + failed, passed, failed, skipped };
}
