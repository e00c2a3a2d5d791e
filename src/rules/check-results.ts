import type { CheckBaseline, CheckResult } from '../contracts/gate-outputs.js';
import { blockingFinding, type JudgedFinding, plainFinding } from './judged-output.js';

function failedCheck({ name, status, exit_code, signal, reason, baseline }: CheckResult): JudgedFinding {
  const why = reason ?? (signal === null ? `exit code ${exit_code ?? 'none'}` : `ended by ${signal}`);
  const compared = baseline === undefined ? '' : ` ${onBaseCommit(baseline)}`;
  return blockingFinding('checks', `The check ${name} ${status.replace('_', ' ')}: ${why}.${compared}`);
}

/** Whose failure it is: a check that failed before any change is nothing that the writer can be asked to answer for. */
function onBaseCommit({ status, exit_code, reason }: CheckBaseline): string {
  if (status === 'passed') return 'It passes on the base commit, so the patch broke it.';
  const why = reason ?? `exit code ${exit_code ?? 'none'}`;
  return status === 'failed'
    ? `It fails on the base commit too, without the patch (${why}).`
    : `On the base commit it ${status.replace('_', ' ')} (${why}), so it is not known whether the patch broke it.`;
}

/** Nothing to compare with: whoever approves takes it on themselves that no test was lost. */
function unknownBaseline({ name, status, baseline }: CheckResult): readonly JudgedFinding[] {
  if (status !== 'passed' || baseline === undefined || baseline.tests !== null) return [];
  const why = baseline.reason ?? `the report could not be read; exit code ${baseline.exit_code ?? 'none'}`;
  const message = `The check ${name} gives no counts on the base commit, so that tests that were lost cannot be noticed: ${why}.`;
  return [plainFinding('checks', 'high', message)];
}

/** What the engine says of the checks that it ran itself: none at all proves nothing and fails. */
export function judgeChecks(results: readonly CheckResult[]): readonly JudgedFinding[] {
  if (results.length === 0) {
    return [
      blockingFinding('no_checks', 'Neither the request nor any criterion names a check, so nothing was proved.'),
    ];
  }
  return [...results.filter(({ status }) => status !== 'passed').map(failedCheck), ...results.flatMap(unknownBaseline)];
}
