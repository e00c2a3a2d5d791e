import type { JobOutput } from '../../contracts/gate-outputs.js';
import { gateInputs } from '../../prompt-pack/index.js';
import { judgeJob } from '../../rules/job-output.js';
import { pathAllowed } from '../../rules/scope-matching.js';
import { type GateDefinition, NOTHING_OBSERVED, publishOutput } from './gate-definition.js';

/** P01: the writer declares the job; it may narrow the request's scope, never widen it. */
export const scopeDeclaration: GateDefinition<JobOutput> = {
  editsFiles: false,
  begin: async (task) => ({
    patch: null,
    inputs: gateInputs('P01', { request: task.request, context: task.earlier.context }),
    observed: NOTHING_OBSERVED,
    judge: async (output) => ({
      findings: judgeJob({
        request: task.request,
        output,
        checks: new Set(Object.keys(task.policy.checks)),
        rules_version: task.input.rules_version,
        inRequestScope: (path) => pathAllowed(path, [task.request.scope], [], task.input.rules_version),
      }),
      artifacts: await publishOutput(task, 'P01', output),
    }),
  }),
};
