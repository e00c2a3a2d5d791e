import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { createCommandExecutor } from '../../src/adapters/executor/command-executor.js';
import { createLauncher } from '../../src/adapters/platform/launcher.js';
import { commandExecutorSchema } from '../../src/contracts/config/executor-config.js';
import { GATE_IDS } from '../../src/contracts/names.js';
import type { RunRecord } from '../../src/contracts/record/run-record.js';
import { exampleOutputs } from '../support/gate-outputs.js';
import { createGovernedWorker, type GovernedWorker, STRAIGHT } from '../support/governed-worker.js';
import type { ScriptStep } from '../support/scripted-executor.js';
import { signingSetup } from '../support/signing-policy.js';

/* Programs that print what they used, run by the command executor of a real worker under a policy with budgets. */

const BUDGETS = `budgets:
  gates:
    P00: { tokens: 1000, wall_time: 2s }
    P01: { cost_usd: 0.01 }
`;
const PRICES = { 'model-*': { input: 1, output: 10 } };
const launcher = createLauncher(process.env.PATH);
const GOOD = exampleOutputs();
let folder: string;
let worker: GovernedWorker;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'promptos-budgets-'));
  const signing = signingSetup();
  worker = await createGovernedWorker({
    ...{ address: inject('temporalAddress'), ...signing, policy: `${signing.policy}${BUDGETS}`, prices: PRICES },
  });
});
afterAll(async () => {
  await worker.close();
  await launcher.close();
  await rm(folder, { recursive: true, force: true });
});

/** A program that is run by `node -e`, as the command executor of nina runs it. */
function program(script: string): ScriptStep {
  const executor = createCommandExecutor(
    'nina',
    commandExecutorSchema.parse({
      kind: 'command',
      argv: ['node', '-e', script],
      answer: { pointer: '/result' },
      model: { served_pointer: '/model' },
      usage: { input_tokens: '/usage/in', output_tokens: '/usage/out' },
    }),
    {
      env: { PATH: `${dirname(process.execPath)}:/usr/bin:/bin` },
      configDir: folder,
      scratchRoot: join(folder, 'scratch'),
      programs: launcher,
    },
  );
  return (call) => executor.execute(call);
}

const prints = (result: unknown, usage: object): ScriptStep =>
  program(`console.log(${JSON.stringify(JSON.stringify({ result, model: 'model-1', usage }))})`);

test('figures that programs print end in a P08 with what was spent; continue goes on, and the record has the account', async () => {
  const [, , ...others] = STRAIGHT.nina ?? [];
  const run = await worker.startRun({
    gates: GATE_IDS,
    scripts: {
      ...STRAIGHT,
      nina: [
        prints({ kind: 'output', ...GOOD.P00 }, { in: 900, out: 300 }),
        prints({ kind: 'output', ...GOOD.P01 }, { in: 2000, out: 1000 }),
        ...others,
      ],
    },
  });
  const first = await run.awaitEscalation('E1');
  expect(first).toMatchObject({ trigger: 'budget', gate: 'P00' });
  expect(first.issue).toBe('The budget is spent: 1200 of 1000 tokens of P00.');
  await run.resolve('E1', { choice: 'continue' });
  await run.approve('P00');
  // 2,000 tokens at $1 and 1,000 at $10 a million, by the price table.
  expect((await run.awaitEscalation('E2')).issue).toBe('The budget is spent: $0.012 of $0.01 of P01.');
  await run.resolve('E2', { choice: 'continue' });
  for (const gate of GATE_IDS.slice(1)) await run.approve(gate);
  expect((await worker.runs.wait(run.runId)).outcome).toBe('approved');
  const record = (await worker.publishedJson(run.runId, 'run_record.json')) as RunRecord;
  expect(record.budgets?.gates.P00).toMatchObject({ tokens: 1200, cost_usd: 0.0039, tries: 1, attempts: 1 });
  expect(record.budgets?.gates.P01).toMatchObject({ tokens: 3000, cost_usd: 0.012 });
  expect(record.budgets?.run).toMatchObject({ attempts: 6, tokens: 4200 });
  expect(record.gates[1]?.attempts[0]?.tries[0]?.usage).toMatchObject({ cost_usd: 0.012, cost_from: 'prices' });
  expect(await run.failedTasks()).toEqual([]);
});

test('wall time: a program that runs is stopped; retry grants one more budget', async () => {
  const run = await worker.startRun({
    gates: ['P00'],
    scripts: {
      nina: [program('setInterval(() => {}, 1000)'), prints({ kind: 'output', ...GOOD.P00 }, { in: 1, out: 1 })],
    },
  });
  const began = Date.now();
  const awaited = await run.awaitEscalation('E1');
  // The program itself would never end.
  expect(Date.now() - began).toBeLessThan(60_000);
  expect(awaited).toMatchObject({ trigger: 'budget', gate: 'P00' });
  expect(awaited.issue).toMatch(/^The budget is spent: [23](\.\d)? s of 2 s of wall time of P00\.$/);
  expect(await run.status()).toMatchObject({ budgets: { run: { tries: 1, tokens_unknown: 1, attempts: 1 } } });
  await run.resolve('E1', { choice: 'retry' });
  await run.approve('P00');
  expect((await worker.runs.wait(run.runId)).outcome).toBe('approved');
});

test('an attempt that ended with an error counts, with what its executor said', async () => {
  const failing: ScriptStep = async (call) => ({
    ...(await prints('no answer', { in: 990, out: 20 })(call)),
    failure: { class: 'configuration', message: 'no such model' },
  });
  const run = await worker.startRun({ gates: ['P00'], scripts: { nina: [failing] } });
  expect(await run.awaitEscalation('E1')).toMatchObject({ trigger: 'infrastructure' });
  await run.resolve('E1', { choice: 'retry' });
  expect((await run.awaitEscalation('E2')).issue).toBe('The budget is spent: 1010 of 1000 tokens of P00.');
  await run.resolve('E2', { choice: 'abort', guidance: 'enough' });
  expect((await worker.runs.wait(run.runId)).outcome).toBe('aborted');
});
