import { PromptOsError } from '../contracts/errors.js';
import type { Policy } from '../contracts/policy.js';
import { findSecretPatterns } from './secret-patterns.js';

/** A variable of a check that looks like a credential, and the place in the policy where it is written. */
export interface SecretVariable {
  readonly path: readonly string[];
  /** Never the value itself. */
  readonly what: string;
}

/** Variables of checks that look like credentials: the policy is committed, and published with every run. */
export const secretVariables = ({ checks }: Pick<Policy, 'checks'>): readonly SecretVariable[] =>
  Object.entries(checks).flatMap(([check, { env }]) =>
    Object.entries(env).flatMap(([name, value]) => {
      const [hit] = findSecretPatterns(`${name}="${value}"`);
      if (hit === undefined) return [];
      const what = `holds ${hit.message} (${hit.rule}): a policy is published; name the variable under checks.env.allow of the worker config instead`;
      return [{ path: ['checks', check, 'env', name], what }];
    }),
  );

/**
 * Refuses a run whose policy gives a check a credential, where no file says at which line.
 * @throws PromptOsError POLICY_INVALID
 */
export function checkPlainVariables(policy: Policy): void {
  const [first] = secretVariables(policy);
  if (first === undefined) return;
  throw new PromptOsError('POLICY_INVALID', `The policy: ${first.path.join('.')} ${first.what}.`);
}
