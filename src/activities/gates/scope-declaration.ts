import type { JobOutput } from '../../contracts/gate-outputs.js';
import { judgeJob, publishedJob } from '../../rules/job-output.js';
import { pathAllowed } from '../../rules/scope-matching.js';
import { type GateDefinition, NOTHING_OBSERVED, presentInputs, prettyJson } from './gate-definition.js';

/** P01: the writer declares the job; it may narrow the request's scope, never widen it. */
export const scopeDeclaration: GateDefinition<JobOutput> = {
  editsFiles: false,
  begin: async ({ request, earlier: { context }, policy, putArtifact }) => ({
    patch: null,
    inputs: presentInputs({ request, context }),
    observed: NOTHING_OBSERVED,
    judge: async (output) => ({
      findings: judgeJob({
        request,
        output,
        checks: new Set(Object.keys(policy.checks)),
        inRequestScope: (path) => pathAllowed(path, [request.scope]),
      }),
      artifacts: [await putArtifact('job.json', prettyJson(publishedJob(request, output)), 'application/json')],
    }),
  }),
};
