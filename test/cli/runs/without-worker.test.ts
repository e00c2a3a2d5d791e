import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { AwaitedDecision } from '../../../src/contracts/run/run-status.js';
import { promptos } from '../../support/command-line.js';
import { createGovernedWorker, type GovernedWorker, type WorkedRun } from '../../support/governed-worker.js';
import { makeSiteHome } from '../../support/site-home.js';

/*
 * A run whose worker has gone: people see it and decide all the same.
 */

let site: GovernedWorker;
let run: WorkedRun;
let request: AwaitedDecision;
let type: (...args: readonly string[]) => ReturnType<typeof promptos>;
let typeOffline: typeof type;
beforeAll(async () => {
  site = await createGovernedWorker({ address: inject('temporalAddress'), idle: true });
  const worker = await site.createWorker();
  const running = worker.run();
  run = await site.startRun();
  request = await run.awaitDecision('P00');
  worker.shutdown();
  await running;
  const { cwd, env } = await makeSiteHome(site, inject('temporalAddress'));
  type = (...args) => promptos([...args, '--json'], { cwd, env });
  typeOffline = (...args) => promptos([...args, '--json'], { cwd, env: { ...env, TEMPORAL_ADDRESS: undefined } });
});
afterAll(() => site.close());

const seconds = async <T>(work: Promise<T>): Promise<readonly [T, number]> => {
  const began = Date.now();
  return [await work, (Date.now() - began) / 1_000];
};

test('without a worker: status shows the gates and what is awaited, from the server and the store alone', async () => {
  const { exitCode, objects, stderr } = await type('run', 'status', run.runId);
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('no worker answers') });
  const awaiting = [{ kind: 'decision', gate: 'P00', request_id: 'P00.1.1', approvable: true }];
  const [P00] = [{ gate: 'P00', state: 'awaiting_decision', verdict: 'pass' }];
  expect(objects()).toMatchObject([{ run_id: run.runId, phase: 'open', developer: 'ada', gates: [P00], awaiting }]);
});

test('without a worker: the listing says what waits for whom, with the server and from the store alone', async () => {
  const line = { run_id: run.runId, developer: 'ada', target_repo: 'example' };
  const known = await type('run', 'list', '--limit', '100');
  expect(known.objects()).toContainEqual(
    expect.objectContaining({
      ...line,
      state: 'running',
      awaits: [{ kind: 'decision', gate: 'P00', request_id: 'P00.1.1', of: ['grace'] }],
    }),
  );
  const offline = await typeOffline('run', 'list');
  expect(offline).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('as the store has them') });
  // The journal has the signed request and the signed result, but nothing of requests.
  expect(offline.objects()).toMatchObject([{ run_id: run.runId, state: 'open', developer: 'ada' }]);
  expect(offline.objects()).toMatchObject([
    { awaits: [{ kind: 'decision', gate: 'P00', request_id: null, of: ['grace'] }] },
  ]);
});

test('without a worker: the listing by prompt, policy and model, with the server and from the store alone', async () => {
  const policy = site.repository.run.policy_sha256;
  const listed = async (how: typeof type, ...args: string[]) =>
    (await how('run', 'list', ...args)).objects().flatMap(({ run_id }) => (run_id === run.runId ? [run_id] : []));
  for (const how of [type, typeOffline]) {
    expect(await listed(how, '--policy', `sha256:${policy}`)).toEqual([run.runId]);
    expect(await listed(how, '--policy', 'sha256:00000000')).toEqual([]);
  }
  // The pack is named by the input of the execution: nothing of this run is signed.
  expect(await listed(type, '--prompt', 'P05', '--policy', policy)).toEqual([run.runId]);
  expect(await listed(type, '--prompt', 'P05@0.0.0', '--policy', policy)).toEqual([]);
  expect(await listed(type, '--model', 'no-such-model')).toEqual([]);
  const wrong = await type('run', 'list', '--prompt', 'P99');
  expect(wrong).toMatchObject({ exitCode: 2 });
  expect(wrong.objects()).toMatchObject([{ error: { code: 'USAGE' } }]);
});

test('without a worker: a resolution of nothing is refused, and a decision is signed and left as a signal within seconds', async () => {
  const unresolved = await type('resolve', 'latest', '--yes', '--choose', 'abort', '--as', 'grace');
  expect(unresolved.objects()).toMatchObject([{ error: { code: 'NOTHING_AWAITED' } }]);
  const asShipped = site.clientOf();
  const [approved, took] = await seconds(asShipped.decide(run.decision(request, { decision_id: 'early' })));
  expect(approved).toEqual({ kind: 'queued' });
  expect(took).toBeLessThan(8);
  const queued = await type('approve', 'latest', '--gate', 'P00', '--as', 'grace');
  expect(queued).toMatchObject({ exitCode: 0 });
  expect(queued.objects()).toEqual([{ run_id: run.runId, target_repo: 'example', delivery: 'queued' }]);
  const { stderr } = await type('run', 'status', run.runId);
  expect(stderr).toContain('2 messages wait for a worker');

  const worker = await site.createWorker();
  const running = worker.run();
  expect((await site.runs.wait(run.runId)).outcome).toBe('approved');
  worker.shutdown();
  await running;
});

test('without a worker: a cancellation waits as a signal, also for a run that has not opened yet', async () => {
  const unopened = await site.startRun();
  const line = ['run', 'cancel', unopened.runId, '--as', 'ada', '--reason', 'Wrong branch.', '--yes'];
  const [cancelled, took] = await seconds(type(...line));
  expect(cancelled).toMatchObject({ exitCode: 0 });
  expect(cancelled.objects()).toEqual([{ run_id: unopened.runId, target_repo: 'example', delivery: 'queued' }]);
  expect(took).toBeLessThan(8);
  const worker = await site.createWorker();
  const running = worker.run();
  expect((await site.runs.wait(unopened.runId)).outcome).toBe('cancelled');
  expect(await unopened.types()).toEqual(['runOpened', 'cancellationCounted', 'runClosed']);
  worker.shutdown();
  await running;
});
