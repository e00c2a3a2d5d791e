import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { GATE_IDS } from '../../src/contracts/names.js';
import type { RunRecord } from '../../src/contracts/record/run-record.js';
import { exampleOutputs } from '../support/gate-outputs.js';
import { createGovernedWorker, type GovernedWorker, STRAIGHT } from '../support/governed-worker.js';
import { outputs, type ScriptStep } from '../support/scripted-executor.js';
import { signingSetup } from '../support/signing-policy.js';

/* Under a policy that requires it, a change is verified and reviewed by models of other vendors than the writer's. */

const GOOD = exampleOutputs();
let worker: GovernedWorker;
beforeAll(async () => {
  const signing = signingSetup();
  const policy = `${signing.policy}independence: { models: require }\n`;
  worker = await createGovernedWorker({ address: inject('temporalAddress'), ...signing, policy });
});
afterAll(() => worker.close());

const servedBy =
  (served_model: string | null, step: ScriptStep): ScriptStep =>
  async (call) => ({ ...(await step(call)), served_model });

test('a verifier of the same vendor, or of none that is known, raises a P08; one of another goes on, and the record says so', async () => {
  const run = await worker.startRun({
    gates: GATE_IDS,
    scripts: {
      nina: (STRAIGHT.nina ?? []).map((step) => servedBy('claude-sonnet-4-5', step)),
      vera: ['anthropic/claude-opus-4', null, 'gpt-5'].map((model) => servedBy(model, outputs(GOOD.P06))),
      rex: [servedBy('gemini-2.5-pro', outputs(GOOD.P07))],
    },
  });
  for (const gate of GATE_IDS.slice(0, 4)) await run.approve(gate);
  for (const id of ['E1', 'E2']) {
    expect(await run.awaitEscalation(id)).toMatchObject({ trigger: 'rule_violation', gate: 'P06' });
    // The policy does not call the rule waivable: to continue leaves a gate that did not pass.
    await run.resolve(id, { choice: 'retry' });
  }
  await run.approve('P06');
  await run.approve('P07');
  expect((await worker.runs.wait(run.runId)).outcome).toBe('approved');
  const record = (await worker.publishedJson(run.runId, 'run_record.json')) as RunRecord;
  const compared = record.independence?.comparisons.map(({ judge, judged, verdict }) => [
    ...[judge.gate, judge.model, judged.role, judged.model, verdict],
  ]);
  expect(compared).toEqual([
    ['P06', 'gpt-5', 'writer', 'claude-sonnet-4-5', 'independent'],
    ['P07', 'gemini-2.5-pro', 'writer', 'claude-sonnet-4-5', 'independent'],
    ['P07', 'gemini-2.5-pro', 'verifier', 'gpt-5', 'independent'],
  ]);
  const void1 = record.gates.find(({ gate }) => gate === 'P06')?.attempts[0];
  expect(void1?.findings).toMatchObject([{ rule: 'model_independence', blocking: true }]);
});
