import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { GATE_IDS } from '../../../../src/contracts/names.js';
import type { RunRecord } from '../../../../src/contracts/record/run-record.js';
import { createGovernedWorker, type GovernedWorker } from '../../../support/governed-worker.js';
import { SERVED_MODEL, TOKENS } from '../../../support/model-protocols.js';
import type { ScriptStep } from '../../../support/scripted-executor.js';
import { answerText, type BoxedModel, startBoxedModel } from './boxed-model.js';

let boxed: BoxedModel;
let worker: GovernedWorker;
beforeAll(async () => {
  boxed = await startBoxedModel();
  worker = await createGovernedWorker({ address: inject('temporalAddress') });
});
afterAll(async () => {
  await worker.close();
  await boxed.close();
});

describe.runIf(process.platform === 'linux')('a governed run by a model', () => {
  test('a model that writes, verifies and reviews by its API brings a run to approved, with all that it used', async () => {
    boxed.server.script([
      ...(['P00', 'P01', 'P03'] as const).map((gate) => ({ kind: 'text', text: answerText(gate) }) as const),
      { kind: 'tool', name: 'read_file', input: { path: 'src/split.js' } },
      { kind: 'tool', name: 'write_file', input: { path: 'src/split.js', content: "export const split = 'right';\n" } },
      ...(['P05', 'P06', 'P07'] as const).map((gate) => ({ kind: 'text', text: answerText(gate) }) as const),
    ]);
    const executor = boxed.executor();
    const step: ScriptStep = (call) => executor.execute(call);
    const run = await worker.startRun({
      gates: GATE_IDS,
      scripts: { nina: [step, step, step, step], vera: [step], rex: [step] },
    });
    for (const gate of GATE_IDS) await run.approve(gate);
    expect((await worker.runs.wait(run.runId)).outcome).toBe('approved');
    boxed.server.assertDone();
    const record = (await worker.publishedJson(run.runId, 'run_record.json')) as RunRecord;
    const tries = record.gates.flatMap(({ attempts }) => attempts.flatMap((attempt) => attempt.tries));
    expect(tries).toHaveLength(GATE_IDS.length);
    expect(tries[3]).toMatchObject({
      ...{ served_model: SERVED_MODEL, usage: { input_tokens: 3 * TOKENS.input, output_tokens: 3 * TOKENS.output } },
    });
    expect(await run.failedTasks()).toEqual([]);
  });
});
