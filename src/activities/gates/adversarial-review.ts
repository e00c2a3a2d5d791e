import type { ReviewOutput } from '../../contracts/gate-outputs.js';
import { judgeReview } from '../../rules/review-output.js';
import { type GateDefinition, NOTHING_OBSERVED, presentInputs, prettyJson } from './gate-definition.js';
import { patchInput, standingPatch } from './patch-input.js';
import { renderReview } from './render-review.js';

/** P07: the reviewer attacks the change, on the base plus the patch. Zero findings is a legal review. */
export const adversarialReview: GateDefinition<ReviewOutput> = {
  editsFiles: false,
  begin: async (task) => {
    const { request, earlier, putArtifact } = task;
    const patch = standingPatch(task);
    return {
      patch: patch.bytes,
      inputs: presentInputs({
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
        artifacts: [
          await putArtifact('review.md', renderReview(output), 'text/markdown'),
          await putArtifact('evidence/review.json', prettyJson(output), 'application/json'),
        ],
      }),
    };
  },
};
