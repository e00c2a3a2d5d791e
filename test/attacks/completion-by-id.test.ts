import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { GATE_IDS, GATES } from '../../src/contracts/names.js';
import type { GovernancePorts } from '../../src/ports/index.js';
import { NO_APPROVALS } from '../support/attack-policy.js';
import { FORGED_SEALS, MADE_UP } from '../support/attack-shapes.js';
import { type AttackSite, answering, createAttackSite, endOf, patientScripts } from '../support/attack-site.js';
import { eventually, hangs, type WorkedRun } from '../support/governed-worker.js';
import { createHostileClient, type HostileClient } from '../support/hostile-client.js';
import type { ScriptStep } from '../support/scripted-executor.js';

/** Holds back every publication while it is closed. */
const held = new Set<Promise<void>>();
function holdPublications(): () => void {
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  held.add(gate);
  return () => {
    held.delete(gate);
    open();
  };
}
const slowToPublish = (ports: GovernancePorts): GovernancePorts => ({
  ...ports,
  store: {
    ...ports.store,
    publish: async (...given) => {
      await Promise.all(held);
      return ports.store.publish(...given);
    },
  },
});

let site: AttackSite;
let hostile: HostileClient;
beforeAll(async () => {
  const address = inject('temporalAddress');
  hostile = await createHostileClient(address);
  site = await createAttackSite({ address, approvals: NO_APPROVALS, enginePorts: slowToPublish });
});
afterAll(async () => {
  await hostile.close();
  await site.close();
});

const seals = Object.keys(FORGED_SEALS);

/** The run's own record is what the run reports, and it verifies. */
async function expectTrueRecord(run: WorkedRun): Promise<void> {
  const { outcome, run_record_sha256 } = await site.runs.wait(run.runId);
  expect(outcome).toBe('approved');
  const record = (await site.store.published(run.runId))?.find(({ path }) => path === 'run_record.json');
  expect(run_record_sha256).toBe(record?.sha256);
  expect(await site.judge(run.runId)).toMatchObject({ verified: true });
}

describe('promptos_finalise completed by another client', () => {
  let release = () => {};
  afterEach(async () => {
    release();
    await site.stop('engine');
    await site.start('engine');
  });

  test.each(seals)('by id with %s: the run reports the record that the engine has signed', async (name) => {
    release = holdPublications();
    const run = await site.startRun({ gates: ['P00'] });
    const { activityId } = await hostile.awaitPending(run.runId, 'promptos_finalise');
    await hostile.completeById(run.runId, activityId, FORGED_SEALS[name]);
    release();
    await expectTrueRecord(run);
  });

  test.each(seals)('by token with %s: the run reports the record that the engine has signed', async (name) => {
    // Its one slot taken, the genuine engine serves workflows alone; the attacker's poller is the one that takes activities.
    await site.stop('engine');
    await site.start('engine', { maxConcurrentActivityTaskPolls: 1, maxConcurrentActivityTaskExecutions: 1 });
    release = holdPublications();
    const blocker = await site.startRun({ gates: ['P00'] });
    await hostile.awaitPending(blocker.runId, 'promptos_finalise');
    const token = hostile.stealTask(site.queueOf('engine'));
    const run = await site.startRun({ gates: ['P00'] });
    await hostile.completeByToken(await token, FORGED_SEALS[name]);
    release();
    await expectTrueRecord(run);
    await expectTrueRecord(blocker);
  });
});

describe.each(GATE_IDS)('promptos_executeGate of %s completed by another client', (gate) => {
  const { role } = GATES[gate];
  const before = GATE_IDS.slice(0, GATE_IDS.indexOf(gate));
  const gates = [...before, gate];
  const principal = { writer: 'wendy', verifier: 'victor', reviewer: 'rita' }[role];

  /** The result does not count, the run asks a person, and goes on with the genuine worker. */
  async function expectNotCounted(run: WorkedRun): Promise<void> {
    expect(await run.awaitEscalation('E1')).toMatchObject({ gate, trigger: 'trust' });
    expect(await run.failedTasks()).toEqual([]);
    expect(await run.status()).toMatchObject({ phase: 'open' });
    await run.resolve('E1', { choice: 'retry' });
    expect(await endOf(site, run.runId)).toBe('approved');
    expect(await site.judge(run.runId)).toMatchObject({ verified: true });
  }

  afterEach(() => site.start(role));

  test('by id: the result does not count', async () => {
    // The other gates of the role answer at once; the attacked one works until it is stopped.
    const own = before.filter((earlier) => GATES[earlier].role === role).map(() => answering);
    const scripts = patientScripts({ [principal]: [...own, hangs] });
    const run = await site.startRun({ gates, scripts });
    await eventually(async () => run.executors.calls.find((call) => call.gate === gate) ?? null, 'the executor');
    const { activityId } = await hostile.awaitPending(run.runId, 'promptos_executeGate');
    await hostile.completeById(run.runId, activityId, MADE_UP);
    await expectNotCounted(run);
  });

  test('by token: the result does not count', async () => {
    await site.stop(role);
    let stolen = false;
    // The genuine worker may have begun the attacked gate before it is stopped.
    const untilStolen: ScriptStep = (call) => (call.gate === gate && !stolen ? hangs(call) : answering(call));
    const scripts = patientScripts({ [principal]: Array<ScriptStep>(20).fill(untilStolen) });
    const run = await site.startRun({ gates, scripts });
    // The role's own earlier gates are done by its genuine worker.
    for (const earlier of before.filter((candidate) => GATES[candidate].role === role)) {
      await site.start(role);
      await eventually(async () => ((await passed(run, earlier)) ? true : null), `${earlier} to pass`);
      await site.stop(role);
    }
    await hostile.awaitPending(run.runId, 'promptos_executeGate');
    await hostile.completeByToken(await hostile.stealTask(site.queueOf(role)), MADE_UP);
    stolen = true;
    await site.start(role);
    await expectNotCounted(run);
  });
});

const passed = async (run: WorkedRun, gate: string): Promise<boolean> =>
  (await run.status()).gates.some((found) => found.gate === gate && found.state === 'passed');
