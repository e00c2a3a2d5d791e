import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { createSetupRunner } from '../../src/adapters/checks/setup-runner.js';
import { keptLogs, publishedAttempts, startedAttempts } from '../../src/cli/runs/read/attempt-logs.js';
import { parsePolicyBytes } from '../../src/config/policy-file.js';
import { sha256Hex } from '../../src/contracts/digest.js';
import { runWorkflowId } from '../../src/contracts/names.js';
import { GovernedRunPlugin } from '../../src/plugin/plugin.js';
import { type CheckOutcome, judgeTree } from '../../src/verify/verify-tree.js';
import { EXAMPLE_POLICY } from '../support/governed-repository.js';
import {
  createGovernedWorker,
  type GovernedWorker,
  governedBundle,
  type WorkedRun,
} from '../support/governed-worker.js';
import { Forgery } from '../verify/forgery.js';
import { memoryTree } from '../verify/memory-tree.js';

let root: string;
let worker: GovernedWorker;
/** Makes the command succeed while it is there. */
let registry: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'promptos-failed-set-up-'));
  registry = join(root, 'registry');
  const script = `echo asked the registry; echo E404 no such package >&2; test -e ${registry}`;
  const setup = { install: { argv: ['sh', '-c', script], key_files: ['test.js'] } };
  worker = await createGovernedWorker({
    address: inject('temporalAddress'),
    signedPolicy: `${EXAMPLE_POLICY}setup: ${JSON.stringify(setup)}\n`,
  });
  const passed = { allow: ['PATH'], set: {} };
  Object.assign(worker.ports, {
    setup: createSetupRunner({ allow: ['*'], network: 'none', passed, env: process.env, scratchRoot: root }),
  });
});
afterAll(async () => {
  await worker.close();
  rmSync(root, { recursive: true, force: true });
});

const FOLDER = 'evidence/attempts/P00/1/setup';
const LOGS = { 'install.stdout.txt': 'asked the registry\n', 'install.stderr.txt': 'E404 no such package\n' };

/** A run whose P00 ended with the set-up. */
async function stoppedRun(): Promise<WorkedRun> {
  rmSync(registry, { force: true });
  const state = join(dirname(worker.repository.repository), 'state/setups');
  for (const kept of existsSync(state) ? readdirSync(state) : []) rmSync(join(state, kept), { recursive: true });
  const run = await worker.startRun();
  const { report } = await run.awaitEscalation('E1');
  expect(report).toMatchObject({ trigger: 'infrastructure', issue: 'P00 could not be carried out: SETUP_FAILED.' });
  for (const [name, text] of Object.entries(LOGS)) {
    expect(report.context).toContain(`setup/${name} sha256:${sha256Hex(text)}`);
  }
  return run;
}

async function treeOf(runId: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const { path } of (await worker.store.published(runId)) ?? []) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of worker.store.openPublished(runId, path)) chunks.push(chunk);
    files.set(path, Buffer.concat(chunks));
  }
  return files;
}

async function judged(files: ReadonlyMap<string, Uint8Array>) {
  const bytes = await worker.store.readObject(worker.repository.run.policy_sha256);
  const { outcomes, remarks } = await judgeTree(memoryTree(files), { policies: [parsePolicyBytes(bytes)] });
  const failed = outcomes.filter(({ status }: CheckOutcome) => status === 'failed');
  const ofSetup = remarks.filter((remark) => !remark.startsWith('sandbox: none'));
  return { failures: failed.map(({ failure }) => failure?.code), remarks: ofSetup };
}

const textOf = async (sha256: string): Promise<string> =>
  new TextDecoder().decode(await worker.store.readObject(sha256));

test('a failed set-up: its whole output is named by the ledger, is in the published tree, and is verified there', async () => {
  const run = await stoppedRun();
  const [interrupted] = (await run.ledger()).filter(({ type }) => type === 'gateInterrupted');
  expect(interrupted).toMatchObject({
    code: 'SETUP_FAILED',
    logs: Object.entries(LOGS).map(([name, text]) => ({
      path: `setup/${name}`,
      sha256: sha256Hex(text),
      bytes: text.length,
      media_type: 'text/plain',
    })),
  });
  const [live] = await startedAttempts(worker.runs, worker.store, run.runId);
  expect((live?.logs ?? []).map(({ path }) => path)).toEqual(Object.keys(LOGS).map((name) => `setup/${name}`));

  writeFileSync(registry, '');
  await run.resolve('E1', { choice: 'retry' });
  await run.approve('P00');
  expect(await worker.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
  expect(await run.failedTasks()).toEqual([]);
  const replaying = { workflowBundle: await governedBundle(), plugins: [new GovernedRunPlugin()] };
  await Worker.runReplayHistory(replaying, await run.handle.fetchHistory(), runWorkflowId(run.runId));
  const files = await treeOf(run.runId);
  for (const [name, text] of Object.entries(LOGS)) {
    expect(new TextDecoder().decode(files.get(`${FOLDER}/${name}`))).toBe(text);
  }
  expect(files.has('evidence/attempts/P00/2/attempt.json')).toBe(true);
  expect(await judged(files)).toEqual({ failures: [], remarks: [] });
  const [first] = await publishedAttempts(worker.store, run.runId);
  const shown = await Promise.all(
    (first === undefined ? [] : await keptLogs(worker.store, first)).map(({ sha256 }) => textOf(sha256)),
  );
  expect(shown.sort()).toEqual(Object.values(LOGS).sort());

  const path = `${FOLDER}/install.stderr.txt`;
  const other = new Forgery(files).edit(path, () => 'all is well\n');
  expect((await judged(other.files)).failures).toContain('DIGEST_MISMATCH');
  expect((await judged(other.relist().files)).failures).toContain('ARTIFACTS_DIFFER');
  const more = new Forgery(files).put(`${FOLDER}/other.stderr.txt`, 'x\n').record(({ artifacts }) => {
    artifacts.push({
      path: `${FOLDER}/other.stderr.txt`,
      sha256: sha256Hex('x\n'),
      bytes: 2,
      media_type: 'text/plain',
    });
    artifacts.sort((one, two) => (one.path < two.path ? -1 : 1));
  });
  expect((await judged(more.files)).failures).toContain('ARTIFACTS_DIFFER');
});

test('a failed set-up: a log that the store lost does not keep the run from its record, and a verifier says so', async () => {
  const run = await stoppedRun();
  const lost = sha256Hex(LOGS['install.stderr.txt']);
  rmSync(join(dirname(worker.repository.repository), 'store/objects', lost.slice(0, 2), lost.slice(2)));
  await run.resolve('E1', { choice: 'abort' });
  expect(await worker.runs.wait(run.runId)).toMatchObject({ outcome: 'aborted' });
  const files = await treeOf(run.runId);
  expect([...files.keys()].filter((path) => path.startsWith(FOLDER))).toEqual([`${FOLDER}/install.stdout.txt`]);
  const { failures, remarks } = await judged(files);
  expect(failures).toEqual([]);
  expect(remarks).toEqual([expect.stringContaining(`${FOLDER}/install.stderr.txt: the ledger names this log`)]);
});
