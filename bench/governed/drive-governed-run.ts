import { setTimeout } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { GovernedRuns } from '../../src/client/client.js';
import type { Decision } from '../../src/contracts/decisions.js';
import { GATE_IDS, runWorkflowId } from '../../src/contracts/names.js';
import type { AwaitedDecision, RunStatus } from '../../src/contracts/run-status.js';
import { approveSignal } from '../../src/workflows/messages.js';
import type { BenchRepository, WorkSize } from './bench-repository.js';

/** Through which door approvals come. */
export type Door = 'signal' | 'update';

export interface DrivenRun {
  readonly workflowId: string;
  /** When each approval was sent, in milliseconds of this machine's clock. */
  readonly answered: readonly number[];
}

export interface GovernedBench {
  readonly client: Client;
  readonly runs: GovernedRuns;
  readonly repository: BenchRepository;
}

/** Wide apart, since each look is work for the worker that is measured. */
const POLL_MS = 100;
const TIMEOUT_MS = 10 * 60_000;

/**
 * Waits until a run has opened, by its history alone: a query that comes while it opens, within its local activity, costs
 * a workflow task of three events, and whoever measures must not add to what is measured.
 */
export async function awaitOpened(client: Client, workflowId: string): Promise<void> {
  for (const deadline = performance.now() + TIMEOUT_MS; performance.now() < deadline; ) {
    const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
    if (events?.some((event) => event.activityTaskScheduledEventAttributes)) return;
    await setTimeout(POLL_MS);
  }
  throw new Error(`${workflowId} has not opened`);
}

/** Starts a run that walks all six gates, and waits until it has opened. */
export async function startGovernedRun(
  { client, runs, repository }: GovernedBench,
  runId: string,
  size: WorkSize = 'small',
): Promise<string> {
  const { request, policy, pack, name: targetRepo, commits } = repository;
  const baseCommit = commits[size];
  await runs.start({ runId, developer: 'ada', targetRepo, baseCommit, gates: GATE_IDS, request, policy, pack });
  const workflowId = runWorkflowId(runId);
  await awaitOpened(client, workflowId);
  return workflowId;
}

/**
 * Waits until a run asks for a decision that was not given yet.
 * @throws Error when it does not within ten minutes, or when the gate did not pass
 */
export async function awaitRequest(
  { runs }: GovernedBench,
  runId: string,
  given: ReadonlySet<string> = new Set(),
): Promise<{ readonly status: RunStatus; readonly awaited: AwaitedDecision }> {
  for (const deadline = performance.now() + TIMEOUT_MS; performance.now() < deadline; ) {
    const status = await runs.status(runId);
    const awaited = status.awaiting.find(({ request_id }) => !given.has(request_id));
    if (awaited?.kind === 'decision' && awaited.approvable) return { status, awaited };
    if (awaited !== undefined || status.phase === 'closed') {
      throw new Error(`${runId} left the straight path: ${JSON.stringify(awaited ?? status.outcome_reason)}`);
    }
    await setTimeout(POLL_MS);
  }
  throw new Error(`${runId} asked for nothing`);
}

const approval = ({ policy_sha256, run_id }: RunStatus, awaited: AwaitedDecision): Decision => ({
  decision_id: `${awaited.request_id}-grace`,
  run_id,
  gate: awaited.gate,
  attempt: awaited.attempt,
  request_id: awaited.request_id,
  output_sha256: awaited.output_sha256,
  policy_sha256,
  actor: 'grace',
  choice: 'approve',
});

/** Starts one governed run and approves each gate as soon as it waits, until the record is published. */
export async function driveGovernedRun(
  bench: GovernedBench,
  runId: string,
  door: Door,
  size: WorkSize = 'small',
): Promise<DrivenRun> {
  const workflowId = await startGovernedRun(bench, runId, size);
  const given = new Set<string>();
  const answered: number[] = [];
  for (const _ of GATE_IDS) {
    const { status, awaited } = await awaitRequest(bench, runId, given);
    given.add(awaited.request_id);
    const decision = approval(status, awaited);
    answered.push(Date.now());
    if (door === 'update') {
      const delivery = await bench.runs.decide(decision);
      if (delivery.kind === 'queued' || !delivery.answer.accepted) throw new Error(JSON.stringify(delivery));
    } else {
      const content = await bench.runs.sealDecision(decision);
      await bench.client.workflow.getHandle(workflowId).signal(approveSignal, content);
    }
  }
  const { outcome } = await bench.runs.wait(runId);
  if (outcome !== 'approved') throw new Error(`${runId} ended as ${outcome}`);
  return { workflowId, answered };
}
