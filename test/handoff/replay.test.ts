import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { runWorkflowId } from '../../src/contracts/names.js';
import { submitGate } from '../../src/handoff/submit-gate.js';
import { GovernedRunPlugin } from '../../src/plugin/plugin.js';
import { handOffSignal } from '../../src/workflows/messages.js';
import { exampleOutputs } from '../support/gate-outputs.js';
import { EXAMPLE_POLICY } from '../support/governed-repository.js';
import {
  bundleGoverned,
  createGovernedWorker,
  eventually,
  type GovernedWorker,
  governedBundle,
  signalUnlessEnded,
  type WorkedRun,
} from '../support/governed-worker.js';
import { deskOf, untilHandedOff } from './support.js';

/*
 * Signals that say that the journal has something new come at any time: while the run waits for a local activity, between two
 * looks, and by thousands.
 */

const SLOW_QUERIES = fileURLToPath(new URL('../support/slow-queries.ts', import.meta.url));
const GOOD = exampleOutputs();
const HOUR = 3_600_000;
const signedPolicy = EXAMPLE_POLICY.replace('nina: { kind: agent }', 'nina: { kind: human }');
const handOff = (principal: string) => (principal === 'nina' ? { claim_timeout_ms: HOUR } : null);

let site: GovernedWorker;
let served: Worker;
let running: Promise<void>;
/** Milliseconds that the store takes for an entry of a journal: a local activity waits for it. */
let journalMs = 0;
beforeAll(async () => {
  site = await createGovernedWorker({ address: inject('temporalAddress'), signedPolicy, handOff, idle: true });
  const appendJournal: typeof site.store.appendJournal = async (...entry) => {
    await new Promise((resolve) => setTimeout(resolve, journalMs));
    return site.store.appendJournal(...entry);
  };
  const readJournal: typeof site.store.readJournal = async (...entry) => {
    await new Promise((resolve) => setTimeout(resolve, journalMs));
    return site.store.readJournal(...entry);
  };
  const ports = { ...site.ports, store: { ...site.store, appendJournal, readJournal } };
  served = await site.createWorker({
    workflowBundle: await bundleGoverned([SLOW_QUERIES]),
    plugins: [new GovernedRunPlugin({ ports })],
  });
  running = served.run();
});
afterAll(async () => {
  served?.shutdown();
  await running;
  await site?.close();
});

async function replay(run: WorkedRun): Promise<void> {
  const history = await run.handle.fetchHistory();
  const replaying = { workflowBundle: await governedBundle(), plugins: [new GovernedRunPlugin()] };
  await Worker.runReplayHistory(replaying, history, runWorkflowId(run.runId));
}

const submit = async ({ runId }: WorkedRun, gate: 'P00' | 'P01' | 'P03') =>
  submitGate(await deskOf(site, 'nina@desk'), {
    run_id: runId,
    gate,
    output: JSON.stringify({ kind: 'output', ...GOOD[gate] }),
    patch: null,
    submit_failing: false,
  });

test('hand-off: a history in which signals came while a query was answered and a local activity ended replays', async () => {
  const gates = ['P00', 'P01', 'P03'] as const;
  journalMs = 150;
  const run = await site.startRun({ gates });
  let asking = true;
  const ask = async (): Promise<void> => {
    while (asking) await run.handle.query('status').catch(() => undefined);
  };
  const questions = [ask(), ask()];
  const signal = async (afterMs: number): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    await signalUnlessEnded(run, handOffSignal);
  };
  for (const [index, gate] of gates.entries()) {
    await untilHandedOff(site, run, gate);
    // One that has the run look, and one while it does.
    await signal(1_500);
    await signal(150 * (index + 1));
    await submit(run, gate);
    await run.approve(gate);
    await signal(200 * (index + 1));
  }
  asking = false;
  await Promise.all(questions);
  journalMs = 0;
  expect(await site.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
  expect(await run.failedTasks()).toEqual([]);
  await replay(run);
});

test('hand-off: a run that continues as new while a gate is done elsewhere waits on, and takes what is submitted', async () => {
  const run = await site.startRun({ gates: ['P00'] });
  await untilHandedOff(site, run, 'P00');
  const executionOf = async () => (await run.handle.describe()).runId;
  const first = await executionOf();
  await Promise.all(Array.from({ length: 4_200 }, () => run.handle.signal(handOffSignal)));
  await eventually(async () => ((await executionOf()) === first ? null : true), 'the next execution');
  expect((await run.status()).gates[0]).toMatchObject({ state: 'running', attempt: 1, handed_off: { to: 'nina' } });
  expect(await submit(run, 'P00')).toMatchObject({ kind: 'submitted', before: false });
  await run.approve('P00');
  expect(await site.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
  const types = (await site.publishedLedger(run.runId)).map(({ type }) => type);
  expect(types.filter((type) => type === 'gateStarted' || type === 'gateHandedOff')).toHaveLength(2);
  expect(await run.failedTasks()).toEqual([]);
  await replay(run);
});
