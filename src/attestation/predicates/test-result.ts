import type { AttemptRecord } from '../../contracts/attempt.js';
import type { TestResults } from '../../contracts/gate-outputs.js';
import { type Statement, statement } from '../statement.js';
import { byCommit, byDigest, type ResourceDescriptor } from './resource-descriptor.js';

/** in-toto's Test Result v0.1 (https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md). */
export const TEST_RESULT = 'https://in-toto.io/attestation/test-result/v0.1';

export interface TestResult {
  readonly result: 'PASSED' | 'FAILED';
  readonly configuration: readonly ResourceDescriptor[];
  readonly passedTests: readonly string[];
  readonly warnedTests: readonly string[];
  readonly failedTests: readonly string[];
}

export interface TestResultInput {
  readonly record: Pick<AttemptRecord, 'policy_sha256' | 'request_sha256'>;
  readonly targetRepo: string;
  /** What the engine saw of each check, and on which patch. */
  readonly results: TestResults;
}

/**
 * The checks that the engine ran on a patch: each check is one test. None at all proves nothing and has failed. What the
 * verifier thinks of the patch beside this is the gate's verdict. Pure.
 */
export function testResultStatement({ record, targetRepo, results }: TestResultInput): Statement<TestResult> {
  const named = (passed: boolean) =>
    results.checks.filter(({ status }) => (status === 'passed') === passed).map(({ name }) => name);
  const failedTests = named(false);
  const passedTests = named(true);
  return statement(TEST_RESULT, [{ name: 'patch/change.patch', digest: { sha256: results.patch_sha256 } }], {
    result: passedTests.length > 0 && failedTests.length === 0 ? 'PASSED' : 'FAILED',
    configuration: [
      byDigest('policy', record.policy_sha256),
      byDigest('request', record.request_sha256),
      byCommit(targetRepo, results.base_commit),
    ],
    passedTests,
    warnedTests: [],
    failedTests,
  });
}
