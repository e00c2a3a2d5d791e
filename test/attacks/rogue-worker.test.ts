import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { bindResolution } from '../../src/cli/decide/resolution.js';
import { canonicalSha256 } from '../../src/contracts/json.js';
import { EXECUTOR_ROLES, GATE_IDS, GATES } from '../../src/contracts/names.js';
import { NO_APPROVALS, SITE_ROLES } from '../support/attack-policy.js';
import { ENGINE_ACTIVITIES, forgedEngineArguments, forgedGateInput, MADE_UP } from '../support/attack-shapes.js';
import { type AttackSite, createAttackSite, endOf } from '../support/attack-site.js';
import type { WorkedRun } from '../support/governed-worker.js';
import { createHostileClient, type HostileClient } from '../support/hostile-client.js';
import { makeTestKey } from '../support/signing.js';

let site: AttackSite;
let hostile: HostileClient;
const address = inject('temporalAddress');
beforeAll(async () => {
  hostile = await createHostileClient(address);
});
afterAll(() => hostile.close());

const STOP = { actor: 'ada', issue: 'I started the wrong one.', decision_id: 'stop-1' };

describe("rogue worker on the engine's queue", () => {
  beforeAll(async () => {
    site = await createAttackSite({ address, approvals: NO_APPROVALS, parties: ['writer', 'verifier', 'reviewer'] });
  });
  afterAll(() => site.close());
  afterEach(async () => {
    await hostile.stopPolling();
    await site.stop('engine');
  });

  /** A run that a false engine has, beside a genuine engine that came later. */
  async function stolenRun(): Promise<WorkedRun> {
    await hostile.poll(site.queueOf('engine'), 'false engine');
    const run = await site.startRun({ gates: GATE_IDS });
    await hostile.showStatus(run.runId, { awaiting: [] });
    await site.start('engine');
    return run;
  }
  const stop = (run: WorkedRun) => site.runs.escalate(run.runId, STOP, site.repository.run.policy_sha256);

  test('no role signs and nothing is sealed for it, in the name of the run itself', async () => {
    const run = await stolenRun();
    const input = await hostile.startInput(run.runId);
    const before = site.signatures();
    for (const gate of GATE_IDS) {
      const { role } = GATES[gate];
      const parts = {
        ...input,
        run: input,
        pack_sha256: site.repository.packSha256,
        gate,
        attempt: 1,
        principal: SITE_ROLES[role],
        inputs: {},
        feedback: [],
      };
      const answer = await hostile.errandAsRun(run.runId, {
        activity: 'promptos_executeGate',
        taskQueue: site.queueOf(role),
        args: [forgedGateInput({}, [], parts)],
      });
      expect({ gate, ok: answer.ok }).toEqual({ gate, ok: false });
    }
    for (const activity of ENGINE_ACTIVITIES) {
      const answer = await hostile.errandAsRun(run.runId, {
        activity,
        taskQueue: site.queueOf('engine'),
        args: forgedEngineArguments(input, []),
      });
      expect({ activity, ok: answer.ok }).toEqual({ activity, ok: false });
    }
    expect(site.signatures()).toBe(before);
    expect(await site.store.published(run.runId)).toBeNull();
    await hostile.terminate(run.runId);
  });

  test('a report that it shows in place of the one to be signed: an integrator signs neither', async () => {
    const run = await stolenRun();
    const awaited = {
      kind: 'resolution',
      request_id: 'E1.1',
      escalation_id: 'E1',
      trigger: 'person',
      raised_by: 'ada',
      report: { trigger: 'person', issue: 'A typing error in the README.' },
      report_sha256: canonicalSha256({ trigger: 'person', issue: 'The patch sends the customers away.' }),
    };
    await hostile.showStatus(run.runId, { run_id: run.runId, policy_sha256: '0'.repeat(64), awaiting: [awaited] });
    const status = await run.status();
    const [shown] = status.awaiting;
    if (shown?.kind !== 'resolution') throw new Error('expected the false engine to show an escalation');
    const bind = () => bindResolution(status, shown, { actor: 'grace', choice: 'continue' });
    expect(bind).toThrow(expect.objectContaining({ code: 'REPORT_DIFFERS' }));
    await hostile.terminate(run.runId);
  });

  test('a stop that it called counted is not passed over when the run is started again', async () => {
    const run = await stolenRun();
    expect(await stop(run)).toMatchObject({ kind: 'answered', answer: { accepted: true } });
    const input = await hostile.startInput(run.runId);
    await hostile.terminate(run.runId);
    await hostile.stopPolling();
    await hostile.client.workflow.start('governedRun', {
      taskQueue: site.queueOf('engine'),
      workflowId: run.handle.workflowId,
      args: [input],
    });
    expect(await endOf(site, run.runId, 15_000)).toBe('running');
    const awaited = await run.awaitEscalation('E1');
    expect(awaited).toMatchObject({ trigger: 'fork' });
    expect(await site.store.published(run.runId)).toBeNull();
    await run.resolve('E1', { choice: 'abort' });
    expect(await endOf(site, run.runId)).toBe('aborted');
    expect(await site.judge(run.runId)).toMatchObject({ verified: true });
    expect(await site.publishedJournal(run.runId)).toContain('stop-1');
  });
});

describe('signed stop before any engine has opened the run', () => {
  beforeAll(async () => {
    site = await createAttackSite({ address, approvals: NO_APPROVALS, parties: ['writer', 'verifier', 'reviewer'] });
  });
  afterAll(() => site.close());

  test('stops the run once an engine opens it', async () => {
    const run = await site.startRun({ gates: GATE_IDS });
    const delivery = site.runs.escalate(run.runId, STOP, site.repository.run.policy_sha256);
    expect(await delivery).toMatchObject({ kind: 'queued' });
    await site.start('engine');
    expect(await run.awaitEscalation('E1')).toMatchObject({ trigger: 'person', raised_by: 'ada' });
    await run.resolve('E1', { choice: 'retry' });
    expect(await endOf(site, run.runId)).toBe('approved');
    expect(await site.judge(run.runId)).toMatchObject({ verified: true });
  });

  test('for a run id that Temporal does not know leaves no journal', async () => {
    const stop = site.runs.escalate('no-such-run', STOP, site.repository.run.policy_sha256);
    await expect(stop).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
    expect(await site.store.readJournal('no-such-run')).toEqual([]);
  });
});

describe("rogue worker on a role's queue", () => {
  const FORGED: Readonly<Record<string, (genuine: unknown) => unknown>> = {
    'an unsigned result': () => MADE_UP,
    "a result signed by a key of the attacker's": () => ({
      ...MADE_UP,
      attestation: makeTestKey().seal({ predicate: MADE_UP }),
    }),
    'the genuine result of another run': (genuine) => genuine,
    nothing: () => null,
    'a number': () => 7,
    'an object without fields': () => ({}),
  };
  const TYPICAL = ['an unsigned result', 'the genuine result of another run', 'nothing'];
  let donor: WorkedRun;
  beforeAll(async () => {
    site = await createAttackSite({ address, approvals: NO_APPROVALS });
    donor = await site.startRun({ gates: GATE_IDS });
    expect(await endOf(site, donor.runId)).toBe('approved');
  });
  afterAll(() => site.close());
  afterEach(async () => {
    await hostile.stopPolling();
    for (const role of EXECUTOR_ROLES) await site.start(role);
  });

  describe.each(['P00', 'P06', 'P07'] as const)('in place of %s', (gate) => {
    const { role } = GATES[gate];

    // Each role once with what is typical; the first gate with everything.
    const names = Object.keys(FORGED).filter((name) => gate === 'P00' || TYPICAL.includes(name));
    test.each(names)('%s does not count, and the run goes on once a person says so', async (name) => {
      // Signed by the key of the role, for another run: everybody who reaches Temporal can read it.
      const genuine = await hostile.resultOf(donor.runId, gate);
      await site.stop(role);
      await hostile.poll(site.queueOf(role), {
        activities: { promptos_executeGate: async () => FORGED[name]?.(genuine) },
      });
      const run = await site.startRun({ gates: GATE_IDS });
      const awaited = await run.awaitEscalation('E1');
      await hostile.stopPolling();
      await site.start(role);
      expect(awaited).toMatchObject({ gate, trigger: 'trust' });
      expect(await run.failedTasks()).toEqual([]);
      await run.resolve('E1', { choice: 'retry' });
      expect(await endOf(site, run.runId)).toBe('approved');
      expect(await site.judge(run.runId)).toMatchObject({ verified: true });
    });
  });
});
