import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createBareWorker, driveBareRun } from '../../bench/bare/drive-bare-run.js';
import { answerLatencies, measureHistory, median } from '../../bench/measure.js';
import { startTestServer, type TestServer } from '../support/temporal.js';

let server: TestServer;
beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('WARN') });
  server = await startTestServer();
});
afterAll(() => server.stop());

test('the bare run: has the shape that a straight path is compared with', async () => {
  const connection = await Connection.connect({ address: server.address });
  const native = await NativeConnection.connect({ address: server.address });
  const client = new Client({ connection });
  const worker = await createBareWorker(native);
  const workflowId = await worker.runUntil(() => driveBareRun(client, 'shape'));
  const measure = await measureHistory(client, workflowId);
  await Promise.all([connection.close(), native.close()]);

  // One start, seven activities, eight signals.
  expect(measure).toMatchObject({ executions: 1, events: 79, actions: 16 });
  expect(measure.bytes).toBeGreaterThan(5_000);
  expect(measure.answer_to_activity_ms).toHaveLength(6);
  expect(measure.answer_to_activity_ms.every((latency) => latency > 0)).toBe(true);
  expect(measure.duration_ms).toBeGreaterThan(0);
});

const at = (eventId: number, millis: number) => ({
  eventId,
  eventTime: { seconds: Math.floor(millis / 1_000), nanos: (millis % 1_000) * 1e6 },
});

test('answerLatencies: counts from the last answer before the activity was scheduled', () => {
  const events = [
    { ...at(1, 1_000), activityTaskScheduledEventAttributes: {} },
    { ...at(2, 1_010), activityTaskStartedEventAttributes: { scheduledEventId: 1 } },
    { ...at(3, 2_000), workflowExecutionSignaledEventAttributes: {} },
    { ...at(4, 2_500), workflowExecutionUpdateAcceptedEventAttributes: {} },
    { ...at(5, 2_520), activityTaskScheduledEventAttributes: {} },
    { ...at(6, 2_531), activityTaskStartedEventAttributes: { scheduledEventId: 5 } },
    { ...at(7, 3_000), activityTaskScheduledEventAttributes: {} },
    { ...at(8, 3_001), activityTaskStartedEventAttributes: { scheduledEventId: 7 } },
  ];
  expect(answerLatencies(events as never)).toEqual([31]);
});

test('median: the middle, the mean of two, and null of nothing', () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([])]).toEqual([2, 2.5, null]);
});
