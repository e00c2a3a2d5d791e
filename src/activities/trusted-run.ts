import { PromptOsError } from '../contracts/errors.js';
import type { Policy } from '../contracts/policy.js';
import type { GovernedRunInput } from '../contracts/run-plan.js';
import type { RunRequest } from '../contracts/run-request.js';
import type { GovernancePorts } from '../ports/index.js';
import { loadPack, type PromptPack } from '../prompt-pack/index.js';
import { checkGovernedRepository } from '../rules/governed-repository.js';
import type { PinnedDocuments } from './pinned-documents.js';

/** A run's pinned documents, once this worker was found to trust them. */
export interface TrustedRun {
  readonly policy: Policy;
  readonly request: RunRequest;
  readonly pack: PromptPack;
}

/**
 * Loads what a run was started with, and asks anew whether this worker trusts it: whoever starts a run must not bring
 * his own law, and trust may end while a run waits.
 * @throws PromptOsError POLICY_NOT_TRUSTED, POLICY_NOT_FOR_REPOSITORY, PACK_NOT_TRUSTED, PACK_LOCK_MISMATCH, and what the documents' readers throw
 */
export async function loadTrustedRun(
  ports: Pick<GovernancePorts, 'trust'>,
  documents: PinnedDocuments,
  run: GovernedRunInput,
): Promise<TrustedRun> {
  const trusted = await ports.trust.trustedPolicies();
  if (!trusted.has(run.policy_sha256)) {
    const known = [...trusted].join(', ') || 'none';
    throw new PromptOsError(
      'POLICY_NOT_TRUSTED',
      `This worker does not trust the policy sha256:${run.policy_sha256}; it trusts ${known}.`,
    );
  }
  const policy = await documents.policy(run.policy_sha256);
  checkGovernedRepository(policy, run.target_repo);
  const pack = loadPack(await documents.packBundle(run.pack_object_sha256));
  if (!policy.prompt_packs.includes(pack.digest)) {
    throw new PromptOsError(
      'PACK_NOT_TRUSTED',
      `The policy "${policy.name}" does not list the prompt pack ${pack.digest} in prompt_packs.`,
    );
  }
  return { policy, request: await documents.request(run.request_sha256), pack };
}
