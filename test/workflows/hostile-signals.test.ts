import { randomUUID } from 'node:crypto';
import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { createActivities } from '../../src/activities/index.js';
import { checkChain, EMPTY_LEDGER } from '../../src/domain/ledger/ledger-chain.js';
import { governanceWorkflowsPath } from '../../src/plugin/workflow-bundle.js';
import { createGovernedWorker, eventually, type GovernedWorker, type WorkedRun } from '../support/governed-worker.js';

let worker: GovernedWorker;
/** One run takes everything that is thrown at it here, and is approved at the end. */
let target: WorkedRun;
beforeAll(async () => {
  worker = await createGovernedWorker({ address: inject('temporalAddress') });
  target = await worker.startRun();
  await target.awaitDecision('P00');
});
afterAll(() => worker.close());

const SIGNALS = ['approve', 'reject', 'escalate', 'resolveEscalation', 'cancel'] as const;

const proto = JSON.parse('{"__proto__":{"actor":"grace"},"actor":"grace","constructor":{"prototype":1}}');

/** Sends payloads that no converter of ours would make. */
async function signalRaw(run: WorkedRun, name: string, payloads: readonly RawPayload[]): Promise<void> {
  await worker.client.workflowService.signalWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: run.handle.workflowId },
    signalName: name,
    input: { payloads: payloads.map(({ encoding, text }) => payload(encoding, text)) },
    identity: 'hostile',
    requestId: randomUUID(),
  });
}
const updateRaw = (run: WorkedRun, { encoding, text }: RawPayload) =>
  worker.client.workflowService.updateWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: run.handle.workflowId },
    waitPolicy: { lifecycleStage: 3 },
    request: {
      meta: { updateId: randomUUID(), identity: 'hostile' },
      input: { name: 'decide', args: { payloads: [payload(encoding, text)] } },
    },
  });
interface RawPayload {
  readonly encoding: string | null;
  readonly text: string;
}
const payload = (encoding: string | null, text: string) => ({
  metadata: encoding === null ? {} : { encoding: Buffer.from(encoding) },
  data: Buffer.from(text),
});

const deep = (depth: number): RawPayload => ({
  encoding: 'json/plain',
  text: `${'['.repeat(depth)}${']'.repeat(depth)}`,
});

/** Made when they are needed: a test's name must not be made of them. */
const CONTENTS: Readonly<Record<string, () => readonly unknown[]>> = {
  'a number': () => [7],
  text: () => ['approve'],
  'a flag': () => [true],
  'an array': () => [[1, 2, 3]],
  bytes: () => [new Uint8Array([0, 255, 1])],
  '1.9 MB of text': () => ['x'.repeat(1_900_000)],
  '50 arguments': () => Array.from({ length: 50 }, (_, index) => ({ index })),
  '__proto__ keys': () => [proto],
  'fields of wrong types': () => [{ actor: 7, decision_id: {}, attempt: 'one', gate: null }],
};

const UNDECODABLE: readonly (readonly [string, RawPayload])[] = [
  ['bad JSON', { encoding: 'json/plain', text: '{"actor":' }],
  ['no encoding', { encoding: null, text: '{}' }],
  ['an unknown encoding', { encoding: 'application/x-unknown', text: '{}' }],
  ['json/protobuf', { encoding: 'json/protobuf', text: '{"actor":"grace"}' }],
];

/** The run answers, none of its tasks failed, and it still awaits the same decision. */
async function expectUnharmed(run: WorkedRun): Promise<void> {
  const { phase, awaiting } = await run.status();
  expect(phase).toBe('open');
  expect(awaiting).toContainEqual(
    expect.objectContaining({ kind: 'decision', request_id: 'P00.1.1', approved_by: [] }),
  );
}

describe('governedRun: hostile signals leave the run at work', () => {
  test.each(Object.keys(CONTENTS))('%s', async (name) => {
    const before = (await target.status()).refusals;
    for (const signal of SIGNALS) await target.handle.signal(signal, ...(CONTENTS[name]?.() ?? []));
    await expectUnharmed(target);
    expect((await target.status()).refusals).toBe(Math.min(before + SIGNALS.length, 100));
  });

  test.each(['no argument', 'null'])('%s: an escalation, and a refusal of each other', async (given) => {
    const run = await worker.startRun();
    await run.awaitDecision('P00');
    for (const name of SIGNALS) await run.handle.signal(name, ...(given === 'null' ? [null] : []));
    await expectUnharmed(run);
    const refused = (await run.ledger()).filter(({ type }) => type === 'refused');
    expect(refused).toMatchObject(SIGNALS.slice(1).map(() => ({ reason: 'ACTOR_MISSING' })));
    await run.resolve('E1', { choice: 'continue' });
    await run.approve('P00');
    expect(await worker.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
  });

  // Deeper than the sender's own converter could write it.
  test.each([5_000, 100_000])('nesting %i deep', async (depth) => {
    for (const signal of SIGNALS) await signalRaw(target, signal, [deep(depth)]);
    await expectUnharmed(target);
    await updateRaw(target, deep(depth));
    await expectUnharmed(target);
  });

  test.each(UNDECODABLE)('undecodable, %s: a refusal that says so', async (_, raw) => {
    for (const name of SIGNALS) await signalRaw(target, name, [raw]);
    await expectUnharmed(target);
    const refused = (await target.ledger()).filter(
      (entry) => entry.type === 'refused' && entry.reason === 'UNDECODABLE',
    );
    expect(refused.length).toBeGreaterThanOrEqual(4);
    await signalRaw(target, 'approve', [raw, raw, raw]);
    await expectUnharmed(target);
  });

  test.each([
    ['unknown', 'launchMissiles'],
    ['reserved', '__temporal_workflow_metadata'],
    ['reserved and unknown', '__temporal_anything'],
    ['of a query', 'status'],
    ['of an update', 'decide'],
    ['of an object', '__proto__'],
    ['a thousand characters long', 'n'.repeat(1_000)],
  ])('a name that is %s', async (_, name) => {
    await target.handle.signal(name, { actor: 'grace' });
    await signalRaw(target, name, [{ encoding: 'json/plain', text: '{' }]);
    await expectUnharmed(target);
  });
});

describe('governedRun: the same as updates', () => {
  test.each(Object.keys(CONTENTS))('%s is answered', async (name) => {
    const answer = await target.handle.executeUpdate('decide', { args: [...(CONTENTS[name]?.() ?? [])] as [unknown] });
    expect(answer).toMatchObject({ accepted: false, reason: expect.stringMatching(/MALFORMED|TOO_LARGE/) });
    await expectUnharmed(target);
  });

  test.each([
    ['a kind that is none', { kind: 'approve', decision: {} }],
    ['a decision that is none', { kind: 'decision', decision: proto }],
    ['a resolution that is none', { kind: 'resolution', resolution: [] }],
    ['no content', { kind: 'decision' }],
  ])('%s is answered', async (_, message) => {
    const answer = await target.handle.executeUpdate('decide', { args: [message] });
    expect(answer).toMatchObject({ accepted: false, reason: expect.stringMatching(/MALFORMED|ACTOR_MISSING/) });
    await expectUnharmed(target);
  });

  test.each(UNDECODABLE)('undecodable, %s, is answered', async (_, raw) => {
    await updateRaw(target, raw);
    await expectUnharmed(target);
  });

  test('an unknown update is refused by the worker', async () => {
    await expect(target.handle.executeUpdate('launch', { args: [1] })).rejects.toMatchObject({
      name: 'WorkflowUpdateFailedError',
    });
    await expectUnharmed(target);
  });

  test('ten at once, as many as the server takes, are all answered', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => target.handle.executeUpdate('decide', { args: [7] })),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    await expectUnharmed(target);
  });
});

describe('the payload converter', () => {
  test('without it an undecodable payload wedges a run; a worker that has it heals the run', async () => {
    const idle = await createGovernedWorker({ address: inject('temporalAddress'), idle: true });
    const run = await idle.startRun();
    const bare = await Worker.create({
      connection: idle.connection,
      namespace: 'default',
      taskQueue: idle.taskQueue,
      workflowsPath: governanceWorkflowsPath(),
      activities: createActivities(idle.ports, {
        taskQueues: (queue) => ({ writer: queue, verifier: queue, reviewer: queue }),
      }),
    });
    await bare.runUntil(async () => {
      await run.awaitDecision('P00');
      await signalRaw(run, 'approve', [{ encoding: 'application/x-unknown', text: '{}' }]);
      await eventually(async () => ((await run.failedTasks()).length > 0 ? true : null), 'the failed task');
    });
    await (await idle.createWorker()).runUntil(async () => {
      await run.approve('P00');
      expect(await idle.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
    });
    expect(await idle.publishedJson(run.runId, 'run_record.json')).toMatchObject({
      refusals: [{ reason: 'UNDECODABLE' }],
    });
    await idle.close();
  });
});

describe('governedRun: at the end of it all', () => {
  test('no task failed, and the run is approved as any other', async () => {
    await target.approve('P00');
    expect(await worker.runs.wait(target.runId)).toMatchObject({ outcome: 'approved' });
    expect(await target.failedTasks()).toEqual([]);
    const ledger = await worker.publishedLedger(target.runId);
    expect(checkChain(ledger, EMPTY_LEDGER).ok).toBe(true);
  });
});
