import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createGovernedWorker, type GovernedWorker, quietRuntime } from '../support/governed-worker.js';
import { UNSIGNED_POLICY } from '../support/signing-policy.js';
import { startTimeSkippingEnvironment } from '../support/temporal.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let environment: TestWorkflowEnvironment;
let worker: GovernedWorker;
beforeAll(async () => {
  quietRuntime();
  environment = await startTimeSkippingEnvironment();
  const { client, nativeConnection: native, namespace = 'default' } = environment;
  // A signature has a time of this machine's clock, and the server's clock is days ahead.
  const connections = { client, native };
  worker = await createGovernedWorker({ address: '', namespace, connections, policy: UNSIGNED_POLICY });
});
afterAll(async () => {
  await worker.close();
  await environment.teardown();
});

test('governedRun: a run without an answer for weeks is reminded, escalated, expired, with a tree', async () => {
  const run = await worker.startRun();
  expect(await worker.runs.wait(run.runId)).toMatchObject({ outcome: 'expired' });
  const ledger = await worker.publishedLedger(run.runId);
  expect(ledger.map(({ type }) => type)).toEqual([
    'runOpened',
    'gateStarted',
    'gateFinished',
    'decisionRequested',
    'reminded',
    'escalationOpened',
    'reminded',
    'runClosed',
  ]);
  const asked = Date.parse(ledger[3]?.at ?? '');
  const waited = ledger.slice(4).map(({ at }) => Math.floor((Date.parse(at) - asked) / HOUR));
  expect(waited).toEqual([24, 72, 96, (3 * DAY + 14 * DAY) / HOUR]);
  expect(await worker.publishedJson(run.runId, 'run_record.json')).toMatchObject({
    outcome: 'expired',
    escalations: [{ escalation_id: 'E1' }],
  });
});

test('governedRun: an answer after a week of silence still counts', async () => {
  const run = await worker.startRun();
  await run.awaitDecision('P00');
  await environment.sleep('5 days');
  const [overdue] = (await run.status()).awaiting;
  expect(overdue).toMatchObject({ kind: 'resolution', trigger: 'deadline', escalation_id: 'E1' });
  await run.approve('P00');
  expect((await run.status()).phase).toBe('open');
  await run.resolve('E1', { choice: 'continue' });
  expect(await worker.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
});
