import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, inject, test } from 'vitest';
import { GATE_IDS, type GateId } from '../../src/contracts/names.js';
import type { LedgerEntry } from '../../src/contracts/run/ledger.js';
import { eventually, type WorkedRun } from '../support/governed-worker.js';
import { createRecoverySite, isRunning, type RecoverySite } from './recovery-site.js';

/** The promise is 15 s; the bound only catches a hang on a machine that does much else. */
const HANG_SECONDS = 60;

const sites: RecoverySite[] = [];
afterAll(() => Promise.all(sites.map((site) => site.close())));
async function newSite(): Promise<RecoverySite> {
  const site = await createRecoverySite(inject('temporalAddress'));
  sites.push(site);
  return site;
}

/** Asks until there is a worker to answer. */
const statusOf = (run: WorkedRun) => eventually(() => run.status().catch(() => null), `the status of ${run.runId}`);

/** What must be true of any run in the end: every decision counted once, nothing refused, one tree. */
async function expectApproved(
  site: RecoverySite,
  run: WorkedRun,
  gates: readonly GateId[],
): Promise<readonly LedgerEntry[]> {
  expect(await site.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
  expect(await run.failedTasks()).toEqual([]);
  const ledger = await site.publishedLedger(run.runId);
  const of = <T extends LedgerEntry['type']>(type: T) =>
    ledger.filter((entry): entry is Extract<LedgerEntry, { type: T }> => entry.type === type);
  expect(of('decisionCounted').map(({ decision }) => decision.decision_id)).toEqual(
    gates.map((gate) => `${gate}.1.1-grace`),
  );
  expect(of('gateStarted').map(({ gate, attempt }) => `${gate}.${attempt}`)).toEqual(gates.map((gate) => `${gate}.1`));
  expect([...of('refused'), ...of('escalationOpened'), ...of('gateInterrupted')]).toEqual([]);
  expect((await site.store.list()).filter(({ run_id }) => run_id === run.runId)).toHaveLength(1);
  return ledger;
}

test.concurrent('killed -9 in six runs at once: in an executor, between gates, in finalisation; the next worker brings all to their ends', async ({
  annotate,
}) => {
  const site = await newSite();
  const first = await site.startWorker();
  const start = (gates: readonly GateId[]) => site.startRun({ gates });
  const inExecutor = await start(GATE_IDS);
  const unguarded = await start(['P00', 'P01']);
  const awaiting = await start(['P00']);
  const approvedUnseen = await start(['P00', 'P01']);
  const uncommitted = await start(['P00']);
  const unshown = await start(['P00']);
  await site.hold(inExecutor.runId, 'P05');
  await site.hold(unguarded.runId, 'P01');
  await site.hold(uncommitted.runId, 'manifests');
  await site.hold(unshown.runId, 'runs');

  for (const gate of ['P00', 'P01', 'P03'] as const) await inExecutor.approve(gate);
  for (const run of [unguarded, uncommitted, unshown]) await run.approve('P00');
  const unseen = approvedUnseen.decision(await approvedUnseen.awaitDecision('P00'));
  await awaiting.awaitDecision('P00');
  const executor = await site.held(inExecutor.runId, 'P05');
  const orphan = await site.held(unguarded.runId, 'P01');
  await site.held(uncommitted.runId, 'manifests');
  await site.held(unshown.runId, 'runs');
  expect(existsSync(join(executor.cwd, 'half-done.txt'))).toBe(true);
  expect(await site.store.list()).toEqual([]);
  expect(await readdir(join(site.storeDir, 'staging'))).not.toEqual([]);

  // Held still first: neither may the worker see its guard go, nor the guard its worker.
  process.kill(first.pid, 'SIGSTOP');
  for (const pid of [orphan.guard, orphan.pid, orphan.child]) process.kill(pid, 'SIGKILL');
  await first.end('SIGKILL');
  expect(existsSync(orphan.scratch)).toBe(true);
  expect(await site.checkoutsOf(first.pid)).not.toEqual([]);
  await approvedUnseen.handle.signal('approve', await site.runs.sealDecision(unseen));
  const next = await site.startWorker();
  const seconds: Record<string, number> = {};
  const measure = async (point: string, went: Promise<unknown>) => {
    await went;
    seconds[point] = (Date.now() - next.startedAt) / 1_000;
  };
  await Promise.all([
    measure('in an executor', site.called(inExecutor.runId, 'P05', 2)),
    measure('in an executor whose guard died too', site.called(unguarded.runId, 'P01', 2)),
    measure('between gates, a decision awaited', statusOf(awaiting)),
    measure('between gates, approved with no worker there', site.called(approvedUnseen.runId, 'P01', 1)),
    measure('in finalisation, before the commitment', site.runs.wait(uncommitted.runId)),
    measure('in finalisation, between the two renames', site.runs.wait(unshown.runId)),
  ]);
  await annotate(`seconds from the next worker's start until the run went on: ${JSON.stringify(seconds)}`);
  for (const [point, taken] of Object.entries(seconds)) expect(taken, point).toBeLessThan(HANG_SECONDS);

  for (const { pid, child, scratch, cwd } of [executor, orphan]) {
    expect([isRunning(pid), isRunning(child), existsSync(scratch), existsSync(cwd)]).toEqual([
      false,
      false,
      false,
      false,
    ]);
  }
  expect(await site.checkoutsOf(first.pid)).toEqual([]);

  await awaiting.approve('P00');
  for (const run of [approvedUnseen, unguarded]) await run.approve('P01');
  for (const gate of ['P05', 'P06', 'P07'] as const) await inExecutor.approve(gate);
  await expectApproved(site, awaiting, ['P00']);
  for (const run of [approvedUnseen, unguarded]) await expectApproved(site, run, ['P00', 'P01']);
  await expectApproved(site, uncommitted, ['P00']);
  await expectApproved(site, unshown, ['P00']);
  await expectApproved(site, inExecutor, GATE_IDS);
  const files = (await site.store.published(inExecutor.runId))?.map(({ path }) => path) ?? [];
  const patch = files.find((path) => path.endsWith('.patch') || path.endsWith('.diff')) ?? '';
  const text = await site.publishedText(inExecutor.runId, patch);
  expect(text).toContain("+export const split = 'right';");
  expect(text).not.toContain('half');
  expect(await readdir(join(site.storeDir, 'staging'))).toEqual([]);
  expect(await readdir(join(site.stateDir, 'scratch'))).toEqual([]);
  await next.end('SIGTERM');
});

test.concurrent('stopped in the middle of a gate: the executor is ended, the next worker carries the gate out again, and no P08 opens', async ({
  annotate,
}) => {
  const site = await newSite();
  const run = await site.startRun({ gates: ['P00'] });
  await site.hold(run.runId, 'P00');
  const first = await site.startWorker();
  const terminated = await site.held(run.runId, 'P00');
  expect(await first.end('SIGTERM')).toEqual({ code: 0 });
  expect(isRunning(terminated.pid) || isRunning(terminated.child)).toBe(false);
  expect([existsSync(terminated.cwd), existsSync(terminated.scratch)]).toEqual([false, false]);
  const last = await site.startWorker();
  await site.called(run.runId, 'P00', 2);
  await annotate(
    `seconds from the next worker's start until the gate began again: ${(Date.now() - last.startedAt) / 1_000}`,
  );
  await run.approve('P00');
  await expectApproved(site, run, ['P00']);
  expect(await last.end('SIGINT')).toEqual({ code: 0 });
});
