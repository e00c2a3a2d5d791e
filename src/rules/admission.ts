import picomatch from 'picomatch/posix.js';
import { PromptOsError } from '../contracts/errors.js';
import { GATES, type GateId, gateIndex } from '../contracts/names.js';
import type { Policy } from '../contracts/policy.js';
import { isBoundedGlob } from './read-glob.js';

/**
 * Judges the gates that a run is to walk: ascending, none twice, the needs of each and the policy's required ones
 * among them. The command line asks before it starts a run, and the engine asks again, since it trusts no client.
 * @param received how messages call what was given
 * @throws PromptOsError GATE_ORDER, GATE_REQUIRED
 */
export function checkGateSelection(
  gates: readonly GateId[],
  policy: Pick<Policy, 'name' | 'required_gates'>,
  received = `received the gates ${gates.join(',')}`,
): void {
  for (const [index, gate] of gates.entries()) {
    const before = gates[index - 1];
    if (before === undefined || gateIndex(before) < gateIndex(gate)) continue;
    const problem = gates.indexOf(gate) < index ? `${gate} is named twice` : `${gate} comes after ${before}`;
    throw new PromptOsError('GATE_ORDER', `${received}, where ${problem}.`);
  }
  const needed = gates.flatMap((gate) =>
    GATES[gate].needs.filter((need) => !gates.includes(need)).map((need) => `${gate} needs ${need}`),
  );
  const missing = policy.required_gates.filter((gate) => !gates.includes(gate));
  const required = missing.length === 0 ? [] : [`the policy "${policy.name}" requires ${missing.join(', ')}`];
  if (needed.length + required.length === 0) return;
  throw new PromptOsError('GATE_REQUIRED', `${received}, but ${[...needed, ...required].join(', ')}.`);
}

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
