import { canonicalJson } from '../../contracts/json.js';
import type { Envelope } from '../../contracts/keys.js';
import { type ExecutorRole, GATES } from '../../contracts/names.js';
import type { ArtifactRef } from '../../contracts/primitives.js';
import type { AttemptRecord } from '../../contracts/record/attempt.js';
import type { PromptSession } from '../../contracts/record/prompt-session.js';
import type { RecordedAttempt, RecordedWaiver, RunRecord } from '../../contracts/record/run-record.js';
import type { LedgerEntry, LedgerEventOf } from '../../contracts/run/ledger.js';
import { rulesVersionOf } from '../../contracts/run/rules-version.js';
import type { RunPlan } from '../../contracts/run/run-plan.js';
import { keyidOf } from '../attest/envelope.js';
import type { ClosedLedger } from '../ledger/closed-ledger.js';
import { headOf } from '../ledger/ledger-chain.js';
import { authenticationOf } from '../ledger/signed-acts.js';
import { type AttemptHistory, attemptHistories } from '../run/attempt-history.js';
import { runSpending } from '../run/budget.js';
import { cancellationOf } from '../run/cancellation.js';
import { evolve } from '../run/evolve.js';
import { currentGate, gateState, INITIAL_STATE } from '../run/run-state.js';
import { TREE_PATHS } from './published-tree.js';
import { sandboxesOfRun } from './sandboxes.js';

/** What a run record is made of: nothing else flows into it, so a verifier can make it again from these. */
export interface RunRecordInput {
  /** The whole ledger. */
  readonly ledger: ClosedLedger;
  /** Every attempt's record, by its digest. */
  readonly attempts: ReadonlyMap<string, AttemptRecord>;
  /** Every file of the tree but the record itself and the ledger. */
  readonly artifacts: readonly ArtifactRef[];
  readonly session: PromptSession;
  /** The engine's key that is going to sign the record, or null when no key will. */
  readonly sealedBy: string | null;
}

type RecordedEscalation = RunRecord['escalations'][number];

/** The run from start to end, as the ledger has it. */
export function buildRunRecord({ ledger, attempts, artifacts, session, sealedBy }: RunRecordInput): RunRecord {
  const { entries, opening, closing, attempts: histories } = ledger;
  const { run, workflow } = opening;
  const plan = opening.type === 'runOpened' ? opening.plan : null;
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
    ...sandboxesOfRun([...attempts.values()]),
    ...independenceOf(plan, histories, attempts),
    ...budgetsOf(plan, entries),
    ...waiversOf(plan, entries),
    refusals: entries.flatMap((entry) => (entry.type === 'refused' ? [recordedRefusal(entry)] : [])),
    refusals_counted: closing.refusals_counted,
    artifacts: [...artifacts],
    ledger: { path: TREE_PATHS.ledger, entries: entries.length, head: headOf(entries).hash },
    governance: { prompt_artifact_hash: session.artifact_hash, prompt_chain_hash: session.chain_hash },
  };
}

/** Void attempts judged nothing that counts. */
function independenceOf(
  plan: RunPlan | null,
  histories: readonly AttemptHistory[],
  attempts: ReadonlyMap<string, AttemptRecord>,
): Pick<RunRecord, 'independence'> {
  if (plan?.independence === undefined) return {};
  const comparisons = histories.flatMap(({ output_sha256, standing }) =>
    output_sha256 === null || standing === 'voided' ? [] : (attempts.get(output_sha256)?.independence ?? []),
  );
  return { independence: { ...plan.independence, comparisons } };
}

function budgetsOf(plan: RunPlan | null, entries: readonly LedgerEntry[]): Pick<RunRecord, 'budgets'> {
  const budgets = plan?.budgets === undefined ? null : runSpending(entries.reduce(evolve, INITIAL_STATE));
  return budgets === null ? {} : { budgets };
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
    ...(record?.checks_sandbox === undefined ? {} : { checks_sandbox: record.checks_sandbox }),
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

/**
 * The judge and the judged: who holds each role, with which keys they signed in this run, and which executors really
 * carried the role out, void attempts included. In the order in which each first appeared.
 */
function recordedRoles(
  plan: RunPlan | null,
  entries: readonly LedgerEntry[],
  attempts: readonly AttemptRecord[],
): RunRecord['roles'] {
  if (plan === null) return { writer: null, verifier: null, reviewer: null, integrator: [] };
  const keysOfPeople = (principal: string) =>
    keyids(
      entries.flatMap((entry) => {
        if (entry.type === 'decisionCounted') return entry.decision.actor === principal ? [entry.envelope] : [];
        if (entry.type === 'escalationResolved') return entry.resolution.actor === principal ? [entry.envelope] : [];
        if (entry.type === 'cancellationCounted') return entry.cancellation.actor === principal ? [entry.envelope] : [];
        return [];
      }),
    );
  const keysOfRole = (role: ExecutorRole) =>
    keyids(
      entries.flatMap((entry) =>
        entry.type === 'gateFinished' && GATES[entry.gate].role === role ? [entry.attestation] : [],
      ),
    );
  const executors = (role: ExecutorRole) => {
    const used = attempts.filter((attempt) => attempt.role === role).map(({ executor }) => executor);
    return [...new Map(used.map((executor) => [canonicalJson(executor), executor])).values()];
  };
  const duty = (role: ExecutorRole) => ({
    principal: plan.principals[role],
    keyids: keysOfRole(role),
    executors: executors(role),
  });
  return {
    writer: duty('writer'),
    verifier: duty('verifier'),
    reviewer: duty('reviewer'),
    integrator: plan.integrators.map((principal) => ({ principal, keyids: keysOfPeople(principal) })),
  };
}

const keyids = (envelopes: readonly (Envelope | null)[]): string[] => [
  ...new Set(envelopes.flatMap((envelope) => keyidOf(envelope) ?? [])),
];

/** Every waiver of a run, in the order in which they counted, as the ledger has them. */
export function recordedWaivers(entries: readonly LedgerEntry[]): readonly RecordedWaiver[] {
  const waivers: RecordedWaiver[] = [];
  const histories = attemptHistories(entries);
  let state = INITIAL_STATE;
  for (const entry of entries) {
    if (entry.type === 'escalationResolved' && entry.waived.length > 0) {
      const { resolution, waived } = entry;
      const escalation = state.escalations.find(({ escalation_id }) => escalation_id === resolution.escalation_id);
      const gate = escalation?.gate ?? currentGate(state)?.gate;
      const attempt = gate === undefined ? undefined : gateState(state, gate)?.current;
      if (gate !== undefined && attempt != null) {
        const history = histories.find((one) => one.gate === gate && one.attempt === attempt.attempt);
        waivers.push({
          escalation_id: resolution.escalation_id,
          gate,
          attempt: attempt.attempt,
          waived_at: entry.at,
          waived_by: resolution.actor,
          signed_by: keyidOf(entry.envelope),
          reason: resolution.guidance ?? '',
          expires_at: resolution.waiver_expires_at ?? null,
          findings: attempt.findings.filter(({ id }) => waived.includes(id)),
          standing: history?.standing ?? 'open',
        });
      }
    }
    state = evolve(state, entry);
  }
  return waivers;
}

/**
 * The waivers that the approved change depends on: of attempts that passed, and the last one of each finding. They are
 * shown to the person who merges.
 */
export function restingWaivers(waivers: readonly RecordedWaiver[]): readonly RecordedWaiver[] {
  return waivers.flatMap((waiver, index) => {
    if (waiver.standing !== 'passed') return [];
    const renewed = (id: string): boolean =>
      waivers
        .slice(index + 1)
        .some((later) => sameAttempt(later, waiver) && later.findings.some((finding) => finding.id === id));
    const findings = waiver.findings.filter(({ id }) => !renewed(id));
    return findings.length === 0 ? [] : [{ ...waiver, findings }];
  });
}

const sameAttempt = (one: RecordedWaiver, other: RecordedWaiver): boolean =>
  one.gate === other.gate && one.attempt === other.attempt;
