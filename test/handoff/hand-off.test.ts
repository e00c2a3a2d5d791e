import { existsSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest';
import { journalBytes } from '../../src/contracts/run/journal.js';
import type { Submission } from '../../src/handoff/gate-desk.js';
import { openGate } from '../../src/handoff/open-gate.js';
import { releaseGate } from '../../src/handoff/release-gate.js';
import { submitGate } from '../../src/handoff/submit-gate.js';
import { handOffSignal } from '../../src/workflows/messages.js';
import { exampleOutputs } from '../support/gate-outputs.js';
import { createGovernedWorker, eventually, type GovernedWorker, type WorkedRun } from '../support/governed-worker.js';
import { makeTestKey } from '../support/signing.js';
import { deskOf, HUMAN_WRITER, untilHandedOff } from './support.js';

const GOOD = exampleOutputs();
const outputOf = (fields: object): string => JSON.stringify({ kind: 'output', ...fields });
const HOUR = 3_600_000;

let worker: GovernedWorker;
let claimTimeoutMs = HOUR;
const handOff = (principal: string) => (principal === 'nina' ? { claim_timeout_ms: claimTimeoutMs } : null);
beforeAll(async () => {
  worker = await createGovernedWorker({ address: inject('temporalAddress'), signedPolicy: HUMAN_WRITER, handOff });
});
afterEach(() => {
  claimTimeoutMs = HOUR;
});
afterAll(() => worker.close());

async function handedOffRun(options: Parameters<GovernedWorker['startRun']>[0] = {}): Promise<WorkedRun> {
  const run = await worker.startRun(options);
  await untilHandedOff(worker, run, 'P00');
  return run;
}

const submission = ({ runId }: WorkedRun, parts: Partial<Submission> = {}): Submission => ({
  run_id: runId,
  gate: 'P00',
  output: outputOf(GOOD.P00),
  patch: null,
  submit_failing: false,
  ...parts,
});

const claimShown = (run: WorkedRun, claimant: string | null) =>
  eventually(async () => {
    const gate = (await run.status()).gates.find(({ handed_off }) => handed_off !== undefined);
    return gate !== undefined && (gate.handed_off?.claim?.claimant ?? null) === claimant ? true : null;
  }, `the claim of ${claimant}`);

const resultsOf = async ({ runId }: WorkedRun) =>
  (await worker.store.readJournal(runId)).filter(
    (bytes) => JSON.parse(Buffer.from(bytes).toString()).kind === 'result',
  );

test('hand-off: a gate is claimed, done and submitted, and its result counts as that of a worker', async () => {
  const run = await handedOffRun();
  const desk = await deskOf(worker, 'nina@desk');
  const opened = await openGate(desk, { run_id: run.runId, gate: null });
  expect(opened).toMatchObject({ gate: 'P00', attempt: 1, again: false, claim: { claimant: 'nina@desk' } });
  expect(await readFile(join(opened.files.checkout, 'src/split.js'), 'utf8')).toContain('wrong');
  expect(await readFile(opened.files.prompt, 'utf8')).toBe(opened.prompt);
  await claimShown(run, 'nina@desk');
  expect(await openGate(desk, { run_id: run.runId, gate: 'P00' })).toMatchObject({ again: true, claim: opened.claim });
  const answer = await submitGate(desk, submission(run));
  expect(answer).toMatchObject({ kind: 'submitted', before: false, result: { verdict: 'pass' } });
  await run.approve('P00');
  expect(await worker.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
  expect(await run.failedTasks()).toEqual([]);
  expect(run.executors.calls).toEqual([]);
  const ledger = await worker.publishedLedger(run.runId);
  expect(ledger.map(({ type }) => type)).toContain('gateHandedOff');
  expect(await worker.publishedJson(run.runId, 'run_record.json')).toMatchObject({
    sandbox: { P00: 'elsewhere' },
    gates: [{ attempts: [{ executor: { kind: 'handoff', program: 'person', principal: 'nina' } }] }],
  });
});

test('hand-off: a gate stays handed off while no worker is there, and a submission waits in the journal', async () => {
  const own = await createGovernedWorker({
    address: inject('temporalAddress'),
    signedPolicy: HUMAN_WRITER,
    handOff,
    idle: true,
  });
  const first = await own.createWorker();
  const running = first.run();
  const run = await own.startRun();
  await untilHandedOff(own, run, 'P00');
  first.shutdown();
  await running;
  const [desk, other] = [await deskOf(own, 'nina@desk'), await deskOf(own, 'nina@laptop')];
  const wanted = { run_id: run.runId, gate: null };
  const unused = await openGate(other, wanted);
  await releaseGate(other, wanted);
  const { files } = await openGate(desk, wanted);
  expect(await submitGate(desk, submission(run))).toMatchObject({ kind: 'submitted', before: false });
  expect(await submitGate(desk, submission(run))).toMatchObject({ kind: 'submitted', before: true });
  expect(await submitGate(other, submission(run))).toMatchObject({ kind: 'submitted', before: true });
  // Work that does not count is nowhere else.
  expect([existsSync(files.folder), existsSync(unused.files.checkout)]).toEqual([false, true]);
  const second = await own.createWorker();
  const again = second.run();
  await run.approve('P00');
  expect(await own.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
  second.shutdown();
  await again;
  await own.close();
});

test('hand-off: one claimant at a time, until the claim is released', async () => {
  const run = await handedOffRun();
  const [desk, other] = [await deskOf(worker, 'nina@desk'), await deskOf(worker, 'nina@laptop')];
  const wanted = { run_id: run.runId, gate: null };
  const { claim } = await openGate(desk, wanted);
  const refusal = { code: 'GATE_CLAIMED', summary: `P00 is claimed by nina@desk until ${claim.until}.` };
  await expect(openGate(other, wanted)).rejects.toMatchObject(refusal);
  await expect(releaseGate(other, wanted)).rejects.toMatchObject(refusal);
  await expect(submitGate(other, submission(run))).rejects.toMatchObject(refusal);
  expect(await releaseGate(desk, wanted)).toEqual(claim);
  await claimShown(run, null);
  expect(await releaseGate(desk, wanted)).toBeNull();
  expect(await openGate(other, wanted)).toMatchObject({ claim: { claimant: 'nina@laptop' } });
  await expect(submitGate(desk, submission(run))).rejects.toMatchObject({ code: 'GATE_CLAIMED' });
  await run.handle.terminate();
});

test('hand-off: two terminals of one claimant get one folder, and what is missing from it is made again', async () => {
  const run = await handedOffRun();
  const desk = await deskOf(worker, 'nina@desk');
  const wanted = { run_id: run.runId, gate: null };
  const [one, other] = await Promise.all([openGate(desk, wanted), openGate(desk, wanted)]);
  expect([one.prompt, one.files]).toEqual([other.prompt, other.files]);
  await writeFile(join(one.files.checkout, 'notes.txt'), 'work');
  await rm(one.files.prompt);
  expect(await openGate(desk, wanted)).toMatchObject({ prompt: one.prompt });
  expect(await readFile(one.files.prompt, 'utf8')).toBe(one.prompt);
  expect(await readFile(join(one.files.checkout, 'notes.txt'), 'utf8')).toBe('work');
  await rm(one.files.checkout, { recursive: true });
  await openGate(desk, wanted);
  expect(await readFile(join(one.files.checkout, 'src/split.js'), 'utf8')).toContain('wrong');
  expect(await readdir(join(desk.folder, run.runId))).toHaveLength(1);
  await run.handle.terminate();
});

test('hand-off: a claim ends by itself after its time', async () => {
  const run = await handedOffRun();
  const [desk, other] = [await deskOf(worker, 'nina@desk'), await deskOf(worker, 'nina@laptop')];
  claimTimeoutMs = 700;
  const { claim } = await openGate(desk, { run_id: run.runId, gate: null });
  claimTimeoutMs = HOUR;
  const taken = await eventually(
    () =>
      openGate(other, { run_id: run.runId, gate: null }).catch((error: { code?: string }) => {
        expect(error.code).toBe('GATE_CLAIMED');
        return null;
      }),
    'the end of the claim',
  );
  expect(Date.parse(taken.claim.at)).toBeGreaterThanOrEqual(Date.parse(claim.until));
  await run.handle.terminate();
});

test('hand-off: a claim that another key signed holds nothing', async () => {
  const run = await handedOffRun();
  const desk = await deskOf(worker, 'nina@desk');
  const { claim } = await openGate(desk, { run_id: run.runId, gate: null });
  await releaseGate(desk, { run_id: run.runId, gate: null });
  const entries = await worker.store.readJournal(run.runId);
  const genuine = entries
    .map((bytes) => JSON.parse(Buffer.from(bytes).toString()))
    .find(({ kind }) => kind === 'claim');
  const stolen = { ...genuine.claim, claimant: 'mallory', at: new Date().toISOString(), until: claim.until };
  const envelope = makeTestKey().seal(JSON.parse(Buffer.from(genuine.envelope.payload, 'base64').toString()));
  await worker.store.appendJournal(run.runId, journalBytes({ kind: 'claim', claim: stolen, envelope }));
  await worker.store.appendJournal(
    run.runId,
    journalBytes({ kind: 'claim', claim: stolen, envelope: genuine.envelope }),
  );
  expect(await openGate(desk, { run_id: run.runId, gate: null })).toMatchObject({ claim: { claimant: 'nina@desk' } });
  await run.handle.terminate();
});

test('hand-off: another key, and another principal, are refused', async () => {
  const run = await handedOffRun();
  const wanted = { run_id: run.runId, gate: null };
  const stranger = await deskOf(worker, 'mallory', { key: makeTestKey() });
  await expect(openGate(stranger, wanted)).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' });
  await expect(submitGate(stranger, submission(run))).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' });
  const vera = await deskOf(worker, 'vera@desk', { principal: 'vera' });
  await expect(submitGate(vera, submission(run))).rejects.toMatchObject({ code: 'PRINCIPAL_NOT_BOUND' });
  expect(await resultsOf(run)).toEqual([]);
  await run.handle.terminate();
});

test('hand-off: a signal without a signed result in the journal changes nothing', async () => {
  const run = await handedOffRun();
  const forged = makeTestKey().seal({ _type: 'https://in-toto.io/Statement/v1' });
  await worker.store.appendJournal(run.runId, journalBytes({ kind: 'result', envelope: forged }));
  for (let sent = 0; sent < 20; sent += 1) await run.handle.signal(handOffSignal);
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(await run.types()).toEqual(['runOpened', 'gateStarted', 'gateHandedOff']);
  const { events } = await run.handle.fetchHistory();
  const looks = (events ?? []).filter((event) => event.activityTaskScheduledEventAttributes);
  expect(looks.length).toBeLessThan(6);
  expect(await run.failedTasks()).toEqual([]);
  await run.handle.terminate();
});

test('hand-off: a gate that is not due, and a patch where none is due, are refused before anything is signed', async () => {
  const run = await handedOffRun();
  const desk = await deskOf(worker, 'nina@desk');
  await expect(submitGate(desk, submission(run, { gate: 'P03' }))).rejects.toMatchObject({
    code: 'NOTHING_HANDED_OFF',
  });
  await expect(submitGate(desk, submission(run, { patch: new Uint8Array([1]) }))).rejects.toMatchObject({
    code: 'USAGE',
  });
  expect(await resultsOf(run)).toEqual([]);
  await run.handle.terminate();
});

test('hand-off: P05 takes the claimed checkout or a patch, and a change out of scope is shown and not submitted', async () => {
  const run = await handedOffRun({ gates: ['P00', 'P01', 'P03', 'P05'] });
  const desk = await deskOf(worker, 'nina@desk');
  for (const gate of ['P00', 'P01', 'P03'] as const) {
    await untilHandedOff(worker, run, gate);
    const answer = { kind: 'output', ...GOOD[gate] };
    await submitGate(desk, submission(run, { gate, output: JSON.stringify({ answer }) }));
    await run.approve(gate);
  }
  await untilHandedOff(worker, run, 'P05');
  const given = submission(run, { gate: 'P05', output: outputOf(GOOD.P05) });
  await expect(submitGate(desk, given)).rejects.toMatchObject({ code: 'USAGE' });
  const { files, edits_files } = await openGate(desk, { run_id: run.runId, gate: 'P05' });
  expect(edits_files).toBe(true);
  const broken = new TextEncoder().encode('--- a/none.js\n+++ b/none.js\n@@ -1 +1 @@\n-a\n+b\n');
  await expect(submitGate(desk, { ...given, patch: broken })).rejects.toMatchObject({
    code: 'PATCH_NOT_APPLICABLE',
    message: expect.stringContaining(`on the base commit ${worker.repository.run.base_commit}`),
  });
  const outside = '--- a/README.md\n+++ b/README.md\n@@ -1 +1 @@\n-# Split\n+# Changed\n';
  const failing = await submitGate(desk, { ...given, patch: new TextEncoder().encode(outside) });
  expect(failing).toMatchObject({ kind: 'failing', result: { verdict: 'fail' } });
  expect(failing.result.findings.map(({ rule }) => rule)).toContain('scope');
  expect(await resultsOf(run)).toHaveLength(3);
  await writeFile(join(files.checkout, 'src/split.js'), "export const split = 'right';\n");
  expect(await submitGate(desk, given)).toMatchObject({ kind: 'submitted', result: { verdict: 'pass' } });
  await run.approve('P05');
  expect(await worker.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
});

test('hand-off: a failing result is submitted when the claimant asks for it, and goes back to be done again', async () => {
  const run = await handedOffRun();
  const desk = await deskOf(worker, 'nina@desk');
  const report = {
    issue: 'The request contradicts itself.',
    impact: 'x',
    context: '',
    options: ['a'],
    recommendation: 'a',
  };
  const escalation = JSON.stringify({ kind: 'escalation', report: { ...report, security_sensitive: false } });
  expect(await submitGate(desk, submission(run, { output: escalation }))).toMatchObject({
    kind: 'submitted',
    result: { verdict: 'blocked' },
  });
  await run.resolve('E1', { choice: 'retry' });
  await eventually(async () => {
    const { entries } = await desk.runs.ledger(run.runId);
    return entries.filter(({ type }) => type === 'gateHandedOff').length === 2 ? true : null;
  }, 'the second hand-off');
  expect(await openGate(desk, { run_id: run.runId, gate: 'P00' })).toMatchObject({ attempt: 2, again: false });
  await run.handle.terminate();
});

test('hand-off: an agent’s gates are not handed off where the policy asks for different executors', async () => {
  const own = await createGovernedWorker({ address: inject('temporalAddress'), handOff });
  const run = await own.startRun();
  expect(await own.runs.wait(run.runId)).toMatchObject({ outcome: 'failed' });
  expect(await own.publishedLedger(run.runId)).toMatchObject([{ type: 'openingFailed', code: 'DUTIES_CLASH' }, {}]);
  await own.close();
});
