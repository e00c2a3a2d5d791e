import type { GovernedRuns } from '../../../client/client.js';
import { PromptOsError } from '../../../contracts/errors.js';
import { canonicalJson } from '../../../contracts/json.js';
import { GATES, RUN_ID_PATTERN } from '../../../contracts/names.js';
import type { RecordedAttempt, RunRecord } from '../../../contracts/record/run-record.js';
import { type LedgerEntry, type LedgerHead, parseLedgerLines } from '../../../contracts/run/ledger.js';
import type { GovernedRunInput } from '../../../contracts/run/run-plan.js';
import type { GateStatus, RunStatus } from '../../../contracts/run/run-status.js';
import { checkChain, EMPTY_LEDGER } from '../../../domain/ledger/ledger-chain.js';
import { weakestSandbox } from '../../../domain/record/sandboxes.js';
import { totalUsage } from '../../../domain/record/usage.js';
import { evolve } from '../../../domain/run/evolve.js';
import { INITIAL_STATE } from '../../../domain/run/run-state.js';
import { describeRun } from '../../../domain/run/run-status.js';
import type { ArtifactStore } from '../../../ports/artifact-store.js';
import { readPublishedRun } from '../../app/published-run.js';
import { modelsOf } from './gate-models.js';
import type { OpenedRuns } from './governed-runs.js';

type RecordedGate = RunRecord['gates'][number];

/** The status that a run ended with, from its record; null while there is none. */
export async function publishedStatus(store: ArtifactStore, runId: string): Promise<RunStatus | null> {
  if (!RUN_ID_PATTERN.test(runId) || (await store.published(runId)) === null) return null;
  const { record, recordSha256 } = await readPublishedRun(store, runId);
  return statusOfRecord(record, recordSha256);
}

/** The status of a run that has ended, from its record alone: no worker and no server has to be there. */
function statusOfRecord(record: RunRecord, recordSha256: string): RunStatus {
  return {
    run_id: record.run_id,
    phase: 'closed',
    outcome: record.outcome,
    outcome_reason: record.outcome_reason,
    cancellation: record.cancellation ?? null,
    ...(record.budgets === undefined ? {} : { budgets: record.budgets }),
    developer: record.developer,
    target_repo: record.target_repo,
    base_commit: record.base_commit,
    policy_sha256: record.policy.sha256,
    authentication: null,
    self_approval: record.policy.self_approval,
    integrators: record.roles.integrator.map(({ principal }) => principal),
    gates: record.gates.map((gate) => ({ ...statusOfGate(gate), ...independenceOf(gate, record) })),
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
  const sandbox = weakestSandbox([standing?.executor?.sandbox, standing?.checks_sandbox]);
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
    ...usageOf(attempts.flatMap(({ tries }) => tries)),
    ...modelsOfAttempt(standing),
    ...(sandbox === undefined ? {} : { sandbox }),
  };
}

function usageOf(tries: RecordedAttempt['tries']): Pick<GateStatus, 'usage'> {
  const usage = totalUsage(tries);
  return usage === null ? {} : { usage };
}

function modelsOfAttempt(attempt: RecordedAttempt | undefined): Pick<GateStatus, 'models'> {
  if (attempt?.executor == null) return {};
  const models = modelsOf({ ...attempt, executor: attempt.executor });
  return models === null ? {} : { models };
}

function independenceOf({ gate }: RecordedGate, { independence }: RunRecord): Pick<GateStatus, 'independence'> {
  const own = (independence?.comparisons ?? []).filter(({ judge }) => judge.gate === gate);
  return own.length === 0 ? {} : { independence: own };
}

/** A gate that was open when the run ended stays where it was: nothing is awaited of it any more. */
function stateOf(attempt: RecordedAttempt | undefined): GateStatus['state'] {
  if (attempt === undefined) return 'waiting';
  return attempt.standing === 'passed' ? 'passed' : 'held';
}

/** A run as the store has it, and what has come since. */
export interface StoredStatus {
  readonly status: RunStatus;
  /** Messages that wait for a worker. */
  readonly unread: number;
}

/** A run's ledger as far as the engine saved it. */
export interface StoredLedger {
  readonly input: GovernedRunInput;
  readonly entries: readonly LedgerEntry[];
  readonly head: LedgerHead;
  readonly unread: number;
}

/**
 * The ledger of a run without a worker. A run that waits for a person has saved all but refusals, and one that carries out a gate
 * all that was before.
 * @returns null when the store holds no ledger of the run, or one that does not hold together
 */
export async function storedLedger(
  runs: GovernedRuns,
  store: ArtifactStore,
  runId: string,
): Promise<StoredLedger | null> {
  const { input, segments, unread } = await runs.recorded(runId);
  if (segments.length === 0) return null;
  const entries: LedgerEntry[] = [];
  for (const { sha256 } of segments) {
    if (!(await store.hasObject(sha256))) return null;
    entries.push(...parseLedgerLines(await store.readObject(sha256)));
  }
  const chain = checkChain(entries, EMPTY_LEDGER);
  const opening = entries[0];
  const ours = opening?.type === 'runOpened' && canonicalJson(opening.run) === canonicalJson(input);
  return chain.ok && ours ? { input, entries, head: chain.head, unread } : null;
}

/** The status of a run without a worker: its stored ledger, folded as the run does; null when there is none. */
export async function storedStatus(
  runs: GovernedRuns,
  store: ArtifactStore,
  runId: string,
): Promise<StoredStatus | null> {
  const stored = await storedLedger(runs, store, runId);
  if (stored === null) return null;
  const { input, entries, head, unread } = stored;
  return { status: describeRun(entries.reduce(evolve, INITIAL_STATE), input, head, null), unread };
}

/** The status of a run that has not ended, or why it is not known. */
export type LiveStatus = { readonly status: RunStatus } | { readonly missing: PromptOsError };

/**
 * Asks a run that a message is meant for; without a worker, what the store has of it.
 * @throws PromptOsError RUN_CLOSED when it has ended
 */
export async function liveStatus({ runs, store }: OpenedRuns, runId: string): Promise<LiveStatus> {
  const closed = () => new PromptOsError('RUN_CLOSED', `Run ${runId} has ended.`);
  if ((await store.published(runId)) !== null) throw closed();
  try {
    const status = await runs.status(runId);
    if (status.phase === 'closed') throw closed();
    return { status };
  } catch (error) {
    if (!(error instanceof PromptOsError && error.code === 'WORKER_MISSING')) throw error;
    if ((await runs.describe(runId)).status !== 'RUNNING') throw closed();
    const stored = await storedStatus(runs, store, runId);
    if (stored === null) return { missing: error };
    if (stored.status.phase === 'closed') throw closed();
    return { status: stored.status };
  }
}
