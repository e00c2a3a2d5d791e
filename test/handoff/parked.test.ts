import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest';
import type { Submission } from '../../src/handoff/gate-desk.js';
import { openGate } from '../../src/handoff/open-gate.js';
import { submitGate } from '../../src/handoff/submit-gate.js';
import { exampleOutputs } from '../support/gate-outputs.js';
import { createGovernedWorker, eventually, type GovernedWorker, type WorkedRun } from '../support/governed-worker.js';
import { deskOf, HUMAN_WRITER, untilHandedOff } from './support.js';

/*
 * What happens to a run while one of its gates is done elsewhere: it is cancelled, or its worker ends. What the desk says of an
 * output that comes too late.
 */

const HOUR = 3_600_000;
const handOff = (principal: string) => (principal === 'nina' ? { claim_timeout_ms: HOUR } : null);
const OUTPUT = JSON.stringify({ kind: 'output', ...exampleOutputs().P00 });

let worker: GovernedWorker;
beforeAll(async () => {
  worker = await createGovernedWorker({ address: inject('temporalAddress'), signedPolicy: HUMAN_WRITER, handOff });
});
afterAll(() => worker.close());

const submission = ({ runId }: WorkedRun): Submission => ({
  ...{ run_id: runId, gate: 'P00', output: OUTPUT, patch: null, submit_failing: false },
});

/** Kinds of the entries that a claimant left in the journal of a run. */
const claimsAndResults = async ({ store }: GovernedWorker, { runId }: WorkedRun): Promise<readonly string[]> =>
  (await store.readJournal(runId))
    .map((bytes) => JSON.parse(Buffer.from(bytes).toString()).kind)
    .filter((kind) => kind === 'claim' || kind === 'result');

async function claimed(at: GovernedWorker) {
  const run = await at.startRun();
  await untilHandedOff(at, run, 'P00');
  const desk = await deskOf(at, 'nina@desk');
  await openGate(desk, { run_id: run.runId, gate: null });
  return { run, desk };
}

test('hand-off: a run that is cancelled while its gate is done elsewhere ends with its record, and takes no output', async () => {
  const { run, desk } = await claimed(worker);
  await worker.runs.cancel({
    decision_id: 'c-1',
    run_id: run.runId,
    policy_sha256: worker.repository.run.policy_sha256,
    actor: 'ada',
    reason: 'Started from the wrong branch.',
  });
  expect(await worker.runs.wait(run.runId)).toMatchObject({ outcome: 'cancelled' });
  const ledger = await worker.publishedLedger(run.runId);
  expect(ledger.map(({ type }) => type)).toEqual([
    'runOpened',
    'gateStarted',
    'gateHandedOff',
    'cancellationCounted',
    'runClosed',
  ]);
  expect(await worker.publishedJson(run.runId, 'run_record.json')).toMatchObject({ outcome: 'cancelled' });
  await expect(submitGate(desk, submission(run))).rejects.toMatchObject({
    code: 'NOTHING_HANDED_OFF',
    summary: `Run ${run.runId} has handed off no gate: it has ended.`,
  });
  expect(await claimsAndResults(worker, run)).toEqual(['claim']);
  expect(await run.failedTasks()).toEqual([]);
});

test('hand-off: a workflow that is cancelled at Temporal takes no output either', async () => {
  const { run, desk } = await claimed(worker);
  await run.handle.cancel();
  expect(await worker.runs.wait(run.runId)).toMatchObject({ outcome: 'cancelled' });
  await expect(submitGate(desk, submission(run))).rejects.toMatchObject({ code: 'NOTHING_HANDED_OFF' });
  expect(await claimsAndResults(worker, run)).toEqual(['claim']);
});

test('hand-off: an output that is submitted while no worker runs counts when a worker starts, with the same attempt', async () => {
  const site = await createGovernedWorker({
    ...{ address: inject('temporalAddress'), signedPolicy: HUMAN_WRITER, handOff, idle: true },
  });
  onTestFinished(() => site.close());
  const serve = async () => {
    const served = await site.createWorker();
    const running = served.run();
    return async () => {
      served.shutdown();
      await running;
    };
  };
  const stopFirst = await serve();
  const { run, desk } = await claimed(site);
  await stopFirst();
  expect(await submitGate(desk, submission(run))).toMatchObject({ kind: 'submitted', before: false });
  const stopSecond = await serve();
  onTestFinished(stopSecond);
  await run.approve('P00');
  await eventually(async () => ((await run.status()).gates[0]?.state === 'passed' ? true : null), 'P00 to pass');
  const types = (await run.types()).filter((type) => type === 'gateStarted' || type === 'gateHandedOff');
  expect(types.slice(0, 2)).toEqual(['gateStarted', 'gateHandedOff']);
  expect((await run.status()).gates[0]).toMatchObject({ state: 'passed', attempt: 1 });
  expect(await run.failedTasks()).toEqual([]);
});

test('hand-off: a deadline that ends while a claimant has the gate raises a P08, then the run expires and takes no output', async () => {
  const deadlines = 'deadlines: { remind: 3s, escalate: 5s, expire: 6s }\n';
  const site = await createGovernedWorker({
    ...{ address: inject('temporalAddress'), signedPolicy: `${HUMAN_WRITER}${deadlines}`, handOff },
  });
  onTestFinished(() => site.close());
  const { run, desk } = await claimed(site);
  const raised = await run.awaitEscalation('E1');
  expect(raised).toMatchObject({ trigger: 'deadline', issue: expect.stringContaining('was handed off to nina') });
  expect((await run.status()).gates[0]?.handed_off).toMatchObject({ claim: { claimant: 'nina@desk' } });
  expect(await site.runs.wait(run.runId)).toMatchObject({ outcome: 'expired' });
  const ledger = await site.publishedLedger(run.runId);
  expect(ledger.map(({ type }) => type)).toEqual([
    ...['runOpened', 'gateStarted', 'gateHandedOff', 'reminded', 'escalationOpened', 'reminded', 'runClosed'],
  ]);
  await expect(submitGate(desk, submission(run))).rejects.toMatchObject({
    code: 'NOTHING_HANDED_OFF',
    summary: `Run ${run.runId} has handed off no gate: it has ended.`,
  });
  expect(await claimsAndResults(site, run)).toEqual(['claim']);
  expect(await run.failedTasks()).toEqual([]);
});

test('hand-off: an output that is submitted after the deadline, while the P08 is open, counts once it is resolved', async () => {
  const deadlines = 'deadlines: { remind: 1s, escalate: 1s, expire: 1h }\n';
  const site = await createGovernedWorker({
    ...{ address: inject('temporalAddress'), signedPolicy: `${HUMAN_WRITER}${deadlines}`, handOff },
  });
  onTestFinished(() => site.close());
  const { run, desk } = await claimed(site);
  await run.awaitEscalation('E1');
  expect(await submitGate(desk, submission(run))).toMatchObject({ kind: 'submitted', before: false });
  await run.resolve('E1', { choice: 'continue' });
  await run.approve('P00');
  await eventually(async () => ((await run.status()).gates[0]?.state === 'passed' ? true : null), 'P00 to pass');
  expect((await run.status()).gates[0]).toMatchObject({ state: 'passed', attempt: 1 });
  expect(await run.failedTasks()).toEqual([]);
});
