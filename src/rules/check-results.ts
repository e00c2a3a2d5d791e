import type { CheckResult } from '../contracts/gate-outputs.js';
import { blockingFinding, type JudgedFinding } from './judged-output.js';

function failedCheck({ name, status, exit_code, signal, reason }: CheckResult): JudgedFinding {
  const why = reason ?? (signal === null ? `exit code ${exit_code ?? 'none'}` : `ended by ${signal}`);
  return blockingFinding('checks', `The check ${name} ${status.replace('_', ' ')}: ${why}.`);
}

/** What the engine says of the checks that it ran itself: none at all proves nothing and fails. */
export function judgeChecks(results: readonly CheckResult[]): readonly JudgedFinding[] {
  if (results.length === 0) {
    return [
      blockingFinding('no_checks', 'Neither the request nor any criterion names a check, so nothing was proved.'),
    ];
  }
  return results.filter(({ status }) => status !== 'passed').map(failedCheck);
}
