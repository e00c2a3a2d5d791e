import type {
  BuildOutput,
  ContextOutput,
  JobOutput,
  PlanOutput,
  ReviewOutput,
  VerificationOutput,
} from '../contracts/gate-outputs.js';
import { prettyJson } from '../contracts/pretty-json.js';
import type { RunRequest } from '../contracts/run-request.js';
import { publishedJob } from './job-output.js';
import { renderBuildSummary } from './render-build-summary.js';
import { renderPlan } from './render-plan.js';
import { renderReview } from './render-review.js';

/** Each gate's output. */
export interface GateOutputs {
  readonly P00: ContextOutput;
  readonly P01: JobOutput;
  readonly P03: PlanOutput;
  readonly P05: BuildOutput;
  readonly P06: VerificationOutput;
  readonly P07: ReviewOutput;
}

/** A file that follows from an executor's output. */
export interface OutputFile {
  readonly path: string;
  readonly text: string;
}

type Publish = {
  readonly [G in keyof GateOutputs]: (output: GateOutputs[G], request: RunRequest) => readonly OutputFile[];
};

/**
 * The files that an output is published as, by gate. The gates write with it, and the verifier makes the same files again
 * from the answer, so that a Markdown text cannot say something else than its JSON.
 */
export const PUBLISHED_OUTPUT: Publish = {
  P00: (output) => [{ path: 'evidence/context.json', text: prettyJson(output) }],
  P01: (output, request) => [{ path: 'job.json', text: prettyJson(publishedJob(request, output)) }],
  P03: (output) => [
    { path: 'plan.md', text: renderPlan(output) },
    { path: 'evidence/plan.json', text: prettyJson(output) },
  ],
  P05: (output) => [
    { path: 'patch/summary.md', text: renderBuildSummary(output) },
    { path: 'patch/summary.json', text: prettyJson(output) },
  ],
  P06: (output) => [{ path: 'evidence/verification.json', text: prettyJson(output) }],
  P07: (output) => [
    { path: 'review.md', text: renderReview(output) },
    { path: 'evidence/review.json', text: prettyJson(output) },
  ],
};
