import type { Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { decodeOptionalFailureToOptionalError } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { runWorkflowId } from '../contracts/names.js';

/** Why a run does not go on by itself, or ended without a record, as Temporal knows it: no worker is asked. */
export interface RunTrouble {
  /** `retrying`: the step is tried again; `failed`: the execution has ended, and nothing tries again. */
  readonly state: 'retrying' | 'failed';
  /** The activity, such as `promptos_finalise`; null where the execution itself ended. */
  readonly step: string | null;
  /** One of the catalogue, or what the system calls it, such as `ENOSPC`. */
  readonly code: string;
  readonly message: string;
  /** The identity of the worker that failed, such as `4711@host`. */
  readonly worker: string | null;
  readonly host: string | null;
  readonly tries: number | null;
  readonly next_try_at: string | null;
}

type Failure = Parameters<typeof decodeOptionalFailureToOptionalError>[1];
type History = Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>;
type HistoryEvent = NonNullable<History['events']>[number];

/** As the SDK's core calls the record of a local activity. */
const LOCAL_ACTIVITY = 'core_local_activity';
/** A gate that fails is the run's own business: it raises a P08 in the end. */
const GATE = 'promptos_executeGate';

/** What keeps a run from going on; null when nothing does that Temporal knows of. */
export async function readTrouble(client: Client, runId: string): Promise<RunTrouble | null> {
  const handle = client.workflow.getHandle(runWorkflowId(runId));
  const { raw, status } = await handle.describe();
  const describe = (failure: Failure) => describeFailure(client, failure);
  for (const pending of raw.pendingActivities ?? []) {
    const { activityType, lastFailure, attempt, lastWorkerIdentity, nextAttemptScheduleTime } = pending;
    if (!lastFailure || activityType?.name === GATE) continue;
    return {
      ...{ state: 'retrying', step: activityType?.name ?? null, tries: Math.max(1, (attempt ?? 1) - 1) },
      ...(await describe(lastFailure)),
      ...byWorker(lastWorkerIdentity),
      next_try_at: instantOf(nextAttemptScheduleTime?.seconds),
    };
  }
  const { events } = await handle.fetchHistory();
  const last = lastFailure(events ?? []);
  if (last === null) return null;
  return {
    ...{ state: status.name === 'RUNNING' ? 'retrying' : 'failed', step: null, tries: null, next_try_at: null },
    ...(last.failure === null ? { code: 'TERMINATED', message: last.reason } : await describe(last.failure)),
    ...byWorker(last.worker),
  };
}

interface Found {
  readonly failure: Failure | null;
  readonly reason: string;
  readonly worker: string | null | undefined;
}

/** How the execution ended, or what its last local step failed with; null when that did not fail. */
function lastFailure(events: readonly HistoryEvent[]): Found | null {
  let worker: string | null | undefined = null;
  let found: Found | null = null;
  for (const event of events) {
    const completed = event.workflowTaskCompletedEventAttributes;
    if (completed) worker = completed.identity;
    const marker = event.markerRecordedEventAttributes;
    // A later try that did not fail, or a later step, makes an earlier failure a matter of the past.
    if (marker?.markerName === LOCAL_ACTIVITY) {
      found = marker.failure ? { failure: marker.failure, reason: '', worker } : null;
    }
    if (event.activityTaskScheduledEventAttributes) found = null;
    const failed = event.workflowExecutionFailedEventAttributes;
    if (failed) found = { failure: failed.failure ?? null, reason: 'the execution failed', worker };
    const terminated = event.workflowExecutionTerminatedEventAttributes;
    if (terminated) {
      const by = terminated.identity ? ` by ${terminated.identity}` : '';
      found = { failure: null, reason: `terminated${by}: ${terminated.reason || 'no reason given'}`, worker: null };
    }
    if (event.workflowExecutionTimedOutEventAttributes) {
      found = { failure: null, reason: 'the execution timed out', worker: null };
    }
  }
  return found;
}

async function describeFailure(client: Client, failure: Failure): Promise<Pick<RunTrouble, 'code' | 'message'>> {
  const error = await decodeOptionalFailureToOptionalError(client.options.loadedDataConverter, failure);
  const code = error instanceof ApplicationFailure ? error.type : error?.name;
  return { code: code ?? 'INTERNAL', message: error?.message ?? 'no message' };
}

function byWorker(identity: string | null | undefined): Pick<RunTrouble, 'worker' | 'host'> {
  const worker = identity ? identity : null;
  const at = worker?.lastIndexOf('@') ?? -1;
  return { worker, host: worker === null || at < 0 ? null : worker.slice(at + 1) };
}

const instantOf = (seconds: unknown): string | null =>
  seconds === undefined || seconds === null ? null : new Date(Number(seconds) * 1_000).toISOString();
