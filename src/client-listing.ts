import type { WorkflowExecutionInfo } from '@temporalio/client';
import { runIdOfWorkflow } from './contracts/names.js';

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
  /** Digest of the policy that it was started under; empty when Temporal does not know. */
  readonly policy_sha256: string;
}

/** What Temporal says of an execution, whether it was listed or described. */
type Execution = Pick<WorkflowExecutionInfo, 'workflowId' | 'runId' | 'status' | 'startTime' | 'raw'> &
  Partial<Pick<WorkflowExecutionInfo, 'closeTime' | 'memo'>>;

/** A run as Temporal lists or describes it. */
export function listed({ workflowId, runId, status, startTime, closeTime, memo, raw }: Execution): ListedRun {
  return {
    run_id: runIdOfWorkflow(workflowId) ?? workflowId,
    workflow_id: workflowId,
    first_execution_run_id: raw.firstRunId || runId,
    status: status.name,
    started_at: startTime,
    closed_at: closeTime ?? null,
    target_repo: String(memo?.target_repo ?? ''),
    developer: String(memo?.developer ?? ''),
    policy_sha256: String(memo?.policy_sha256 ?? ''),
  };
}
