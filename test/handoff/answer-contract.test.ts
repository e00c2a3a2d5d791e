import { describe, expect, inject } from 'vitest';
import type { SubmissionAnswer } from '../../src/handoff/gate-desk.js';
import { openGate } from '../../src/handoff/open-gate.js';
import { submitGate } from '../../src/handoff/submit-gate.js';
import { testAnswerContract } from '../support/answer-contract.js';
import { createGovernedWorker } from '../support/governed-worker.js';
import { deskOf, HUMAN_WRITER, untilHandedOff } from './support.js';

describe('hand-off', () => {
  testAnswerContract('handoff', async () => {
    const handOff = (principal: string) => (principal === 'nina' ? { claim_timeout_ms: 3_600_000 } : null);
    const worker = await createGovernedWorker({
      ...{ address: inject('temporalAddress'), signedPolicy: HUMAN_WRITER, handOff },
    });
    return {
      attempt: async (answers) => {
        const run = await worker.startRun();
        await untilHandedOff(worker, run, 'P00');
        const desk = await deskOf(worker, 'nina@desk');
        await openGate(desk, { run_id: run.runId, gate: null });
        const submit = (output: string): Promise<SubmissionAnswer> =>
          submitGate(desk, { run_id: run.runId, gate: 'P00', output, patch: null, submit_failing: false });
        const problems: string[] = [];
        for (const refused of answers.slice(0, -1)) {
          const error: unknown = await submit(refused).catch((thrown: unknown) => thrown);
          expect(error).toMatchObject({ code: 'OUTPUT_UNUSABLE' });
          problems.push((error as { readonly summary: string }).summary);
        }
        const { kind, result } = await submit(answers.at(-1) ?? '');
        expect(kind).toBe('submitted');
        await run.handle.terminate();
        return { verdict: result.verdict, problems, feedback: problems.join('\n') };
      },
      close: () => worker.close(),
    };
  });
});
