import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { promptos } from '../support/command-line.js';
import { createGovernedWorker, type GovernedWorker, type WorkedRun } from '../support/governed-worker.js';

/*
 * A run whose worker has gone. Each question waits for the ten seconds that an answer may take, so they are asked at once.
 */

let site: GovernedWorker;
let run: WorkedRun;
let request: string[];
let type: (...args: readonly string[]) => ReturnType<typeof promptos>;
beforeAll(async () => {
  site = await createGovernedWorker({ address: inject('temporalAddress'), idle: true });
  const worker = await site.createWorker();
  const running = worker.run();
  run = await site.startRun();
  const awaited = await run.awaitDecision('P00');
  const { policy_sha256 } = await run.status();
  request = ['--request-id', awaited.request_id, '--output', awaited.output_sha256, '--policy', policy_sha256];
  worker.shutdown();
  await running;
  const root = dirname(dirname(dirname(site.store.locate('run'))));
  const cwd = join(root, 'home');
  await mkdir(cwd);
  const store = { kind: 'fs', path: join(root, 'store') };
  const config = { schema_version: 1, task_queue: site.taskQueue, trust: { policies: ['none.yaml'] }, store };
  await writeFile(join(cwd, 'worker.yaml'), JSON.stringify(config));
  const env = { PATH: process.env.PATH, HOME: cwd, PROMPTOS_HOME: cwd, TEMPORAL_ADDRESS: inject('temporalAddress') };
  type = (...args) => promptos([...args, '--json'], { cwd, env });
});
afterAll(() => site.close());

test('without a worker: status tells what Temporal knows, a decision needs its binding, and one that has it is queued', async () => {
  const [status, unbound, unresolved, bound] = await Promise.all([
    type('run', 'status', run.runId),
    type('approve', run.runId, '--as', 'grace'),
    type('resolve', run.runId, '--choose', 'abort', '--as', 'grace'),
    type('approve', run.runId, '--as', 'grace', ...request),
  ]);
  const missing = { error: expect.objectContaining({ code: 'WORKER_MISSING' }) };
  expect(status.exitCode).toBe(3);
  expect(status.objects()).toEqual([
    expect.objectContaining({ run_id: run.runId, temporal_status: 'RUNNING', developer: 'ada' }),
    missing,
  ]);
  expect(unbound).toMatchObject({
    exitCode: 3,
    stderr: expect.stringContaining('--request-id, --gate, --attempt, --output, --policy'),
  });
  expect(unresolved).toMatchObject({
    exitCode: 3,
    stderr: expect.stringContaining('give ESCALATION, --request-id and --policy'),
  });
  expect(bound.exitCode).toBe(0);
  expect(bound.objects()).toEqual([{ delivery: 'queued' }]);

  const worker = await site.createWorker();
  const running = worker.run();
  expect((await site.runs.wait(run.runId)).outcome).toBe('approved');
  worker.shutdown();
  await running;
});
