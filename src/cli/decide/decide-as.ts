import { randomUUID } from 'node:crypto';
import type { GovernedRuns } from '../../client/client.js';
import type { Delivery } from '../../client/options.js';
import type { Decision, Resolution } from '../../contracts/decisions.js';
import { PromptOsError } from '../../contracts/errors.js';
import { canonicalSha256 } from '../../contracts/json.js';
import type { AwaitedDecision, AwaitedResolution, RunStatus } from '../../contracts/run-status.js';
import type { Output } from '../app/output.js';
import { requireNoSecret } from '../app/require-no-secret.js';
import type { SelectedRun } from '../app/select-run.js';

/** The fields that bind a decision to what it is about, filled from the run's own status. */
export const bindDecision = (
  status: RunStatus,
  awaited: AwaitedDecision,
  choice: Pick<Decision, 'actor' | 'choice'> & Partial<Decision>,
): Decision => {
  requireNoSecret(choice, 'MESSAGE_HOLDS_SECRET');
  return {
    decision_id: randomUUID(),
    run_id: status.run_id,
    gate: awaited.gate,
    attempt: awaited.attempt,
    request_id: awaited.request_id,
    output_sha256: awaited.output_sha256,
    policy_sha256: status.policy_sha256,
    ...choice,
  };
};

export const bindResolution = (
  status: RunStatus,
  awaited: AwaitedResolution,
  choice: Pick<Resolution, 'actor' | 'choice'> & Partial<Resolution>,
): Resolution => {
  requireNoSecret(choice, 'MESSAGE_HOLDS_SECRET');
  return {
    decision_id: randomUUID(),
    run_id: status.run_id,
    escalation_id: awaited.escalation_id,
    request_id: awaited.request_id,
    policy_sha256: status.policy_sha256,
    report_sha256: shownReportSha256(awaited),
    ...choice,
  };
};

/**
 * The digest of the report as it was shown: what is signed is what was read, whoever answered for the run.
 * @throws PromptOsError REPORT_DIFFERS when the run's worker names another digest than that of the report it showed
 */
export function shownReportSha256({ escalation_id, report, report_sha256 }: AwaitedResolution): string {
  const shown = canonicalSha256(report);
  if (shown === report_sha256) return shown;
  throw new PromptOsError(
    'REPORT_DIFFERS',
    `The report of ${escalation_id} has the digest ${shown}, and the answer asks to sign ${report_sha256}.`,
  );
}

/** @throws PromptOsError DECISION_REFUSED */
function requireCounted(delivery: Delivery, output: Output, { run_id, target_repo }: SelectedRun): void {
  if (delivery.kind === 'queued') {
    output.emit({ run_id, target_repo, delivery: 'queued' });
    return;
  }
  const { accepted, reason, message } = delivery.answer;
  output.emit({ run_id, target_repo, delivery: 'answered', accepted, reason, message });
  if (!accepted) throw new PromptOsError('DECISION_REFUSED', `Refused (${reason}): ${message}`);
}

/** Tells a person what became of a message. @throws PromptOsError DECISION_REFUSED */
export function reportDelivery(delivery: Delivery, what: string, output: Output, run: SelectedRun): void {
  requireCounted(delivery, output, run);
  output.say(
    delivery.kind === 'queued'
      ? `queued: no worker answered, so ${what} waits in the run's history for the next one`
      : `counted: ${what}`,
  );
}

/**
 * Decides without asking anybody, as the named integrator: approves a gate that passed, sends a failed one back with
 * its findings as the reason, and answers an executor's escalation with its own recommendation. For demonstrations and
 * trials: whoever runs it in earnest has no integrator.
 */
export async function decideUnattended(
  runs: GovernedRuns,
  actor: string,
  status: RunStatus,
  awaited: AwaitedDecision | AwaitedResolution,
  output: Output,
): Promise<void> {
  const tell = (text: string) => output.say(`  ${actor} ${text.replaceAll('\n', '\n    ')}`);
  if (awaited.kind === 'resolution') {
    const choice = awaited.trigger === 'executor' || awaited.trigger === 'open_question' ? 'retry' : 'abort';
    // What anybody may have written is not said again in the name of an integrator.
    const issue = awaited.trigger === 'hold' ? '' : awaited.issue;
    const guidance = choice === 'retry' ? awaited.recommendation : issue;
    const resolution = bindResolution(status, awaited, { actor, choice, ...(guidance === '' ? {} : { guidance }) });
    requireCounted(await runs.resolve(resolution), output, status);
    tell(`answers ${awaited.escalation_id} with ${choice}: ${guidance}`);
    return;
  }
  if (awaited.approvable) {
    const acknowledged = [...awaited.to_acknowledge];
    const approval = bindDecision(status, awaited, { actor, choice: 'approve', acknowledged });
    requireCounted(await runs.decide(approval), output, status);
    tell(`approves ${awaited.gate}${acknowledged.length === 0 ? '' : `, acknowledging ${acknowledged.join(', ')}`}`);
    return;
  }
  const reason = failureOf(status, awaited);
  const rejection = bindDecision(status, awaited, { actor, choice: 'reject', reason });
  requireCounted(await runs.decide(rejection), output, status);
  tell(`rejects ${awaited.gate}: ${reason}`);
}

/** What is wrong with a failed gate, as the reason of its rejection: the findings are the next attempt's input. */
export function failureOf(status: RunStatus, { gate }: AwaitedDecision): string {
  const found = status.gates.find((candidate) => candidate.gate === gate);
  const blocking = (found?.findings ?? [])
    .filter(({ blocking }) => blocking)
    .map(({ id, message }) => `${id}: ${message}`);
  const text = [found?.reason ?? '', ...blocking].filter((part) => part !== '').join('\n');
  return (text === '' ? `${gate} did not pass` : text).slice(0, 4_000).toWellFormed();
}
