import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { GateDesk, OpenedGate, Submission } from '../../src/handoff/gate-desk.js';
import { removeStaleFolders } from '../../src/handoff/gate-folder.js';
import { openGate } from '../../src/handoff/open-gate.js';
import { releaseGate } from '../../src/handoff/release-gate.js';
import { submitGate } from '../../src/handoff/submit-gate.js';
import { exampleOutputs } from '../support/gate-outputs.js';
import { createGovernedWorker, type GovernedWorker, type WorkedRun } from '../support/governed-worker.js';
import { deskOf, HUMAN_WRITER, untilHandedOff } from './support.js';

/*
 * Folders of gates on which no claimant works any more: those without work go, and those with work stay and are named.
 */

let worker: GovernedWorker;
let claimTimeoutMs: number;
const handOff = (principal: string) => (principal === 'nina' ? { claim_timeout_ms: claimTimeoutMs } : null);
beforeAll(async () => {
  claimTimeoutMs = 3_600_000;
  worker = await createGovernedWorker({ address: inject('temporalAddress'), signedPolicy: HUMAN_WRITER, handOff });
});
afterAll(() => worker.close());

interface Opened {
  readonly run: WorkedRun;
  readonly desk: GateDesk;
  readonly files: OpenedGate['files'];
}

/** @param desk whose folder the gate gets; one of its own when absent */
async function openedRun(desk?: GateDesk): Promise<Opened> {
  const run = await worker.startRun();
  await untilHandedOff(worker, run, 'P00');
  const at = desk ?? (await deskOf(worker, 'nina@desk'));
  const { files } = await openGate(at, { run_id: run.runId, gate: null });
  return { run, desk: at, files };
}

const submission = ({ runId }: WorkedRun): Submission => ({
  ...{ run_id: runId, gate: 'P00', patch: null, submit_failing: false },
  output: JSON.stringify({ kind: 'output', ...exampleOutputs().P00 }),
});

const cancel = async ({ runId }: WorkedRun): Promise<void> => {
  await worker.runs.cancel({
    decision_id: 'c-1',
    run_id: runId,
    policy_sha256: worker.repository.run.policy_sha256,
    actor: 'ada',
    reason: 'Not needed.',
  });
  expect(await worker.runs.wait(runId)).toMatchObject({ outcome: 'cancelled' });
};

test('removeStaleFolders: leaves the folder of a claimed gate, and removes it once the claim is released', async () => {
  const { run, desk, files } = await openedRun();
  expect(await removeStaleFolders(desk)).toEqual([]);
  const other = { ...desk, claimant: 'nina@laptop' };
  expect(await removeStaleFolders(other)).toEqual([]);
  expect(existsSync(files.checkout)).toBe(true);
  await releaseGate(desk, { run_id: run.runId, gate: null });
  expect(await removeStaleFolders(desk)).toEqual([
    { folder: files.folder, why: 'no claimant has the gate', written: [], removed: true },
  ]);
  expect(await readdir(desk.folder)).toEqual([]);
  const again = await openGate(desk, { run_id: run.runId, gate: null });
  expect([again.again, existsSync(files.checkout)]).toEqual([false, true]);
  await run.handle.terminate();
});

test('removeStaleFolders: keeps work that was not submitted, names it, and gives it back to the claimant', async () => {
  const { run, desk, files } = await openedRun();
  await writeFile(join(files.checkout, 'src/split.js'), "export const split = 'right';\n");
  await writeFile(files.output, '{}');
  await releaseGate(desk, { run_id: run.runId, gate: null });
  const [kept, ...more] = await removeStaleFolders(desk);
  expect(kept).toMatchObject({ folder: files.folder, removed: false });
  expect([...(kept?.written ?? [])].sort()).toEqual(['checkout/src/split.js', 'output.json']);
  expect(more).toEqual([]);
  expect(await openGate(desk, { run_id: run.runId, gate: null })).toMatchObject({ again: true, files });
  expect(existsSync(files.output)).toBe(true);
  await run.handle.terminate();
});

test('removeStaleFolders: a claim that has run out holds no folder', async () => {
  claimTimeoutMs = 1;
  const { run, desk, files } = await openedRun();
  claimTimeoutMs = 3_600_000;
  expect(await removeStaleFolders(desk)).toMatchObject([{ folder: files.folder, removed: true }]);
  await run.handle.terminate();
});

test('removeStaleFolders: of runs that have ended, removes the folder without work and keeps the one with work', async () => {
  const idle = await openedRun();
  const busy = await openedRun(idle.desk);
  await writeFile(busy.files.output, '{}');
  await cancel(idle.run);
  await cancel(busy.run);
  const why = 'its run has ended';
  const swept = await removeStaleFolders(idle.desk);
  expect(swept).toHaveLength(2);
  expect(swept).toContainEqual({ folder: idle.files.folder, why, written: [], removed: true });
  expect(swept).toContainEqual({ folder: busy.files.folder, why, written: ['output.json'], removed: false });
  expect([idle, busy].map(({ files }) => existsSync(files.folder))).toEqual([false, true]);
  // The person has the last word.
  await rm(busy.files.output);
  expect(await removeStaleFolders(idle.desk)).toMatchObject([{ written: [], removed: true }]);
});

test('removeStaleFolders: an attempt that another claimant submitted is over', async () => {
  const { run, desk, files } = await openedRun();
  await releaseGate(desk, { run_id: run.runId, gate: null });
  const other = await deskOf(worker, 'nina@laptop');
  expect(await submitGate(other, submission(run))).toMatchObject({ kind: 'submitted' });
  await run.approve('P00');
  expect(await worker.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
  expect(await removeStaleFolders(desk)).toMatchObject([{ folder: files.folder, removed: true }]);
});

test('removeStaleFolders: an attempt that was sent back is over, and the folder of the next one stays', async () => {
  const { run, desk, files } = await openedRun();
  const report = {
    issue: 'i',
    impact: 'i',
    context: '',
    options: ['a'],
    recommendation: 'a',
    security_sensitive: false,
  };
  const elsewhere = await deskOf(worker, 'nina@desk');
  await submitGate(elsewhere, { ...submission(run), output: JSON.stringify({ kind: 'escalation', report }) });
  await run.resolve('E1', { choice: 'retry' });
  const next = await openNext(desk, run);
  expect(await removeStaleFolders(desk)).toMatchObject([
    { folder: files.folder, why: 'its attempt is over', removed: true },
  ]);
  expect(existsSync(next.checkout)).toBe(true);
  await run.handle.terminate();
});

/** Opens the second attempt, as soon as it is handed off. */
async function openNext(desk: GateDesk, run: WorkedRun): Promise<OpenedGate['files']> {
  await expect
    .poll(async () => (await desk.runs.ledger(run.runId)).entries.filter(({ type }) => type === 'gateHandedOff').length)
    .toBe(2);
  return (await openGate(desk, { run_id: run.runId, gate: null })).files;
}

test('removeStaleFolders: keeps a folder of which it is not known what was written, whatever else there is', async () => {
  const { run, desk, files } = await openedRun();
  await rm(join(files.folder, '.promptos-made.json'));
  await writeFile(join(desk.folder, 'notes.txt'), 'mine');
  await mkdir(join(dirname(files.folder), 'my notes'));
  await mkdir(join(desk.folder, 'no-such-run/P00-1-aaaaaaaa'), { recursive: true });
  await mkdir(`${files.folder}.draft-1`);
  await cancel(run);
  expect(await removeStaleFolders(desk)).toMatchObject([
    { folder: files.folder, written: null, removed: false },
    { folder: `${files.folder}.draft-1`, written: [], removed: true },
  ]);
  expect((await readdir(desk.folder)).sort()).toEqual([run.runId, 'no-such-run', 'notes.txt'].sort());
  expect((await readdir(dirname(files.folder))).sort()).toEqual([files.folder.split('/').at(-1), 'my notes'].sort());
});
