import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { driveRun } from '../../bench/contender.js';
import { createFairActivities } from '../../bench/fair/activities.js';
import { bundleFairWorkflow, FAIR_TASK_QUEUE, fairContender, writeIndexes } from '../../bench/fair/fair-runs.js';
import { type BenchRepository, createBenchRepository } from '../../bench/governed/repository.js';
import { answerToActivity, historyOf, measureHistory } from '../../bench/history.js';
import { GATE_IDS } from '../../src/contracts/names.js';

let repository: BenchRepository;
let state: string;
let client: Client;
let close: () => Promise<unknown>;
let worker: Worker;
let ended: Promise<void>;
beforeAll(async () => {
  repository = await createBenchRepository();
  state = await mkdtemp(join(tmpdir(), 'promptos-test-fair-'));
  const prompts = join(state, 'prompts');
  for (const gate of GATE_IDS) {
    const folder = join(prompts, 'evidence', 'attempts', gate, '1', 'try-1');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'prompt.md'), `# ${gate}\n`);
  }
  writeIndexes(repository.folder, state);
  const address = inject('temporalAddress');
  const [connection, native] = [await Connection.connect({ address }), await NativeConnection.connect({ address })];
  client = new Client({ connection });
  const env = { PATH: process.env.PATH ?? '' };
  worker = await Worker.create({
    connection: native,
    taskQueue: FAIR_TASK_QUEUE,
    workflowBundle: { code: await bundleFairWorkflow() },
    activities: createFairActivities({ state, repository: repository.folder, agents: repository.agents, prompts, env }),
  });
  ended = worker.run();
  close = () => Promise.all([connection.close(), native.close()]);
});
afterAll(async () => {
  worker.shutdown();
  await ended;
  await close();
  await Promise.all([rm(state, { recursive: true }), repository.remove()]);
});

const contender = () => ({
  ...fairContender(client),
  worker: () => {
    throw new Error('not measured');
  },
  restartWorker: async () => undefined,
});

test.each(['signal', 'update'] as const)('a fair run by %s: seven activities and six approvals', async (door) => {
  const { runId, answered } = await driveRun(contender(), `shape-${door}`, { door });
  const workflowId = contender().workflowOf(runId);
  const measure = await measureHistory(client, workflowId);
  const latencies = answerToActivity(await historyOf(client, workflowId), answered);

  // One start, seven activities, six answers.
  expect(measure).toMatchObject({ executions: 1, actions: 14 });
  expect(measure.bytes).toBeGreaterThan(5_000);
  expect(measure.duration_ms).toBeGreaterThan(0);
  expect([answered.length, latencies.length]).toEqual([6, 6]);
});

test('a fair run: does the work of a governed one and publishes it', async () => {
  const work: number[] = [];
  const { runId } = await driveRun(contender(), 'work', { door: 'signal', onActivity: () => work.push(1) });
  const published = join(state, 'published', runId);
  const files = (await readdir(published, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());

  // Prompt, answer and output of each gate; the patch, the check's log, the record.
  expect(files).toHaveLength(6 * 3 + 3);
  expect(work).toHaveLength(7);
  const patch = await readFile(join(published, 'change.patch'), 'utf8');
  expect(patch).toContain('+export const share = (total, people) => Math.floor(total / people);');
  expect(await readFile(join(published, 'check.txt'), 'utf8')).toContain('ok: the shares add up');
  expect(JSON.parse(await readFile(join(published, 'P06', 'output.json'), 'utf8'))).toMatchObject({ verdict: 'pass' });
  expect(await readdir(join(state, 'work'))).toEqual([]);
});
