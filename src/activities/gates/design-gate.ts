import type { PlanOutput } from '../../contracts/gate-outputs.js';
import { judgePlan } from '../../rules/plan-output.js';
import { createScopeJudgement } from '../../rules/scope-matching.js';
import {
  type GateDefinition,
  NOTHING_OBSERVED,
  presentInputs,
  prettyJson,
  protectedPaths,
  scopesOf,
} from './gate-definition.js';
import { renderPlan } from './render-plan.js';

/** P03: the writer plans; files out of scope fail the gate, open questions escalate. */
export const designGate: GateDefinition<PlanOutput> = {
  editsFiles: false,
  begin: async (task) => {
    const { request, earlier, policy, putArtifact } = task;
    const scope = createScopeJudgement(scopesOf(task), protectedPaths(policy));
    return {
      patch: null,
      inputs: presentInputs({ request, context: earlier.context, job: earlier.job }),
      observed: NOTHING_OBSERVED,
      judge: async (output) => ({
        findings: judgePlan(output, scope),
        artifacts: [
          await putArtifact('plan.md', renderPlan(output), 'text/markdown'),
          await putArtifact('evidence/plan.json', prettyJson(output), 'application/json'),
        ],
      }),
    };
  },
};
