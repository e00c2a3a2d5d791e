import { GATES, RUN_ID_PATTERN } from '../contracts/names.js';
import type { RecordedAttempt, RunRecord } from '../contracts/run-record.js';
import type { GateStatus, RunStatus } from '../contracts/run-status.js';
import type { ArtifactStore } from '../ports/artifact-store.js';
import { readPublishedRun } from './published-run.js';

type RecordedGate = RunRecord['gates'][number];

/** The status that a run ended with, from its record; null while there is none. */
export async function publishedStatus(store: ArtifactStore, runId: string): Promise<RunStatus | null> {
  if (!RUN_ID_PATTERN.test(runId) || (await store.published(runId)) === null) return null;
  const { record, recordSha256 } = await readPublishedRun(store, runId);
  return statusOfRecord(record, recordSha256);
}

/** The status of a run that has ended, from its record alone: no worker and no server has to be there. */
export function statusOfRecord(record: RunRecord, recordSha256: string): RunStatus {
  return {
    run_id: record.run_id,
    phase: 'closed',
    outcome: record.outcome,
    outcome_reason: record.outcome_reason,
    cancellation: record.cancellation ?? null,
    developer: record.developer,
    target_repo: record.target_repo,
    base_commit: record.base_commit,
    policy_sha256: record.policy.sha256,
    authentication: null,
    self_approval: record.policy.self_approval,
    integrators: record.roles.integrator.map(({ principal }) => principal),
    gates: record.gates.map(statusOfGate),
    awaiting: [],
    escalations_raised: record.escalations.length,
    refusals: record.refusals.length + Object.values(record.refusals_counted).reduce((sum, count) => sum + count, 0),
    ledger: { entries: record.ledger.entries, hash: record.ledger.head },
    run_record_sha256: recordSha256,
  };
}

function statusOfGate({ gate, attempts }: RecordedGate): GateStatus {
  const last = attempts.at(-1);
  const standing = last?.standing === 'voided' ? undefined : last;
  return {
    gate,
    title: GATES[gate].title,
    state: stateOf(standing),
    attempt: last?.attempt ?? 0,
    verdict: standing?.verdict ?? null,
    reason: standing?.reason ?? null,
    output_sha256: standing?.output_sha256 ?? null,
    findings: standing?.findings ?? [],
    findings_omitted: 0,
    waived: standing?.waived ?? [],
  };
}

/** A gate that was open when the run ended stays where it was: nothing is awaited of it any more. */
function stateOf(attempt: RecordedAttempt | undefined): GateStatus['state'] {
  if (attempt === undefined) return 'waiting';
  return attempt.standing === 'passed' ? 'passed' : 'held';
}
