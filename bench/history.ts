import type { Client, WorkflowHandle } from '@temporalio/client';
import protobuf from '@temporalio/proto';

/** One event of a workflow's history. */
export type HistoryEvent = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>[number];

const { HistoryEvent: Codec } = protobuf.temporal.api.history.v1;

/** What one workflow, with everything that it continued as, left at the server. */
export interface HistoryMeasure {
  readonly executions: number;
  readonly events: number;
  /** Bytes of history as the server counts them. */
  readonly bytes: number;
  /** The sum over the events on the wire. */
  readonly wire_bytes: number;
  /** Estimate of billable Actions: what history shows. Queries, heartbeats and refused updates leave no event. */
  readonly actions: number;
  /** Milliseconds from the first execution's start to the last one's end, or null while it runs. */
  readonly duration_ms: number | null;
}

/** Milliseconds since 1970 of an event, by the server's clock. */
export const eventTime = ({ eventTime: time }: HistoryEvent): number =>
  Number(time?.seconds ?? 0) * 1_000 + (time?.nanos ?? 0) / 1e6;

/** A run's history, whole. */
export const historyOf = async (client: Client, workflowId: string): Promise<readonly HistoryEvent[]> =>
  (await client.workflow.getHandle(workflowId).fetchHistory()).events ?? [];

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

/**
 * Measures a workflow from its first execution on, through every continue-as-new.
 * @throws WorkflowNotFoundError when the server does not know the workflow.
 */
export async function measureHistory(client: Client, workflowId: string): Promise<HistoryMeasure> {
  const newest = await client.workflow.getHandle(workflowId).describe();
  let runId: string | null | undefined = newest.raw.workflowExecutionInfo?.firstRunId ?? newest.runId;
  const sum = { executions: 0, events: 0, bytes: 0, wire_bytes: 0, actions: 0 };
  let startedAt: number | null = null;
  while (runId) {
    const handle: WorkflowHandle = client.workflow.getHandle(workflowId, runId);
    const description = await handle.describe();
    const history: readonly HistoryEvent[] = (await handle.fetchHistory()).events ?? [];
    sum.executions += 1;
    sum.events += history.length;
    sum.bytes += description.historySize ?? 0;
    sum.wire_bytes += history.reduce((bytes, event) => bytes + Codec.encode(event).finish().length, 0);
    sum.actions += history.reduce((actions, event) => actions + actionsOf(event), 0);
    startedAt ??= description.startTime.getTime();
    runId = history.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
  }
  const endedAt = newest.closeTime?.getTime();
  return { ...sum, duration_ms: startedAt === null || endedAt === undefined ? null : endedAt - startedAt };
}

/**
 * Milliseconds from an answer to the start of the next activity; of several answers before one activity the last one
 * counts. Answers are times of this machine's clock, which is the server's too: the events of an update are of no use,
 * since they are written when it was worked on already.
 */
export function answerToActivity(events: readonly HistoryEvent[], answered: readonly number[]): readonly number[] {
  const started = events.filter((event) => event.activityTaskStartedEventAttributes).map(eventTime);
  return answered.flatMap((at, index) => {
    const next = started.find((time) => time >= at);
    const later = answered[index + 1];
    return next === undefined || (later !== undefined && later <= next) ? [] : [next - at];
  });
}

/** Milliseconds of each activity from its start to its end, in order, with its type's name. */
export function activityTimes(
  events: readonly HistoryEvent[],
): readonly { readonly name: string; readonly ms: number }[] {
  const byId = new Map(events.map((event) => [String(event.eventId), event]));
  return events.flatMap((event) => {
    const completed = event.activityTaskCompletedEventAttributes;
    const started = byId.get(String(completed?.startedEventId));
    const scheduled = byId.get(String(completed?.scheduledEventId))?.activityTaskScheduledEventAttributes;
    if (started === undefined || !scheduled) return [];
    return [{ name: scheduled.activityType?.name ?? '', ms: eventTime(event) - eventTime(started) }];
  });
}

/**
 * The events of a workflow's current execution, in the pages in which they come: first those that there are, then each
 * one as soon as it is written. Ends when the execution has closed. It costs the worker nothing, unlike a query.
 */
export async function* followHistory(client: Client, workflowId: string): AsyncGenerator<readonly HistoryEvent[]> {
  const { namespace } = client.options;
  let nextPageToken: Uint8Array | undefined;
  do {
    const page = await client.workflowService.getWorkflowExecutionHistory({
      namespace,
      execution: { workflowId },
      waitNewEvent: true,
      ...(nextPageToken === undefined ? {} : { nextPageToken }),
    });
    const events = page.history?.events ?? [];
    if (events.length > 0) yield events;
    nextPageToken = page.nextPageToken ?? undefined;
  } while (nextPageToken !== undefined && nextPageToken.length > 0);
}
