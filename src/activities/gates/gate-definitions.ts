import type { GateOutputs } from '../../contracts/answers/gate-outputs.js';
import type { GateId } from '../../contracts/names.js';
import { gateInputs } from '../../prompt-pack/render.js';
import { judgeJob, judgePlan, judgeReview, planTerms } from '../../rules/outputs/gate-outputs.js';
import { judgeClaims } from '../../rules/outputs/judge-claims.js';
import { judgeReviewWork } from '../../rules/outputs/judge-review-work.js';
import { pathAllowed } from '../../rules/paths/scope-matching.js';
import { readPatchApart } from '../apart/read-patch-apart.js';
import { constrainedBuilder } from './constrained-builder.js';
import { contextLock } from './context-lock.js';
import { type GateDefinition, NOTHING_OBSERVED, patchToJudge, publishOutput } from './gate-definition.js';
import { verifyForensics } from './verify-forensics.js';

/** P01: the writer declares the job; it may narrow the request's scope, never widen it. */
const scopeDeclaration: GateDefinition<GateOutputs['P01']> = {
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

/** P03: the writer plans; files out of scope fail the gate, open questions escalate. */
const designGate: GateDefinition<GateOutputs['P03']> = {
  editsFiles: false,
  begin: async (task) => {
    const { request, earlier, policy } = task;
    const terms = planTerms(policy, request, earlier.job, task.inventory.files, task.input.rules_version);
    return {
      patch: null,
      inputs: gateInputs('P03', { request, context: earlier.context, job: earlier.job }),
      observed: NOTHING_OBSERVED,
      judge: async (output) => ({
        findings: judgePlan(output, terms),
        artifacts: await publishOutput(task, 'P03', output),
      }),
    };
  },
};

/** P07: the reviewer attacks the change, on the base plus the patch. Zero findings is a legal review. */
const adversarialReview: GateDefinition<GateOutputs['P07']> = {
  editsFiles: false,
  begin: async (task) => {
    const { request, earlier } = task;
    const patch = patchToJudge(task);
    const given = await readPatchApart(patch, task.inventory.files, task.signal);
    return {
      patch: patch.bytes,
      inputs: gateInputs('P07', {
        request,
        context: earlier.context,
        job: earlier.job,
        plan: earlier.plan,
        patch: given.input,
        test_results: earlier.testResults,
        withheld_files: given.withheld,
      }),
      observed: NOTHING_OBSERVED,
      judge: async (output) => ({
        findings: [
          ...judgeReview(output),
          ...judgeReviewWork(output, given.paths, task.input.rules_version),
          ...judgeClaims('P07', output, earlier.testResults?.checks ?? [], task.input.rules_version),
        ],
        artifacts: await publishOutput(task, 'P07', output),
      }),
    };
  },
};

/** How each gate differs from the others. */
export const GATE_DEFINITIONS = {
  P00: contextLock,
  P01: scopeDeclaration,
  P03: designGate,
  P05: constrainedBuilder,
  P06: verifyForensics,
  P07: adversarialReview,
} satisfies Record<GateId, GateDefinition>;
