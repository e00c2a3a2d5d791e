import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { GateId } from '../../src/contracts/names.js';
import { findServerBinary } from '../../src/embedded/temporal-cli.js';
import { createGovernedWorker, type GovernedWorker, type WorkedRun } from '../support/governed-worker.js';
import { UNSIGNED_POLICY } from '../support/signing-policy.js';
import { pasteable, shownJson, type TemporalCommand, temporalCommand } from './temporal-command.js';

let worker: GovernedWorker;
let temporal: TemporalCommand;
beforeAll(async () => {
  // What the details show of unsigned answers; signed-policy.test.ts has the default.
  worker = await createGovernedWorker({ address: inject('temporalAddress'), policy: UNSIGNED_POLICY });
  temporal = await temporalCommand(inject('temporalAddress'));
});
afterAll(() => worker.close());

const detailsOf = async ({ handle }: WorkedRun): Promise<string> => {
  const answer = await temporal('workflow', 'metadata', '--workflow-id', handle.workflowId);
  return (answer as { queryResult: [{ currentDetails: string }] }).queryResult[0].currentDetails;
};
const statusOf = async ({ handle }: WorkedRun): Promise<unknown> => {
  const answer = await temporal('workflow', 'query', '--workflow-id', handle.workflowId, '--type', 'status');
  return (answer as { queryResult: [unknown] }).queryResult[0];
};
const signal = ({ handle }: WorkedRun, name: string, ...input: readonly string[]) =>
  temporal(
    'workflow',
    'signal',
    '--workflow-id',
    handle.workflowId,
    '--name',
    name,
    ...input.flatMap((json) => ['--input', json]),
  );

/** The details once a decision on the gate is awaited. */
async function detailsAt(run: WorkedRun, gate: GateId): Promise<string> {
  await run.awaitDecision(gate);
  return detailsOf(run);
}

test('temporal CLI: approve and reject with the JSON of the details, and resolveEscalation after a bare escalate', async () => {
  const run = await worker.startRun({ gates: ['P00', 'P01'] });
  await signal(run, 'approve', shownJson(await detailsAt(run, 'P00'), 'approve'));

  await run.awaitDecision('P01');
  await signal(run, 'escalate');
  expect(await run.awaitEscalation('E1')).toMatchObject({ trigger: 'person', raised_by: 'unknown' });
  const answer = JSON.parse(shownJson(await detailsOf(run), 'resolveEscalation'));
  await signal(run, 'resolveEscalation', JSON.stringify({ ...answer, choice: 'continue' }));

  const rejection = JSON.parse(shownJson(await detailsAt(run, 'P01'), 'reject'));
  await signal(run, 'reject', JSON.stringify({ ...rejection, reason: 'Not this, für heute.', final: true }));
  expect(await worker.runs.wait(run.runId)).toMatchObject({ outcome: 'rejected' });
  expect(await run.failedTasks()).toEqual([]);
  const ledger = await worker.publishedLedger(run.runId);
  expect(ledger.filter(({ type }) => type === 'decisionCounted')).toMatchObject([
    { decision: { gate: 'P00', choice: 'approve', actor: 'grace' } },
    { decision: { gate: 'P01', choice: 'reject', reason: 'Not this, für heute.' } },
  ]);
  expect(ledger.filter(({ type }) => type === 'escalationResolved')).toMatchObject([
    { resolution: { choice: 'continue' } },
  ]);
  expect(ledger.filter(({ type }) => type === 'refused')).toEqual([]);
});

test('temporal CLI: the commands of the details work unchanged in a shell', async () => {
  const run = await worker.startRun();
  const command = pasteable(await detailsAt(run, 'P00')).find((text) => text.startsWith('temporal '));
  const folder = await mkdtemp(join(tmpdir(), 'promptos-cli-'));
  const { path } = await findServerBinary({ env: process.env });
  await symlink(path, join(folder, 'temporal'));
  await promisify(execFile)('/bin/sh', ['-c', command ?? 'false'], {
    env: { PATH: `${folder}:${process.env.PATH}`, HOME: folder, TEMPORAL_ADDRESS: inject('temporalAddress') },
  });
  await rm(folder, { recursive: true });
  expect(await worker.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
});

test('temporal CLI: the placeholders do no harm: a bare approve is ACTOR_MISSING, a rejection without a reason MALFORMED', async () => {
  const run = await worker.startRun();
  const details = await detailsAt(run, 'P00');
  await signal(run, 'approve');
  await signal(run, 'reject', shownJson(details, 'reject'));
  await expect.poll(() => statusOf(run)).toMatchObject({ phase: 'open', refusals: 2 });
  const refused = (await run.ledger()).filter(({ type }) => type === 'refused');
  expect(refused).toMatchObject([{ reason: 'ACTOR_MISSING' }, { reason: 'MALFORMED' }]);
  await signal(run, 'approve', shownJson(details, 'approve'));
  expect(await worker.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
});

test('temporal CLI: the update decide answers, and the query status shows what is awaited', async () => {
  const run = await worker.startRun();
  const decision = { ...JSON.parse(shownJson(await detailsAt(run, 'P00'), 'approve')), choice: 'approve' };
  const decide = (parts: object) =>
    temporal(
      ...['workflow', 'update', 'execute', '--workflow-id', run.handle.workflowId, '--name', 'decide'],
      ...['--input', JSON.stringify({ kind: 'decision', decision: { ...decision, ...parts } })],
    );
  expect(await statusOf(run)).toMatchObject({
    run_id: run.runId,
    awaiting: [{ kind: 'decision', request_id: 'P00.1.1', output_sha256: decision.output_sha256 }],
  });
  expect(await decide({ actor: 'mallory' })).toMatchObject({ result: { accepted: false, reason: 'ACTOR_UNKNOWN' } });
  expect(await decide({})).toMatchObject({ result: { accepted: true, reason: null } });
  expect(await worker.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
  expect(await statusOf(run)).toMatchObject({ phase: 'closed', outcome: 'approved' });
});
