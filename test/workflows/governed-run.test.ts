import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { GATE_IDS } from '../../src/contracts/names.js';
import { createGovernedWorker, type GovernedWorker } from '../support/governed-worker.js';

let worker: GovernedWorker;
beforeAll(async () => {
  worker = await createGovernedWorker({ address: inject('temporalAddress') });
});
afterAll(() => worker.close());

describe('governedRun: the straight path', () => {
  test('six gates by updates end approved, with a published tree', async () => {
    const run = await worker.startRun({ gates: GATE_IDS });
    for (const gate of GATE_IDS) {
      expect(await run.approve(gate)).toMatchObject({ kind: 'answered', answer: { accepted: true, reason: null } });
    }
    const result = await worker.runs.wait(run.runId);
    expect(result.outcome).toBe('approved');
    expect(await run.failedTasks()).toEqual([]);
    expect(await worker.publishedJson(run.runId, 'run_record.json')).toMatchObject({ outcome: 'approved' });
  });
});
