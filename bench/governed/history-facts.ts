import protobuf from '@temporalio/proto';
import type { HistoryEvent } from '../measure.js';

const { HistoryEvent: Codec } = protobuf.temporal.api.history.v1;

/** Milliseconds since 1970 of an event, by the server's clock. */
export const eventTime = ({ eventTime: time }: HistoryEvent): number =>
  Number(time?.seconds ?? 0) * 1_000 + (time?.nanos ?? 0) / 1e6;

/** What an event is, such as `activityTaskScheduled`. */
export const eventKind = (event: HistoryEvent): string =>
  Object.keys(event)
    .find((name) => name.endsWith('EventAttributes') && event[name as keyof HistoryEvent] != null)
    ?.slice(0, -'EventAttributes'.length) ?? 'unknown';

/** Bytes of the events on the wire, by kind; the largest first. */
export function bytesByKind(
  events: readonly HistoryEvent[],
): Readonly<Record<string, { events: number; bytes: number }>> {
  const kinds = new Map<string, { events: number; bytes: number }>();
  for (const event of events) {
    const kind = eventKind(event);
    const before = kinds.get(kind) ?? { events: 0, bytes: 0 };
    kinds.set(kind, { events: before.events + 1, bytes: before.bytes + Codec.encode(event).finish().length });
  }
  return Object.fromEntries([...kinds].sort(([, left], [, right]) => right.bytes - left.bytes));
}

/**
 * Milliseconds from an answer to the start of the next activity; of several answers before one activity the last set it
 * off. Answers are times of this machine's clock, which is
 * the server's too; the events of an update cannot tell, since they are written when it was worked on already.
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
