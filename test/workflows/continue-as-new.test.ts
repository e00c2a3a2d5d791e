import { Context } from '@temporalio/activity';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { PromptOsError } from '../../src/contracts/errors.js';
import { checkChain, EMPTY_LEDGER } from '../../src/domain/ledger/ledger-chain.js';
import { GovernedRunPlugin } from '../../src/plugin/plugin.js';
import { exampleOutputs } from '../support/gate-outputs.js';
import {
  createGovernedWorker,
  eventually,
  type GovernedWorker,
  hangs,
  type WorkedRun,
} from '../support/governed-worker.js';
import { outputs } from '../support/scripted-executor.js';

let worker: GovernedWorker;
beforeAll(async () => {
  worker = await createGovernedWorker({ address: inject('temporalAddress') });
});
afterAll(() => worker.close());

const good = exampleOutputs();
const executionOf = async (run: WorkedRun) => (await run.handle.describe()).runId;
const flood = (run: WorkedRun, count: number, content: unknown) =>
  Promise.all(Array.from({ length: count }, () => run.handle.signal('approve', content)));

test('governedRun: 4,200 signals at once: it continues as new, counts every one, and decides right', async () => {
  const run = await worker.startRun({ gates: ['P00', 'P01'] });
  const awaited = await run.awaitDecision('P00');
  const first = await executionOf(run);
  const sent = flood(run, 2_100, { actor: 'mallory' });
  const honest = run.handle.signal('approve', await worker.runs.sealDecision(run.decision(awaited)));
  await Promise.all([sent, honest, flood(run, 2_100, 7)]);
  const decision = await run.awaitDecision('P01');
  await eventually(async () => ((await executionOf(run)) === first ? null : true), 'the next execution');
  expect(decision).toMatchObject({ request_id: 'P01.1.1', approved_by: [] });
  // The same decision again, now in another execution, is a refusal as before.
  expect(await worker.runs.decide(run.decision(awaited))).toMatchObject({ answer: { reason: 'REQUEST_NOT_STANDING' } });
  await run.approve('P01');
  expect(await worker.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });

  const ledger = await worker.publishedLedger(run.runId);
  expect(checkChain(ledger, EMPTY_LEDGER)).toMatchObject({ ok: true, head: { entries: ledger.length } });
  const refused = ledger.filter(({ type }) => type === 'refused').length;
  const closed = ledger.at(-1);
  const counted = closed?.type === 'runClosed' ? Object.values(closed.refusals_counted) : [];
  // Signed messages have a limit of their own.
  expect(refused).toBe(100 + 1);
  expect(refused + counted.reduce((sum, count) => sum + count, 0)).toBe(4_201);
  expect(ledger.filter(({ type }) => type === 'decisionCounted')).toHaveLength(2);
  expect(await run.failedTasks()).toEqual([]);
});

test('governedRun: 2 MB signals while a gate runs: it leaves the history in time and does the gate again', async () => {
  const run = await worker.startRun({ scripts: { nina: [hangs, outputs(good.P00)] } });
  await eventually(async () => run.executors.calls[0] ?? null, 'the executor');
  const first = await executionOf(run);
  const text = 'x'.repeat(1_950_000);
  // The server completes no task while the next signal of this size comes in, so the sender waits for each to be read.
  for (let sent = 0; sent < 12 && (await executionOf(run)) === first; sent++) {
    await run.handle.signal('approve', text);
    await run.status();
  }
  await eventually(async () => ((await executionOf(run)) === first ? null : true), 'the next execution');
  expect(await run.awaitDecision('P00')).toMatchObject({ attempt: 1, request_id: 'P00.1.1' });
  await eventually(async () => run.executors.calls[0]?.signal.aborted || null, 'the end of the first executor');
  await run.approve('P00');
  expect(await worker.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
  const ledger = await worker.publishedLedger(run.runId);
  expect(ledger.filter(({ type }) => type === 'gateStarted')).toHaveLength(1);
  expect(checkChain(ledger, EMPTY_LEDGER).ok).toBe(true);
});

test('governedRun: 3,700 small signals while a gate runs: room is left for honest ones', async () => {
  const run = await worker.startRun({ scripts: { nina: [hangs, outputs(good.P00)] } });
  await eventually(async () => run.executors.calls[0] ?? null, 'the executor');
  const first = await executionOf(run);
  await flood(run, 3_700, 7);
  await eventually(async () => ((await executionOf(run)) === first ? null : true), 'the next execution');
  await run.approve('P00');
  expect(await worker.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
  const closed = (await worker.publishedLedger(run.runId)).at(-1);
  expect(closed?.type === 'runClosed' && closed.refusals_counted).toEqual({ MALFORMED: 3_600 });
});

test('governedRun: 2 MB signals while a person is awaited: it leaves the history in time', async () => {
  const run = await worker.startRun();
  await run.awaitDecision('P00');
  const first = await executionOf(run);
  for (let sent = 0; sent < 12 && (await executionOf(run)) === first; sent++) {
    await run.handle.signal('resolveEscalation', 'x'.repeat(1_950_000));
    await run.status();
  }
  await eventually(async () => ((await executionOf(run)) === first ? null : true), 'the next execution');
  await run.approve('P00');
  expect(await worker.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
});

test('governedRun: a ledger that grows heavy goes to the store before a query could no longer answer it', async () => {
  const run = await worker.startRun();
  await run.awaitDecision('P00');
  const first = await executionOf(run);
  const long = '\u{1F600}'.repeat(2_000);
  let number = 0;
  while ((await executionOf(run)) === first && number < 40) {
    number += 1;
    await run.handle.signal('escalate', { issue: long, impact: long, context: long, recommendation: long });
    await run.resolve(`E${number}`, { choice: 'continue' });
  }
  expect(number).toBeLessThan(40);
  await run.approve('P00');
  expect(await worker.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
  const ledger = await worker.publishedLedger(run.runId);
  expect(ledger.filter(({ type }) => type === 'escalationOpened')).toHaveLength(number);
  expect(checkChain(ledger, EMPTY_LEDGER).ok).toBe(true);
});

test('governedRun: cancelled through Temporal while its past cannot be read, it still publishes its record', async () => {
  const site = await createGovernedWorker({ address: inject('temporalAddress'), idle: true });
  let tries = 0;
  const readJournal: typeof site.store.readJournal = async (runId) => {
    if (Context.current().info.activityType !== 'promptos_resumeRun') return site.store.readJournal(runId);
    tries += 1;
    throw new PromptOsError('STORE_NOT_READABLE', 'The folder is not mounted.');
  };
  const ports = { ...site.ports, store: { ...site.store, readJournal } };
  const served = await site.createWorker({ plugins: [new GovernedRunPlugin({ ports })] });
  const running = served.run();
  try {
    const run = await site.startRun();
    await run.awaitDecision('P00');
    const first = await executionOf(run);
    const long = '\u{1F600}'.repeat(2_000);
    for (let number = 1; (await executionOf(run)) === first && number < 40; number += 1) {
      await run.handle.signal('escalate', { issue: long, impact: long, context: long, recommendation: long });
      await run.resolve(`E${number}`, { choice: 'continue' }).catch(() => undefined);
    }
    await eventually(async () => (tries > 0 ? true : null), 'a try to go on');
    await run.handle.cancel();
    await expect(site.runs.wait(run.runId)).resolves.toMatchObject({ outcome: 'cancelled' });
    expect(await site.store.published(run.runId)).not.toBeNull();
    expect((await site.publishedLedger(run.runId)).at(-1)).toMatchObject({ type: 'runClosed', through: 'temporal' });
  } finally {
    served.shutdown();
    await running;
    await site.close();
  }
});
