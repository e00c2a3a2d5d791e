import type { BaselineCheck, CheckResult } from '../contracts/gate-outputs.js';
import type { Policy } from '../contracts/policy.js';
import { withinSentence } from '../contracts/sentences.js';
import { blockingFinding, type JudgedFinding, plainFinding } from './judged-output.js';

/** P00: a check that fails before any change is the base commit's failure, and nothing that the run broke. */
export function judgeBaseline(
  baseline: Policy['baseline'],
  checks: readonly BaselineCheck[],
): readonly JudgedFinding[] {
  if (baseline === 'off') return [];
  return checks
    .filter(({ status }) => status !== 'passed')
    .map(({ name, status, exit_code, reason }) => {
      const why = withinSentence(reason ?? `exit code ${exit_code ?? 'none'}`);
      const failed = status === 'failed' || status === 'timed_out';
      const said = failed
        ? `The check ${name} ${status.replace('_', ' ')} on the base commit, before any change: ${why}.`
        : `Whether the check ${name} passes on the base commit is not known: ${why}.`;
      return baseline === 'block'
        ? blockingFinding('baseline', `${said} The policy asks for a base commit on which it passes.`)
        : plainFinding('baseline', failed ? 'medium' : 'low', said);
    });
}

const settled = ({ status }: { readonly status: string }): boolean => status === 'passed' || status === 'failed';

/** P06: the writer's worker and the verifier's saw different things of the same commit. The verifier's own counts. */
export const judgeBothBaselines = (
  results: readonly CheckResult[],
  writers: readonly BaselineCheck[],
): readonly JudgedFinding[] =>
  results.flatMap(({ name, baseline }) => {
    const other = writers.find((check) => check.name === name);
    if (baseline === undefined || other === undefined || !settled(baseline) || !settled(other)) return [];
    if (baseline.status === other.status) return [];
    const message = `The check ${name} ${other.status} on the base commit at P00 and ${baseline.status} there at P06: it does not always end the same way, or the two workers differ.`;
    return [plainFinding('baseline', 'medium', message)];
  });
