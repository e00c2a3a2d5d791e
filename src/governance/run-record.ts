import type { AttemptRecord } from '../contracts/attempt.js';
import type { LedgerEntry, LedgerEventOf } from '../contracts/ledger.js';
import { GATES } from '../contracts/names.js';
import type { ArtifactRef } from '../contracts/primitives.js';
import type { PromptSession } from '../contracts/prompt-session.js';
import { rulesVersionOf } from '../contracts/rules-version.js';
import type { RunPlan } from '../contracts/run-plan.js';
import type { RecordedAttempt, RunRecord } from '../contracts/run-record.js';
import { type AttemptHistory, attemptHistories } from './attempt-history.js';
import { headOf } from './ledger-chain.js';
import { closingOf, openingOf } from './ledger-ends.js';
import { TREE_PATHS } from './published-tree.js';
import { cancellationOf } from './recorded-cancellation.js';
import { recordedRoles } from './recorded-roles.js';
import { recordedWaivers } from './recorded-waivers.js';
import { authenticationOf, keyidOf } from './signed-acts.js';

/** What a run record is made of: nothing else flows into it, so whoever has these can make it again. */
export interface RunRecordInput {
  /** The whole ledger. */
  readonly entries: readonly LedgerEntry[];
  /** Every attempt's record, by its digest. */
  readonly attempts: ReadonlyMap<string, AttemptRecord>;
  /** Every file of the tree but the record itself and the ledger. */
  readonly artifacts: readonly ArtifactRef[];
  readonly session: PromptSession;
  /** The engine's key that is going to sign the record, or null when nobody will. */
  readonly sealedBy: string | null;
}

type RecordedEscalation = RunRecord['escalations'][number];

/**
 * The run from start to end, as the ledger tells it.
 * @throws PromptOsError LEDGER_BROKEN when the ledger does not run from an opening to a closing
 */
export function buildRunRecord({ entries, attempts, artifacts, session, sealedBy }: RunRecordInput): RunRecord {
  const opening = openingOf(entries);
  const closing = closingOf(entries);
  const { run, workflow } = opening;
  const plan = opening.type === 'runOpened' ? opening.plan : null;
  const histories = attemptHistories(entries);
  const cancellation = cancellationOf(entries);
  return {
    schema_version: 1,
    run_id: run.run_id,
    outcome: closing.outcome,
    outcome_reason: closing.reason,
    started_at: opening.at,
    finished_at: closing.at,
    target_repo: run.target_repo,
    base_commit: run.base_commit,
    developer: run.developer,
    promptos: {
      version: run.prompt_os_version,
      pack_sha256: plan?.pack_sha256 ?? null,
      lint_passed: plan?.lint_passed ?? false,
    },
    policy: {
      sha256: run.policy_sha256,
      self_approval: plan?.self_approval ?? null,
      separation: plan?.separation ?? null,
    },
    request_sha256: run.request_sha256,
    request_signed_by: plan?.request_signed_by?.keyid ?? null,
    workflow: {
      namespace: workflow.namespace,
      workflow_id: workflow.workflow_id,
      run_id: workflow.first_execution_run_id,
      task_queue: workflow.task_queue,
    },
    authentication: authenticationOf(entries),
    attestations: plan?.attestations ?? null,
    sealed_by: sealedBy,
    roles: recordedRoles(plan, entries, [...attempts.values()]),
    gates: run.gates.map((gate) => ({
      gate,
      phase: GATES[gate].phase,
      attempts: histories
        .filter((history) => history.gate === gate)
        .map((history) => recordedAttempt(history, attempts)),
    })),
    escalations: [...recordedEscalations(entries)],
    ...(cancellation === undefined ? {} : { cancellation }),
    ...waiversOf(plan, entries),
    refusals: entries.flatMap((entry) => (entry.type === 'refused' ? [recordedRefusal(entry)] : [])),
    refusals_counted: closing.refusals_counted,
    artifacts: [...artifacts],
    ledger: { path: TREE_PATHS.ledger, entries: entries.length, head: headOf(entries).hash },
    governance: { prompt_artifact_hash: session.artifact_hash, prompt_chain_hash: session.chain_hash },
  };
}

/** Runs of version 1 have the waivers in their attempts and escalations alone. */
function waiversOf(plan: RunPlan | null, entries: readonly LedgerEntry[]): Pick<RunRecord, 'waivers'> {
  const waivers = plan !== null && rulesVersionOf(plan) >= 2 ? [...recordedWaivers(entries)] : [];
  return waivers.length === 0 ? {} : { waivers };
}

/** Every escalation of a run with what came of it, in the order in which they were raised. */
export function recordedEscalations(entries: readonly LedgerEntry[]): readonly RecordedEscalation[] {
  const found: RecordedEscalation[] = [];
  for (const entry of entries) {
    if (entry.type === 'escalationOpened') {
      const { escalation_id, at, gate, attempt, raised_by, report, envelope } = entry;
      const signed_by = keyidOf(envelope);
      found.push({ escalation_id, opened_at: at, gate, attempt, raised_by, signed_by, report, resolution: null });
    }
    if (entry.type === 'escalationResolved') {
      const { at, resolution, envelope, waived } = entry;
      const about = found.find(({ escalation_id }) => escalation_id === resolution.escalation_id);
      if (about !== undefined) about.resolution = { at, resolution, signed_by: keyidOf(envelope), waived };
    }
  }
  return found;
}

function recordedAttempt(history: AttemptHistory, attempts: ReadonlyMap<string, AttemptRecord>): RecordedAttempt {
  const record = history.output_sha256 === null ? undefined : attempts.get(history.output_sha256);
  return {
    attempt: history.attempt,
    started_at: history.started_at,
    finished_at: history.finished_at,
    principal: history.principal,
    signed_by: history.signed_by,
    output_sha256: history.output_sha256,
    prompt: record?.prompt ?? null,
    tries: record?.tries ?? [],
    executor: record?.executor ?? null,
    verdict: history.verdict,
    reason: history.reason,
    findings: record?.findings ?? [],
    waived: [...history.waived],
    decisions: [...history.decisions],
    feedback: [...history.feedback],
    standing: history.standing,
  };
}

function recordedRefusal(entry: LedgerEventOf<'refused'> & { readonly at: string }): RunRecord['refusals'][number] {
  const { at, kind, reason, message, claimed_actor, decision_id } = entry;
  return { at, kind, reason, message, claimed_actor, decision_id };
}
