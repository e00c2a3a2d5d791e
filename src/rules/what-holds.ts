import type { JobOutput } from '../contracts/gate-outputs.js';
import type { Policy } from '../contracts/policy.js';
import type { Criterion, RunRequest, Scope } from '../contracts/run-request.js';

/** The scopes that hold: the request's and, once there is one, the job's. A path must be inside each. */
export const scopesThatHold = (request: RunRequest, job: JobOutput | null): readonly Scope[] =>
  job === null ? [request.scope] : [request.scope, job.scope];

/** The acceptance criteria that hold: the job's, which contain the request's, or the request's own. */
export const criteriaThatHold = (request: RunRequest, job: JobOutput | null): readonly Criterion[] =>
  job?.acceptance_criteria ?? request.task.acceptance_criteria;

/** Globs of what no run may touch: the policy's, and what its checks are made of, so that the judged cannot edit the judge. */
export const protectedPaths = ({
  protected_paths,
  checks,
}: Pick<Policy, 'protected_paths' | 'checks'>): readonly string[] => [
  ...protected_paths,
  ...Object.values(checks).flatMap(({ made_of }) => made_of),
];
