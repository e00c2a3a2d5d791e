import type { ReviewOutput } from '../../contracts/gate-outputs.js';
import { gateInputs, patchInput } from '../../prompt-pack/index.js';
import { judgeReview } from '../../rules/review-output.js';
import { type GateDefinition, NOTHING_OBSERVED, publishOutput } from './gate-definition.js';
import { standingPatch } from './patch-input.js';

/** P07: the reviewer attacks the change, on the base plus the patch. Zero findings is a legal review. */
export const adversarialReview: GateDefinition<ReviewOutput> = {
  editsFiles: false,
  begin: async (task) => {
    const { request, earlier } = task;
    const patch = standingPatch(task);
    return {
      patch: patch.bytes,
      inputs: gateInputs('P07', {
        request,
        context: earlier.context,
        job: earlier.job,
        plan: earlier.plan,
        patch: patchInput(patch),
        test_results: earlier.testResults,
      }),
      observed: NOTHING_OBSERVED,
      judge: async (output) => ({
        findings: judgeReview(output),
        artifacts: await publishOutput(task, 'P07', output),
      }),
    };
  },
};
