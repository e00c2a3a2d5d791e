import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isRunning } from '../../src/adapters/platform/process-identity.js';
import { type EmbeddedServer, ensureServer, stopServer } from '../../src/embedded/server.js';
import { eventually } from '../support/governed-worker.js';
import { createRecoverySite, type RecoverySite } from './recovery-site.js';

let stateDir: string;
let server: EmbeddedServer;
let site: RecoverySite;
const ensure = () => ensureServer({ stateDir, env: process.env, log: () => undefined });

beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'promptos-recovery-'));
  server = await ensure();
  site = await createRecoverySite(server.address);
});
afterAll(async () => {
  await site?.close();
  await stopServer(stateDir);
  await rm(stateDir, { recursive: true, force: true });
});

test('Temporal killed -9 in the middle of a gate and before a decision: both runs go on where they were, and no decision is lost or doubled', async ({
  annotate,
}) => {
  const worker = await site.startWorker();
  const atWork = await site.startRun({ gates: ['P00', 'P01'] });
  const awaiting = await site.startRun({ gates: ['P00', 'P01'] });
  await site.hold(atWork.runId, 'P01');
  await atWork.approve('P00');
  await awaiting.approve('P00');
  const awaited = await awaiting.awaitDecision('P01');
  const executor = await site.held(atWork.runId, 'P01');

  process.kill(server.pid, 'SIGKILL');
  await expect.poll(() => isRunning(server)).toBe(false);
  const restarted = await ensure();
  const since = Date.now();
  expect(restarted).toMatchObject({ started: true, address: server.address });

  const decision = await site.runs.sealDecision(awaiting.decision(awaited));
  await eventually(
    () =>
      awaiting.handle.signal('approve', decision).then(
        () => true,
        () => null,
      ),
    'the server to take a decision',
  );
  expect(await site.runs.wait(awaiting.runId)).toMatchObject({ outcome: 'approved' });
  await annotate(`seconds from the server's restart to the end of a run that waited: ${(Date.now() - since) / 1_000}`);
  // The gate's executor never noticed. It is held for ever here, so its end simulates a lost answer.
  process.kill(executor.pid, 'SIGKILL');
  await site.called(atWork.runId, 'P01', 2);
  await atWork.approve('P01');
  expect(await site.runs.wait(atWork.runId)).toMatchObject({ outcome: 'approved' });

  for (const { runId } of [atWork, awaiting]) {
    const ledger = await site.publishedLedger(runId);
    expect(ledger.map(({ type }) => type)).toEqual([
      'runOpened',
      ...['P00', 'P01'].flatMap(() => [
        'gateStarted',
        'gateFinished',
        'decisionRequested',
        'decisionCounted',
        'gatePassed',
      ]),
      'runClosed',
    ]);
  }
  expect((await site.store.list()).map(({ run_id }) => run_id).sort()).toEqual([atWork.runId, awaiting.runId].sort());
  await worker.end('SIGTERM');
});
