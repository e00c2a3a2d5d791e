import type { Client, WorkflowHandle } from '@temporalio/client';

/** One event of a workflow's history. */
export type HistoryEvent = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>[number];

/** What one workflow, with everything that it continued as, left at the server. */
export interface HistoryMeasure {
  readonly executions: number;
  readonly events: number;
  /** Bytes of history as the server counts them. */
  readonly bytes: number;
  /** Estimate of billable Actions: what history shows. Queries, heartbeats and refused updates leave no event. */
  readonly actions: number;
  /** Milliseconds from each signal or update to the start of the activity that came of it, by the server's clock. */
  readonly answer_to_activity_ms: readonly number[];
  /** Milliseconds from the first execution's start to the last one's end, or null while it runs. */
  readonly duration_ms: number | null;
}

const milliseconds = ({ eventTime }: HistoryEvent): number =>
  Number(eventTime?.seconds ?? 0) * 1_000 + (eventTime?.nanos ?? 0) / 1e6;

/**
 * Actions of one event, after Temporal's own list (https://docs.temporal.io/evaluate/cloud/actions): each start, also by
 * continue-as-new, each activity and each of its retries, timer, signal, update, marker and upsert of search attributes.
 */
function actionsOf(event: HistoryEvent): number {
  const retries = Math.max(0, (event.activityTaskStartedEventAttributes?.attempt ?? 1) - 1);
  const counted =
    event.workflowExecutionStartedEventAttributes ??
    event.activityTaskScheduledEventAttributes ??
    event.timerStartedEventAttributes ??
    event.workflowExecutionSignaledEventAttributes ??
    event.workflowExecutionUpdateAcceptedEventAttributes ??
    event.markerRecordedEventAttributes ??
    event.upsertWorkflowSearchAttributesEventAttributes ??
    event.startChildWorkflowExecutionInitiatedEventAttributes;
  return retries + (counted === null || counted === undefined ? 0 : 1);
}

/** For each activity that an answer led to: how long after the answer it started. */
export function answerLatencies(events: readonly HistoryEvent[]): readonly number[] {
  const answered = new Map<string, number>();
  const latencies: number[] = [];
  let answeredAt: number | null = null;
  for (const event of events) {
    const started = event.activityTaskStartedEventAttributes;
    if (event.workflowExecutionSignaledEventAttributes ?? event.workflowExecutionUpdateAcceptedEventAttributes) {
      // Of several answers before one activity the last set it off.
      answeredAt = milliseconds(event);
    } else if (event.activityTaskScheduledEventAttributes && answeredAt !== null) {
      answered.set(String(event.eventId), answeredAt);
      answeredAt = null;
    } else if (started) {
      const since = answered.get(String(started.scheduledEventId));
      if (since !== undefined) latencies.push(milliseconds(event) - since);
    }
  }
  return latencies;
}

/**
 * Measures a workflow from its first execution on, through every continue-as-new.
 * @throws WorkflowNotFoundError when the server does not know the workflow.
 */
export async function measureHistory(client: Client, workflowId: string): Promise<HistoryMeasure> {
  const newest = await client.workflow.getHandle(workflowId).describe();
  let runId: string | null | undefined = newest.raw.workflowExecutionInfo?.firstRunId ?? newest.runId;
  let [executions, events, bytes, actions] = [0, 0, 0, 0];
  const latencies: number[] = [];
  let startedAt: number | null = null;
  while (runId) {
    const handle: WorkflowHandle = client.workflow.getHandle(workflowId, runId);
    const description = await handle.describe();
    const history: readonly HistoryEvent[] = (await handle.fetchHistory()).events ?? [];
    executions += 1;
    events += history.length;
    bytes += description.historySize ?? 0;
    actions += history.reduce((sum, event) => sum + actionsOf(event), 0);
    latencies.push(...answerLatencies(history));
    startedAt ??= description.startTime.getTime();
    runId = history.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
  }
  const endedAt = newest.closeTime?.getTime();
  return {
    executions,
    events,
    bytes,
    actions,
    answer_to_activity_ms: latencies,
    duration_ms: startedAt === null || endedAt === undefined ? null : endedAt - startedAt,
  };
}

/** The middle value, or null of nothing. */
export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}
