import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { runIdOfWorkflow, runWorkflowId, WORKFLOW_TYPE } from '../contracts/names.js';
import type { GovernedRunInput } from '../contracts/run/run-plan.js';

/** A run as Temporal lists it. */
export interface ListedRun {
  readonly run_id: string;
  readonly workflow_id: string;
  /** The first execution of its chain; a run that continued as new has later ones. */
  readonly first_execution_run_id: string;
  /** The status of the Temporal execution, such as `RUNNING`. */
  readonly status: string;
  readonly started_at: Date;
  readonly closed_at: Date | null;
  readonly target_repo: string;
  readonly developer: string;
  /** The engine's queue that it was started on. */
  readonly task_queue: string;
  /** Digest of the policy that it was started under; empty when Temporal does not know. */
  readonly policy_sha256: string;
  /** Digest of the request that it carries out; empty when Temporal does not know. */
  readonly request_sha256: string;
}

/** What Temporal lists of a run beside its id. */
export const memoOf = ({ target_repo, developer, policy_sha256, request_sha256 }: GovernedRunInput) => ({
  ...{ target_repo, developer, policy_sha256, request_sha256 },
});

/** What Temporal says of an execution, whether it was listed or described. */
type Execution = Pick<WorkflowExecutionInfo, 'workflowId' | 'runId' | 'status' | 'startTime' | 'taskQueue' | 'raw'> &
  Partial<Pick<WorkflowExecutionInfo, 'closeTime' | 'memo'>>;

/** A run as Temporal lists or describes it. */
export function listed({
  workflowId,
  runId,
  status,
  startTime,
  closeTime,
  taskQueue,
  memo,
  raw,
}: Execution): ListedRun {
  return {
    run_id: runIdOfWorkflow(workflowId) ?? workflowId,
    workflow_id: workflowId,
    first_execution_run_id: raw.firstRunId || runId,
    status: status.name,
    started_at: startTime,
    closed_at: closeTime ?? null,
    target_repo: String(memo?.target_repo ?? ''),
    developer: String(memo?.developer ?? ''),
    task_queue: taskQueue,
    policy_sha256: String(memo?.policy_sha256 ?? ''),
    request_sha256: String(memo?.request_sha256 ?? ''),
  };
}

/** Which runs are wanted. */
export interface RunsWanted {
  /** What their ids begin with: lower-case letters, digits and hyphens. */
  readonly prefix?: string;
  /** Those of one engine's queue. */
  readonly taskQueue?: string;
  /** Those that have not ended. */
  readonly open?: boolean;
}

/** Task queues that can be written into a query as they are; with another one every run is listed, and none is missed. */
const QUERIED_AS_IT_IS = /^[\w.:@/ -]+$/;

/**
 * Runs as the server orders them: those that have not ended first, then the one that ended last. Each run once, however
 * often it continued as new.
 */
export async function* listRuns(
  client: Client,
  { prefix = '', taskQueue = '', open = false }: RunsWanted,
): AsyncGenerator<ListedRun> {
  const query = [
    `WorkflowType = '${WORKFLOW_TYPE}'`,
    `ExecutionStatus ${open ? "= 'Running'" : "!= 'ContinuedAsNew'"}`,
    ...(prefix === '' ? [] : [`WorkflowId STARTS_WITH '${runWorkflowId(prefix)}'`]),
    ...(QUERIED_AS_IT_IS.test(taskQueue) ? [`TaskQueue = '${taskQueue}'`] : []),
  ].join(' AND ');
  for await (const found of client.workflow.list({ query })) yield listed(found);
}

/** When the first execution of a run's chain was started. */
export async function firstStart(client: Client, run: ListedRun): Promise<Date> {
  const first = client.workflow.getHandle(run.workflow_id, run.first_execution_run_id);
  // The server forgets ended executions after its retention time.
  return first.describe().then(
    ({ startTime }) => startTime,
    () => run.started_at,
  );
}
