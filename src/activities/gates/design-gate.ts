import type { PlanOutput } from '../../contracts/gate-outputs.js';
import { gateInputs } from '../../prompt-pack/index.js';
import { judgePlan } from '../../rules/plan-output.js';
import { createScopeJudgement } from '../../rules/scope-matching.js';
import { protectedPaths } from '../../rules/what-holds.js';
import { type GateDefinition, NOTHING_OBSERVED, publishOutput, scopesOf } from './gate-definition.js';

/** P03: the writer plans; files out of scope fail the gate, open questions escalate. */
export const designGate: GateDefinition<PlanOutput> = {
  editsFiles: false,
  begin: async (task) => {
    const { request, earlier, policy } = task;
    const scope = createScopeJudgement(scopesOf(task), protectedPaths(policy), task.input.rules_version);
    return {
      patch: null,
      inputs: gateInputs('P03', { request, context: earlier.context, job: earlier.job }),
      observed: NOTHING_OBSERVED,
      judge: async (output) => ({
        findings: judgePlan(output, scope),
        artifacts: await publishOutput(task, 'P03', output),
      }),
    };
  },
};
