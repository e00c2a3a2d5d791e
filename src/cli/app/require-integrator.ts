import { PromptOsError } from '../../contracts/errors.js';
import type { Policy } from '../../contracts/policy/policy.js';

/** @param option that names the integrator, such as `--as` @throws PromptOsError USAGE for any other principal */
export function requireIntegrator({ roles }: Policy, name: string, option: string): void {
  if (roles.integrator.includes(name)) return;
  throw new PromptOsError('USAGE', `${option}: expected an integrator of the policy, received "${name}".`, {
    hint: `The policy has ${roles.integrator.join(', ')}.`,
  });
}
