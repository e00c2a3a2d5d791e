import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { GATE_IDS } from '../../src/contracts/names.js';
import { NO_APPROVALS } from '../support/attack-policy.js';
import { strippedResult } from '../support/attack-shapes.js';
import { type AttackSite, createAttackSite, patientScripts } from '../support/attack-site.js';
import { exampleOutputs } from '../support/gate-outputs.js';
import { eventually, type WorkedRun } from '../support/governed-worker.js';
import { outputs, type ScriptStep, says } from '../support/scripted-executor.js';

/** An attacker between the reviewer's worker and the server removes the data beside a signature. */
const inTransit = {
  interceptors: {
    activity: [
      () => ({
        inbound: {
          execute: async (
            input: { readonly args: unknown[]; readonly headers: object },
            next: (given: never) => Promise<unknown>,
          ) => strippedResult((await next(input as never)) as Readonly<Record<string, unknown>>),
        },
      }),
    ],
  },
};

let site: AttackSite;
beforeAll(async () => {
  site = await createAttackSite({
    address: inject('temporalAddress'),
    approvals: NO_APPROVALS,
    workerOptions: { reviewer: inTransit },
  });
});
afterAll(() => site.close());

const review = (parts: object): ScriptStep => outputs({ ...exampleOutputs().P07, ...parts });
const ESCALATES = says(
  JSON.stringify({
    kind: 'escalation',
    report: {
      issue: 'Who gets the cents?',
      impact: 'I would guess.',
      context: '',
      options: ['first', 'last'],
      recommendation: 'The first.',
      security_sensitive: false,
    },
  }),
);
const FINDING = {
  severity: 'high',
  title: 'A cent is lost',
  detail: 'With three parts.',
  path: 'src/split.js',
} as const;

/** Runs until a person is asked or it has ended. */
async function reviewed(step: ScriptStep): Promise<WorkedRun> {
  const run = await site.startRun({ gates: GATE_IDS, scripts: patientScripts({ rita: [step] }) });
  await eventually(async () => {
    const { phase, awaiting } = await run.status();
    return phase === 'closed' || awaiting.length > 0 ? true : null;
  }, 'a request or the end');
  return run;
}

test('result without its high finding: the finding counts as it was signed, and asks for an integrator', async () => {
  const run = await reviewed(review({ findings: [FINDING] }));
  const { phase, gates } = await run.status();
  expect(phase).toBe('open');
  expect(gates.find(({ gate }) => gate === 'P07')?.findings).toMatchObject([{ severity: 'high' }]);
  const awaited = await run.awaitDecision('P07');
  expect(awaited.to_acknowledge).toHaveLength(1);
  await run.approve('P07', { acknowledged: [...awaited.to_acknowledge] });
  expect(await site.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
  expect(await site.judge(run.runId)).toMatchObject({ verified: true });
});

test('result without its critical finding: the escalation that follows from it is raised', async () => {
  const run = await reviewed(review({ findings: [{ ...FINDING, severity: 'critical' }] }));
  const awaited = await run.awaitEscalation('E1');
  expect(awaited).toMatchObject({ gate: 'P07', trigger: 'critical_finding' });
  await run.handle.terminate('the test has ended');
});

test('result without its escalation: the escalation of the reviewer is raised as it was signed', async () => {
  const run = await reviewed(ESCALATES);
  const awaited = await run.awaitEscalation('E1');
  expect(awaited).toMatchObject({ gate: 'P07', trigger: 'executor', issue: 'Who gets the cents?' });
  await run.resolve('E1', { choice: 'retry', guidance: 'The first gets them.' });
  expect(await site.runs.wait(run.runId)).toMatchObject({ outcome: 'approved' });
  expect(await site.judge(run.runId)).toMatchObject({ verified: true });
});
