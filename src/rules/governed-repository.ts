import picomatch from 'picomatch/posix.js';
import { PromptOsError } from '../contracts/errors.js';
import type { Policy } from '../contracts/policy.js';
import { isBoundedGlob } from './glob-cost.js';

/** Whether a policy governs a repository, by the name that runs call it. Policies that name none govern any. */
export const governsRepository = ({ repositories }: Pick<Policy, 'repositories'>, name: string): boolean =>
  repositories === undefined ||
  repositories.some((pattern) => pattern === '*' || pattern === name || matchesName(pattern, name));

/** Names of repositories are no paths: a pattern has the plain language of picomatch. */
const matchesName = (pattern: string, name: string): boolean =>
  isBoundedGlob(pattern) && picomatch(pattern, { dot: true })(name);

/**
 * Refuses a run of a repository that the policy does not govern: a policy that is laxer, and trusted for another
 * repository, must not judge this one. The command line asks before it starts a run, and every worker asks again.
 * @throws PromptOsError POLICY_NOT_FOR_REPOSITORY
 */
export function checkGovernedRepository(policy: Pick<Policy, 'name' | 'repositories'>, repository: string): void {
  if (governsRepository(policy, repository)) return;
  throw new PromptOsError(
    'POLICY_NOT_FOR_REPOSITORY',
    `The policy "${policy.name}" governs ${(policy.repositories ?? []).join(', ')}, and the run is of ${repository}.`,
  );
}
