import { appendFile, readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { readTrouble } from '../../../../src/client/trouble.js';
import { PromptOsError } from '../../../../src/contracts/errors.js';
import { runWorkflowId } from '../../../../src/contracts/names.js';
import { GovernedRunPlugin } from '../../../../src/plugin/plugin.js';
import { promptos } from '../../../support/command-line.js';
import {
  createGovernedWorker,
  eventually,
  type GovernedWorker,
  type WorkedRun,
} from '../../../support/governed-worker.js';
import { makeSiteHome, writeSiteConfig } from '../../../support/site-home.js';

/*
 * Runs whose finalisation cannot end: the status says why, and `run recover` finishes them or writes down what there is.
 */

let site: GovernedWorker;
let cwd: string;
let type: (...args: readonly string[]) => ReturnType<typeof promptos>;
let typeOffline: typeof type;

async function configure(roles: readonly string[]): Promise<void> {
  const signers = roles.includes('engine') ? { engine: { file: 'keys/engine.pem' } } : {};
  await writeSiteConfig(site, join(cwd, 'worker.yaml'), { roles, signers });
}

/** A worker whose store does not publish. */
async function withBrokenStore<T>(error: PromptOsError, work: (run: WorkedRun) => Promise<T>): Promise<T> {
  const publish = async () => {
    throw error;
  };
  const plugin = new GovernedRunPlugin({ ports: { ...site.ports, store: { ...site.store, publish } } });
  const worker = await site.createWorker({ plugins: [plugin] });
  const running = worker.run();
  try {
    const run = await site.startRun();
    await run.approve('P00');
    return await work(run);
  } finally {
    worker.shutdown();
    await running;
  }
}

beforeAll(async () => {
  site = await createGovernedWorker({ address: inject('temporalAddress'), idle: true });
  const home = await makeSiteHome(site, inject('temporalAddress'));
  const { env } = home;
  cwd = home.cwd;
  type = (...args) => promptos([...args, '--json'], { cwd, env });
  typeOffline = (...args) => promptos([...args, '--json'], { cwd, env: { ...env, TEMPORAL_ADDRESS: undefined } });
  await configure(['engine']);
});
afterAll(() => site.close());

const troubleOf = (runId: string) => () => readTrouble(site.client, runId);

test('a store that is full: the status names cause, host and worker, and recover finishes the run, which the workflow takes', async () => {
  const full = new PromptOsError('STORE_FULL', 'No space is left on the device.');
  const run = await withBrokenStore(full, async (started) => {
    await eventually(troubleOf(started.runId), 'a failed try');
    const { exitCode, objects } = await type('run', 'status', started.runId);
    expect(exitCode).toBe(0);
    expect(objects()).toMatchObject([
      {
        ...{ phase: 'closed', outcome: 'approved', run_record_sha256: null },
        trouble: {
          ...{ state: 'retrying', step: 'promptos_finalise', code: 'STORE_FULL', host: hostname() },
          ...{ worker: expect.stringContaining('@'), message: expect.stringContaining('No space is left') },
        },
      },
    ]);
    return started;
  });
  // Its worker has gone: the server and the store say the same.
  const alone = await type('run', 'status', run.runId);
  // A try that was going on when it went ended with the worker.
  const code = expect.stringMatching(/^(STORE_FULL|WorkerShutdown)$/);
  expect(alone.objects()).toMatchObject([{ outcome: 'approved', trouble: { code, host: hostname() } }]);
  expect(await site.store.published(run.runId)).toBeNull();

  const recovered = await type('run', 'recover', run.runId);
  expect({ ...recovered, said: recovered.objects() }).toMatchObject({
    exitCode: 0,
    said: [{ run_id: run.runId, recovered: 'finished', run_record_sha256: expect.any(String) }],
  });
  expect((await type('verify', run.runId)).exitCode).toBe(0);
  expect((await type('run', 'recover', run.runId)).objects()).toMatchObject([{ recovered: 'published_already' }]);
  const worker = await site.createWorker();
  const running = worker.run();
  const [said] = recovered.objects() as { run_record_sha256: string }[];
  expect(await site.runs.wait(run.runId)).toMatchObject({
    outcome: 'approved',
    run_record_sha256: said?.run_record_sha256,
  });
  worker.shutdown();
  await running;
});

test('a store that nothing can be written to while the run closes: the status names it, though no activity is pending', async () => {
  const first = await site.createWorker();
  const opened = first.run();
  const run = await site.startRun();
  await run.awaitDecision('P00');
  first.shutdown();
  await opened;
  const appendJournal = async () => {
    throw new PromptOsError('STORE_NOT_WRITABLE', 'The folder is read-only.');
  };
  const plugin = new GovernedRunPlugin({ ports: { ...site.ports, store: { ...site.store, appendJournal } } });
  const worker = await site.createWorker({ plugins: [plugin] });
  const running = worker.run();
  await run.approve('P00');
  await eventually(troubleOf(run.runId), 'a failed try');
  const { objects } = await type('run', 'status', run.runId);
  expect(objects()).toMatchObject([
    { trouble: { state: 'retrying', step: null, code: 'STORE_NOT_WRITABLE', host: hostname() } },
  ]);
  worker.shutdown();
  await running;
  const healthy = await site.createWorker();
  const ended = healthy.run();
  expect(await site.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
  expect(await troubleOf(run.runId)()).toBeNull();
  healthy.shutdown();
  await ended;
});

test('a run that failed at its end: what is recovered without the engine is marked, and verify calls it incomplete', async () => {
  const refusedByVerifier = new PromptOsError('RECORD_INVALID', 'The record would not verify.');
  const run = await withBrokenStore(refusedByVerifier, async (started) => {
    await expect(site.runs.wait(started.runId)).rejects.toMatchObject({ code: 'RECORD_INVALID' });
    return started;
  });
  const status = await type('run', 'status', run.runId);
  expect(status.objects()).toMatchObject([
    { outcome: 'approved', run_record_sha256: null, trouble: { state: 'failed', code: 'RECORD_INVALID' } },
  ]);
  await configure(['writer']);
  const written = await type('run', 'recover', run.runId);
  expect(written.exitCode).toBe(1);
  expect(written.objects()).toMatchObject([
    {
      ...{ run_id: run.runId, recovered: 'incomplete', unsealed_outcome: 'approved', missing: [] },
      ...{ why: { code: 'RECORD_INVALID' }, ledger: { closed: true } },
      why_not_finished: expect.stringContaining('does not serve the engine'),
    },
  ]);
  const folder = join(cwd, `${run.runId}.incomplete`);
  const mark = JSON.parse(await readFile(join(folder, 'INCOMPLETE.json'), 'utf8'));
  const paths = mark.files.map(({ path }: { path: string }) => path);
  expect(paths).toEqual(
    expect.arrayContaining([
      ...['evidence/ledger.jsonl', 'evidence/journal/journal.jsonl', 'evidence/policy.yaml', 'evidence/request.json'],
      ...['evidence/attempts/P00/1/attempt.json', 'evidence/attempts/P00/1/try-1/prompt.md'],
    ]),
  );
  expect(paths).not.toContain('run_record.json');

  const verified = await type('verify', folder);
  const checks = verified.objects() as { check?: string; status?: string; failure?: { code: string } }[];
  expect(verified.exitCode).toBe(1);
  expect(checks.at(-1)).toMatchObject({ verified: false, incomplete: true, code: 'TREE_INCOMPLETE' });
  const statusOf = (name: string) => checks.find(({ check }) => check === name)?.status;
  expect(['digests', 'ledger', 'fold', 'record', 'seal'].map(statusOf)).toEqual([
    ...['ok', 'ok', 'ok', 'not_checked', 'not_checked'],
  ]);
  // Taken off, the mark leaves a tree without a record; a changed byte is seen.
  await appendFile(join(folder, 'evidence/request.json'), ' ');
  expect((await type('verify', folder)).objects()).toContainEqual(
    expect.objectContaining({ check: 'digests', failure: expect.objectContaining({ code: 'DIGEST_MISMATCH' }) }),
  );
  await rm(join(folder, 'INCOMPLETE.json'));
  expect((await type('verify', folder)).objects().at(-1)).toMatchObject({ verified: false, code: 'FILE_MISSING' });

  const bundle = join(cwd, 'what-there-is.tar');
  expect((await type('run', 'recover', run.runId, '--bundle', bundle)).exitCode).toBe(1);
  expect((await type('verify', bundle)).objects().at(-1)).toMatchObject({ verified: false, incomplete: true });
  await configure(['engine']);
});

test('a run that is terminated midway: recover writes down what there is, with the server and from the store alone', async () => {
  const worker = await site.createWorker();
  const running = worker.run();
  const run = await site.startRun();
  await run.awaitDecision('P00');
  expect((await type('run', 'recover', run.runId)).objects()).toMatchObject([{ error: { code: 'RUN_NOT_STUCK' } }]);
  await site.client.workflow.getHandle(runWorkflowId(run.runId)).terminate('by mistake');
  worker.shutdown();
  await running;
  const { objects, exitCode } = await type('run', 'recover', run.runId);
  expect(exitCode).toBe(1);
  expect(objects()).toMatchObject([
    {
      ...{ recovered: 'incomplete', unsealed_outcome: null, ledger: { closed: false } },
      why: { code: 'TERMINATED', message: expect.stringContaining('by mistake') },
    },
  ]);
  const offline = await typeOffline('run', 'recover', run.runId, '--tree', 'offline');
  expect(offline.exitCode).toBe(1);
  expect(offline.objects()).toMatchObject([
    { recovered: 'incomplete', ledger: null, missing: [{ what: 'the ledger' }], journal_entries: expect.any(Number) },
  ]);
  const last = (await typeOffline('verify', join(cwd, 'offline'))).objects().at(-1);
  expect(last).toMatchObject({ verified: false, incomplete: true, code: 'TREE_INCOMPLETE' });
});
