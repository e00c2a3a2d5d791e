import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { GATE_IDS, runWorkflowId, WORKFLOW_TYPE } from '../../src/contracts/names.js';
import { NO_APPROVALS } from '../support/attack-policy.js';
import { type AttackSite, createAttackSite, endOf, patientScripts } from '../support/attack-site.js';
import { eventually, hangs } from '../support/governed-worker.js';
import { createHostileClient, type HostileClient } from '../support/hostile-client.js';

let site: AttackSite;
let hostile: HostileClient;
beforeAll(async () => {
  const address = inject('temporalAddress');
  hostile = await createHostileClient(address);
  site = await createAttackSite({ address, approvals: NO_APPROVALS });
});
afterAll(async () => {
  await hostile.close();
  await site.close();
});

type Input = Readonly<Record<string, unknown>>;
const freshId = () => `run-${randomUUID().slice(0, 13)}`;

/** Starts our workflow type as anybody with access to Temporal can. */
const startAs = (runId: string, input: Input) =>
  hostile.client.workflow.start(WORKFLOW_TYPE, {
    taskQueue: site.queueOf('engine'),
    workflowId: runWorkflowId(runId),
    args: [{ ...input, run_id: runId }],
  });

/** What a genuine run was started with, read from its history. */
async function genuineInput(): Promise<Input> {
  const donor = await site.startRun({ gates: ['P00'] });
  await endOf(site, donor.runId);
  return hostile.startInput(donor.runId);
}

describe('start that no developer signed', () => {
  const STARTS: Readonly<Record<string, (input: Input) => Input>> = {
    'the signed request of another run': (input) => input,
    'no signature': (input) => ({ ...input, request_attestation_sha256: null }),
    'a signature that is not in the store': (input) => ({ ...input, request_attestation_sha256: '0'.repeat(64) }),
    'a policy that is not trusted': (input) => ({ ...input, policy_sha256: input.request_sha256 }),
    'a developer that the policy does not know': (input) => ({ ...input, developer: 'mallory' }),
    "the developer's key under an integrator's name": (input) => ({ ...input, developer: 'grace' }),
    'a field of the wrong type': (input) => ({ ...input, base_commit: 7 }),
    ...Object.fromEntries(
      ['__proto__', 'constructor', 'toString', 'hasOwnProperty'].flatMap((name) => [
        [`the developer ${name}`, (input: Input) => ({ ...input, developer: name })],
        [
          `the developer ${name} and no signature`,
          (input: Input) => ({ ...input, developer: name, request_attestation_sha256: null }),
        ],
      ]),
    ),
  };

  test.each(Object.keys(STARTS))('with %s: no tree, no signature, and the run id stays free', async (name) => {
    const input = await genuineInput();
    const runId = freshId();
    const before = site.signatures();
    await startAs(runId, STARTS[name]?.(input) ?? input);
    expect(await endOf(site, runId)).toBe('failed');
    expect(site.strangers.calls.some(({ run_id }) => run_id === runId)).toBe(false);
    expect(await site.store.published(runId)).toBeNull();
    expect(site.signatures()).toBe(before);
    const genuine = await site.startRun({ runId, gates: ['P00'] });
    expect(await endOf(site, genuine.runId)).toBe('approved');
    expect(await site.judge(runId)).toMatchObject({ verified: true });
  });
});

describe('start once more with the old signed request', () => {
  test('of a run that was terminated after its stop: refused, and no gate is done again', async () => {
    const run = await site.startRun({ gates: GATE_IDS, scripts: patientScripts({ wendy: [hangs] }) });
    await eventually(async () => run.executors.calls[0] ?? null, 'the genuine executor');
    const stop = { actor: 'ada', issue: 'I started the wrong one.' };
    await site.runs.escalate(run.runId, stop, site.repository.run.policy_sha256);
    const input = await hostile.startInput(run.runId);
    await hostile.terminate(run.runId);
    const { length } = run.executors.calls;
    const before = site.signatures();
    await startAs(run.runId, input);
    expect(await endOf(site, run.runId)).toBe('failed');
    expect(run.executors.calls).toHaveLength(length);
    expect(site.signatures()).toBe(before);
    expect(await site.store.published(run.runId)).toBeNull();
  });

  test('of a run that is published: refused, and its tree stays as it is', async () => {
    const run = await site.startRun({ gates: ['P00'] });
    const { run_record_sha256 } = await site.runs.wait(run.runId);
    await startAs(run.runId, await hostile.startInput(run.runId));
    expect(await endOf(site, run.runId)).toBe('failed');
    const record = (await site.store.published(run.runId))?.find(({ path }) => path === 'run_record.json');
    expect(record?.sha256).toBe(run_record_sha256);
    expect(await site.judge(run.runId)).toMatchObject({ verified: true });
  });
});
